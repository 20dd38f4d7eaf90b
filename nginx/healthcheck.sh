#!/bin/bash
# Is the site usable? nginx must answer, at least one instance behind it must be ready, and none that
# has just started may be missing from the upstream block.
# The instances are asked directly, not through the upstream block: a health check that took part
# in the round robin would disturb the shares that the lab counts.
#
#   healthcheck.sh         one look
#   healthcheck.sh watch   what Docker's health check runs, see watch.sh
set -uo pipefail

# get HOST PORT PATH: the answer to a GET, or nothing after a second.
get() {
    timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET %s HTTP/1.0\r\nHost: health\r\n\r\n" "$2" >&3 && cat <&3' \
        "$1" "$2" "$3" 2>/dev/null
}

check() {
    local status answer word where rest tried=0
    status=$(get 127.0.0.1 8081 /status)
    [[ $status == HTTP/1.?\ 200* ]] || { echo "nginx does not answer"; return 1; }

    [[ ! -s /run/nginx/pending ]] || { echo "waiting for: $(</run/nginx/pending)"; return 1; }

    while read -r word where rest; do
        [[ $word == server && $where != 127.0.0.1:9 && $rest != *backup* ]] || continue
        tried=$((tried + 1))
        answer=$(get "${where%:*}" "${where#*:}" /readyz)
        [[ $answer == HTTP/1.?\ 200* ]] && { echo "ok, ${where} is ready"; return 0; }
    done </run/nginx/upstream.conf
    echo "nginx runs, but none of $tried known instances is ready"
    return 1
}

source /usr/local/bin/watch.sh

if [[ ${1:-} == watch ]]; then watch /run/nginx/healthy; else check; fi
