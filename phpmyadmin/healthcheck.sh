#!/bin/bash
# Is phpMyAdmin usable? Ask a small PHP page (health.php); the login page would cost fifty times as much.
#
#   healthcheck.sh         one look
#   healthcheck.sh watch   what Docker's health check runs, see watch.sh
set -uo pipefail

check() {
    local answer
    answer=$(timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080 &&
        printf "GET /_health HTTP/1.0\r\nHost: health\r\n\r\n" >&3 && cat <&3' 2>/dev/null)
    [[ $answer == HTTP/1.?\ 200* ]] || { echo "no good answer: ${answer:-none}"; return 1; }
    echo ok
}

source /usr/local/bin/watch.sh

if [[ ${1:-} == watch ]]; then watch /run/phpmyadmin/healthy; else check; fi
