# shellcheck shell=bash
# Which part does this server play? Sourced by entrypoint.sh, which runs guard beside every start of mysqld.
#
# A server starts read-only, so one that was the source, died, and comes back after a replica has been
# promoted can do no harm. Then it asks the others:
#
#   a majority (itself counted) takes it for the source   it opens itself
#   another one is the source, by a later promotion         it follows that one, if that one has
#                                                            everything it has; else it stays
#                                                            read-only and says so: it must be rebuilt
#   neither                                                  it stays read-only and asks again
#
# The majority is what makes this safe: "lab promote" stops the receivers of the replicas first, and a
# replica with a stopped receiver takes nobody for the source. It also writes each promotion to at least
# two servers, so of any majority one knows of it.

GUARD_NOTE=${RUN_DIR:-/run/mysqld}/guard # why the server is not usable, for the health check

# note TEXT: say it once, here and in the health check.
note() {
    [[ $(cat "$GUARD_NOTE" 2>/dev/null) != "$1" ]] || return 0
    log "$1"
    printf '%s\n' "$1" >"$GUARD_NOTE"
}

# ask HOST SQL: the answer of a server, as the operator.
ask() {
    timeout 3 mysql --defaults-file="$RUN_DIR/operator.cnf" --connect-timeout=1 --host="$1" \
        --batch --skip-column-names --unbuffered --execute="$2" 2>/dev/null
}

# look HOST: one line about a server: its uuid, whether it is writable, the newest term it knows and the uuid
# of that term's source, whom it follows and the state of its receiver ("-" for nobody), its GTIDs.
# look HOST empty: the same of a server that has no data yet.
look() {
    local term=p.term holder=p.server_uuid
    local from="LEFT JOIN $(table promotions) AS p ON p.term = (SELECT MAX(term) FROM $(table promotions))"
    [[ ${2:-} != empty ]] || { term=NULL holder=NULL from=''; }
    ask "$1" "SELECT @@GLOBAL.server_uuid, NOT (@@GLOBAL.read_only OR @@GLOBAL.super_read_only),
        COALESCE($term, 0), COALESCE($holder, '-'),
        IF(cs.channel_name IS NULL, '-', COALESCE(NULLIF(cs.source_uuid, ''), '?')), COALESCE(cs.service_state, '-'),
        COALESCE(NULLIF(REPLACE(@@GLOBAL.gtid_executed, '\n', ''), ''), '-')
        FROM (SELECT 1) AS one
        LEFT JOIN performance_schema.replication_connection_status AS cs ON cs.channel_name = '' $from"
}

# look_here: look at this server, which may have no data.
look_here() { look 127.0.0.1 || look 127.0.0.1 empty; }

# table NAME: a table of the inventory, for SQL.
table() { printf '`%s`.`%s`' "${DB_NAME//\`/\`\`}" "$1"; }

