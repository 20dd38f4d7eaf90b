#!/bin/bash
# Is phpMyAdmin usable? Ask a small PHP page (health.php); the login page would cost fifty times as much.
set -uo pipefail
exec 3<>/dev/tcp/127.0.0.1/8080 || { echo "Apache does not listen"; exit 1; }
printf 'GET /_health HTTP/1.0\r\nHost: health\r\n\r\n' >&3
read -r -t 2 answer <&3
echo "${answer%$'\r'}"
[[ $answer == HTTP/1.?\ 200* ]]
