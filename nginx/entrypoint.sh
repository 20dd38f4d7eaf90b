#!/bin/bash
# Run nginx, and keep the addresses in its upstream block true.
#
# Docker gives an instance that is created anew another address. nginx looks names up only when it
# starts; its own remedy ("server … resolve") drops an instance from the list as soon as its name is
# gone, and a request that is being retried in that moment fails ("no live upstreams").
# So this script asks Docker's DNS once a second and
#   - when a name has another address than before, and somebody accepts connections there: writes
#     upstream.conf anew and reloads nginx, which loses no request;
#   - when a name is merely gone (a dead instance): changes nothing. nginx notices by itself that nobody
#     answers there, and the instance is back in turn as soon as it does;
#   - when somebody else has the address of a name that is gone: takes it out (down).
#
# TERM ends nginx at once, QUIT after the running requests, HUP reloads.
set -uo pipefail

TEMPLATE=${UPSTREAM_TEMPLATE:-/etc/nginx/upstream.conf}
RUN_DIR=${RUN_DIR:-/run/nginx}
TARGET=$RUN_DIR/upstream.conf
SERVER_LINE='^([[:space:]]*)server[[:space:]]+([A-Za-z0-9_.-]+):([0-9]+)([^;]*);'

declare -a names=()        # as in the template, in its order
declare -A port=()         # name -> port
declare -A looked=()       # name -> the addresses that it has now, as look_all found them
declare -A address=()      # name -> address in use; empty: none, the server is marked down
nginx_pid=''

log() { printf '%s [upstream] %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2; }

# read_names: the names in the template's server lines.
read_names() {
    local line
    while IFS= read -r line; do
        [[ $line =~ $SERVER_LINE && -z ${port[${BASH_REMATCH[2]}]:-} ]] || continue
        names+=("${BASH_REMATCH[2]}")
        port[${BASH_REMATCH[2]}]=${BASH_REMATCH[3]}
        address[${BASH_REMATCH[2]}]=''
    done <"$TEMPLATE"
    ((${#names[@]})) || { log "ERROR: no line 'server name:port …;' in $TEMPLATE"; exit 1; }
}

# lookup NAME: its IPv4 addresses, one a line. The final dot keeps the search domains of the host
# out of it: "app" must never become app.example.org.
lookup() { timeout 1 getent ahostsv4 "$1." | while read -r ip kind _; do [[ $kind != STREAM ]] || echo "$ip"; done; }

# look_all: ask for all names; looked[NAME] are the addresses of NAME. All are asked in one go, since to start
# a program costs more than its question, and this comes every second. Those that it does not tell (nobody
# there, a name that stands for another, no answer in time) are asked one by one, side by side.
look_all() {
    local ip kind said name=''
    local -a pids=() missing=()
    looked=()
    while read -r ip kind said; do
        [[ $kind == STREAM ]] || continue
        name=${said:-$name} # only the first line of a name tells it
        [[ -z $name ]] || looked[$name]+="$ip "
    done < <(timeout 1 getent ahostsv4 "${names[@]/%/.}" 2>/dev/null)
    for name in "${names[@]}"; do
        [[ -z ${looked[$name]:-} ]] || continue
        lookup "$name" >"$RUN_DIR/dns/$name" 2>/dev/null &
        pids+=($!)
        missing+=("$name")
    done
    ((${#pids[@]})) || return 0
    wait "${pids[@]}"
    for name in "${missing[@]}"; do
        looked[$name]=$(tr '\n' ' ' <"$RUN_DIR/dns/$name")
    done
}

# accepts ADDRESS PORT: does somebody listen there? A container has its address a moment before its
# process listens; nginx would try too early and then leave the instance out for a while.
accepts() { timeout 0.3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; }

# taken NAME: the name left its address; does that belong to somebody else now? Docker's DNS also
# knows the way back, from address to container. The name is asked once more: it may just be back. Only
# an answer counts, an address (status 0) or "no such name" (2). On a machine that is overrun a question
# runs into its time-out, and whoever took silence for "gone" would take a living instance out.
taken() {
    local now
    timeout 1 getent hosts "${address[$1]}" >/dev/null 2>&1 || return 1
    now=$(lookup "$1" 2>/dev/null)
    case $? in 0 | 2) ;; *) return 1 ;; esac
    [[ $'\n'"$now"$'\n' != *$'\n'"${address[$1]}"$'\n'* ]]
}

# refresh: bring the table of addresses up to date. Returns 0 when something changed. While a name has
# a new address where nobody listens yet, it is in $RUN_DIR/pending (the health check looks there).
refresh() {
    local name new changed=1 pending=''
    local -a found
    look_all
    for name in "${names[@]}"; do
        read -ra found <<<"${looked[$name]:-}"
        if [[ " ${found[*]:-} " == *" ${address[$name]:-none} "* ]]; then
            continue
        fi
        new=${found[0]:-}
        if [[ -n $new ]] && accepts "$new" "${port[$name]}"; then
            log "$name is at $new now (before: ${address[$name]:-nowhere})"
            address[$name]=$new
            changed=0
            continue
        fi
        pending+=${new:+"$name "}
        if [[ -n ${address[$name]} ]] && taken "$name"; then
            log "${address[$name]} is no longer $name but somebody else: $name is marked down"
            address[$name]=''
            changed=0
        fi
    done
    printf '%s' "$pending" >"$RUN_DIR/pending"
    return $changed
}

# render: the template with addresses in place of names.
render() {
    local line
    while IFS= read -r line; do
        if [[ $line =~ $SERVER_LINE ]]; then
            if [[ -n ${address[${BASH_REMATCH[2]}]} ]]; then
                line="${BASH_REMATCH[1]}server ${address[${BASH_REMATCH[2]}]}:${BASH_REMATCH[3]}${BASH_REMATCH[4]}; # ${BASH_REMATCH[2]}"
            else
                line="${BASH_REMATCH[1]}server 127.0.0.1:9${BASH_REMATCH[4]} down; # ${BASH_REMATCH[2]}: no address"
            fi
        fi
        printf '%s\n' "$line"
    done <"$TEMPLATE"
}

write() { render >"$TARGET.new" && mv "$TARGET.new" "$TARGET"; }

# apply: use the new addresses, unless nginx does not like them.
apply() {
    cp "$TARGET" "$TARGET.old"
    write
    if nginx -e /dev/stderr -q -t; then
        kill -HUP "$nginx_pid"
        log "reloaded nginx"
    else
        log "ERROR: nginx refuses the new upstream.conf, keeping the old one"
        mv "$TARGET.old" "$TARGET"
    fi
}

main() {
    [[ ${1:-} == nginx ]] || exec "$@"
    mkdir -p "$RUN_DIR/dns"
    read_names
    refresh
    write
    nginx -e /dev/stderr -g 'daemon off;' &
    nginx_pid=$!
    trap 'kill -TERM $nginx_pid' TERM INT
    trap 'kill -QUIT $nginx_pid' QUIT
    trap 'kill -HUP $nginx_pid' HUP

    local tick
    while kill -0 "$nginx_pid" 2>/dev/null; do
        # A pause that ends early when nginx ends or a signal comes.
        sleep 1 & tick=$!
        wait -n "$nginx_pid" "$tick"
        kill "$tick" 2>/dev/null
        kill -0 "$nginx_pid" 2>/dev/null || break
        refresh && apply
    done
    wait "$nginx_pid"
}

# Sourced by a test, this file only defines its functions.
[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