# look_around: what every server of DB_PEERS answers, one a line, its name first. They are asked side by side.
look_around() {
    local peer answer
    for peer in ${DB_PEERS//,/ }; do
        { answer=$(look "$peer") && printf '%s\t%s\n' "$peer" "$answer"; } &
    done
    wait
}

# others_have_data: does any server that is up already know of a source? Asked before the first boot of a
# source. A port that nobody listens at costs nothing.
others_have_data() {
    local peer
    for peer in ${DB_PEERS//,/ }; do
        timeout 1 bash -c ': >"/dev/tcp/$1/3306"' knock "$peer" 2>/dev/null || continue
        [[ -z $(look "$peer") ]] || return 0
    done
    return 1
}

# decide UUID TERM HOLDER COUNT: reads lines of look_around and prints what the server with this uuid, which
# knows of this term and its source, should do: "open", "follow HOST UUID GTIDS", or "wait REASON". COUNT is
# how many servers there are. Pure: it only reads its input.
decide() {
    local me=$1 term=$2 holder=$3 count=$4
    local votes=1 name uuid writable their_term their_holder follows receiver gtids newest=$2 source=''
    while IFS=$'\t' read -r name uuid writable their_term their_holder follows receiver gtids; do
        [[ $uuid != "$me" ]] || continue
        if ((their_term > newest)); then newest=$their_term; fi
        if ((writable && their_term >= term)) && [[ $their_holder == "$uuid" ]]; then
            source="follow $name $uuid $gtids"
        fi
        if ((their_term <= term)) && [[ $follows == "$me" && ($receiver == ON || $receiver == CONNECTING) ]]; then
            votes=$((votes + 1))
        fi
    done
    if [[ -n $source ]]; then
        echo "$source"
    elif ((newest > term)); then
        echo "wait another server has been promoted (term $newest, here $term), and is not writable now"
    elif [[ $holder != "$me" ]]; then
        echo "wait it is not the source of term $term, and that one is not writable now"
    elif ((2 * votes <= count)); then
        echo "wait $votes of $count servers take it for the source, it takes a majority (\"lab promote\" decides otherwise)"
    else
        echo open
    fi
}

# unless_late FOLLOWS: SQL that fails, and so ends what follows it in the same session, when a promotion is
# under way here or this server is not any more what the guard has seen: read-only, and following FOLLOWS.
# Between seeing and acting lie some clients of MySQL, a second on a slow machine; a server that "lab
# promote" has made the source meanwhile must not be closed again. It keeps the lock of "lab promote" until
# the session ends, so neither comes between the other's steps. (SQL has no "stop here" outside of stored
# programs; to prepare what is no statement is one.)
unless_late() {
    printf '%s' "SET @same = GET_LOCK('inventario.promote', 0) = 1 AND @@GLOBAL.read_only AND '$1' = COALESCE((
            SELECT COALESCE(NULLIF(source_uuid, ''), '?') FROM performance_schema.replication_connection_status
            WHERE channel_name = ''), '-');
        SET @go = IF(@same, 'DO 0', 'too late'); PREPARE go FROM @go;"
}

# What a commit waits for, by the part that the server plays now, whatever its own file says: a source for the
# disk, and a little for other commits (see master.cnf); a replica for neither (see slave1.cnf). lab/promote/pace.go
# says the same.
SOURCE_PACE='SET GLOBAL sync_binlog = 1; SET GLOBAL innodb_flush_log_at_trx_commit = 1; SET GLOBAL binlog_group_commit_sync_delay = 5000;'
REPLICA_PACE='SET GLOBAL sync_binlog = 0; SET GLOBAL innodb_flush_log_at_trx_commit = 2; SET GLOBAL binlog_group_commit_sync_delay = 0;'

# follow HOST UUID GTIDS FOLLOWS: become a replica of that server, unless this one has something that the other
# lacks. It has followed FOLLOWS until now.
follow() {
    local extra version
    extra=$(ask 127.0.0.1 "SELECT REPLACE(GTID_SUBTRACT(@@GLOBAL.gtid_executed, '${3#-}'), '\n', '')") || return 1
    if [[ -n $extra ]]; then
        note "fenced: $1 is the source now and lacks what was committed here ($extra): rebuild this server with \"lab promote\""
        return 1
    fi
    version=$(server_version)
    ask 127.0.0.1 "$(unless_late "$4")
        STOP REPLICA; SET GLOBAL super_read_only = ON; SET GLOBAL rpl_semi_sync_source_enabled = OFF;
        $REPLICA_PACE
        $(SOURCE_HOST=$1 SOURCE_PORT=3306 follow_sql "$version")" || return 1
    log "following $1"
}

# open: the server becomes writable.
open() {
    ask 127.0.0.1 "$(unless_late -)
        $SOURCE_PACE
        SET GLOBAL rpl_semi_sync_source_enabled = ON;
        SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF" || return 1
    log "open: a majority takes this server for the source"
}

