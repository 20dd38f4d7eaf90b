# shellcheck shell=bash
# The health checks of all our images share this; each brings its own check(), one look at the service.
#
# watch MARK is what Docker runs. Starting a check inside a container costs the engine more than the
# check itself (0.1 s of processor time), so one start does for many: before the first success it asks
# four times a second and reports at once; afterwards it stays for half a minute, looking every 5
# seconds, and ends early when two looks fail. MARK lies on a tmpfs, so it is gone after a restart.
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
