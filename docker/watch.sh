# shellcheck shell=bash
# The health checks of all our images share this; each brings its own check(), one look at the service. The
# guard of mysql breathes and naps as they do.
#
# watch MARK is what Docker runs. Starting a check inside a container costs the engine more than the
# check itself (0.1 s of processor time), so one start does for many: before the first success it asks
# up to four times a second (see breathe) and reports at once; afterwards it stays for half a minute, looking every 5
# seconds, and ends early when two looks fail.
# MARK says that the last watch ended well. It lies on a tmpfs, so it is gone after a restart; and a
# watch takes it away for as long as it stays, so it is gone too when the engine broke the watch off. That
# is what a pause does, and then the engine calls the container unhealthy until the next report:
# that must come at once.
watch() {
    local answer began failed=0
    if [[ ! -e $1 ]]; then
        while began=$EPOCHREALTIME; ! answer=$(check); do
            ((SECONDS < 50)) || { echo "$answer"; return 1; }
            breathe "$began" 250000
        done
        touch "$1"
        echo "$answer"
        return 0
    fi
    rm -f "$1"
    while ((SECONDS < 30)); do
        if answer=$(check); then
            failed=0
            nap 5
        else
            ((++failed < 2)) || { echo "$answer"; return 1; }
            nap 1
        fi
    done
    touch "$1"
    echo "$answer"
}

# breathe BEGAN LEAST: pause after a look that began at BEGAN (EPOCHREALTIME), for LEAST microseconds, and for
# three times as long as the look took: where to start a program costs much, several servers that are looked
# at would otherwise wait for processors that the looks at them use.
breathe() {
    local pause=$(((${EPOCHREALTIME//[^0-9]/} - ${1//[^0-9]/}) * 3)) seconds
    ((pause > $2)) || pause=$2
    printf -v seconds '%d.%06d' $((pause / 1000000)) $((pause % 1000000))
    nap "$seconds"
}

# nap SECONDS: sleep without a program for it, which costs 10 ms of processor time on a slow machine: that much
# several times a second, in ten containers, is felt. It waits for a line that nobody writes.
nap() {
    [[ -n ${NOBODY:-} ]] || exec {NOBODY}<> <(:)
    read -rt "$1" -u "$NOBODY" || true
}

# listening PORT: does somebody take connections there, in this container? To be asked before a client of
# MySQL is started, which costs as much processor time as 200 such questions (80 ms and 0.4 ms were measured): four
# servers that start at once would spend all of a small machine on clients that find nobody.
listening() { { :; } 9<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null