# wait_for_replica: at the first boot the replicas are still starting, and nobody wants the tables to be made
# at the pace of a time-out. Semi-synchronous replication begins with the first of them.
wait_for_replica() {
    local pause=0.25 writable=1 replicas=0
    while ((writable && !replicas)); do
        nap "$pause"
        ((SECONDS < 60)) || pause=5
        read -r writable replicas < <(ask 127.0.0.1 "SELECT NOT @@GLOBAL.read_only, VARIABLE_VALUE FROM performance_schema.global_status
            WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_clients'") || return 0
    done
    ((!writable)) || ask 127.0.0.1 "SET GLOBAL rpl_semi_sync_source_enabled = ON" || return 0
}

# guard: from the start of the server until it has found its part.
guard() {
    local uuid writable term holder follows receiver gtids what host peer extra began
    local -a peers=(${DB_PEERS//,/ })
    ((${#peers[@]} > 1)) || peers=()
    trap - TERM INT
    SECONDS=0
    until listening 3306 && IFS=$'\t' read -r uuid writable term holder follows receiver gtids < <(look_here); do
        nap 0.2
        ((SECONDS < 120)) || return 0
    done
    if ((writable)); then # its first boot
        wait_for_replica
        return 0
    fi
    if [[ $follows != - && ${#FIRST_BOOT[@]} -gt 0 ]]; then return 0; fi
    while :; do
        began=$EPOCHREALTIME
        IFS=$'\t' read -r uuid writable term holder follows receiver gtids < <(look_here) || return 0
        ((!writable)) || break # somebody was quicker
        read -r what host peer extra < <(look_around | decide "$uuid" "$term" "$holder" "${#peers[@]}") || return 0
        case $what in
            open)
                [[ $follows == - ]] || break
                if open; then break; fi
                ;;
            follow)
                if [[ $follows == "$peer" ]]; then
                    ask 127.0.0.1 "$(unless_late "$follows") $REPLICA_PACE" || true # its own file may be a source's
                    break
                fi
                if follow "$host" "$peer" "$extra" "$follows"; then break; fi
                nap 2
                ;;
            wait)
                # A replica that finds no source keeps to the one that it has.
                [[ $follows == - ]] || ((SECONDS < 15)) || break
                [[ $follows != - ]] || note "fenced: $host $peer $extra"
                ;;
        esac
        breathe "$began" 300000
    done
    rm -f "$GUARD_NOTE"
}

# farewell: a source that is told to stop becomes read-only first, so that what is being committed is still
# confirmed by a replica and answered. Then everybody is sent away, and the thread that hears the replicas'
# confirmations ends: the server itself gives those who are connected 8 s to go, while replicas are connected,
# and 2 s more. What cannot be made read-only in time ends as abruptly as in a crash; nothing that was
# confirmed is lost either way.
farewell() {
    local fence ids tries
    [[ $(ask 127.0.0.1 "SELECT @@GLOBAL.read_only") == 0 ]] || return 0
    ask 127.0.0.1 "SET GLOBAL super_read_only = ON" &
    fence=$!
    # It waits for every running statement; one may wait for a row that an open transaction has locked, whose
    # next statement waits for this. So open transactions are ended; their clients try again.
    for ((tries = 0; tries < 10; tries++)); do
        nap 0.1
        kill -0 "$fence" 2>/dev/null || break
        ids=$(ask 127.0.0.1 "SELECT GROUP_CONCAT('KILL ', t.PROCESSLIST_ID SEPARATOR ';')
            FROM performance_schema.events_transactions_current AS x JOIN performance_schema.threads AS t USING (THREAD_ID)
            WHERE x.STATE = 'ACTIVE' AND t.TYPE = 'FOREGROUND' AND t.PROCESSLIST_ID <> CONNECTION_ID()
            AND t.PROCESSLIST_USER NOT IN ('system user', '${OPERATOR_DB_USER//\'/}')") || break
        [[ $ids == NULL ]] || ask 127.0.0.1 "$ids" || true # one may have ended by itself
    done
    if wait "$fence"; then
        log "stopping: read-only, nothing is being committed"
        ask 127.0.0.1 "SET GLOBAL rpl_semi_sync_source_enabled = OFF; SET GLOBAL offline_mode = ON" || true
    fi
}
