#!/bin/bash
# Is phpMyAdmin usable? Ask a small PHP page (health.php); the login page would cost fifty times as much.
#
#   healthcheck.sh         one look
#   healthcheck.sh watch   what Docker's health check runs, see below
set -uo pipefail

check() {
    local answer
    answer=$(timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080 &&
        printf "GET /_health HTTP/1.0\r\nHost: health\r\n\r\n" >&3 && cat <&3' 2>/dev/null)
    [[ $answer == HTTP/1.?\ 200* ]] || { echo "no good answer: ${answer:-none}"; return 1; }
    echo ok
}

# watch MARK: what Docker runs. Starting a check inside a container costs the engine more than the check
# itself (0.1 s of processor time), so one start does for many: before the first success it asks four
# times a second and reports at once, afterwards it stays for half a minute, looking every 5 seconds, and
# ends early when two looks fail. MARK lies on a tmpfs, so it is gone after a restart.
watch() {
    local answer failed=0
    if [[ ! -e $1 ]]; then
        until answer=$(check); do
            ((SECONDS < 50)) || { echo "$answer"; return 1; }
            sleep 0.25
        done
        touch "$1"
        echo "$answer"
        return 0
    fi
    while ((SECONDS < 30)); do
        if answer=$(check); then
            failed=0
            sleep 5
        else
            ((++failed < 2)) || { rm -f "$1"; echo "$answer"; return 1; }
            sleep 1
        fi
    done
    echo "$answer"
}

if [[ ${1:-} == watch ]]; then watch /run/phpmyadmin/healthy; else check; fi
