# shellcheck shell=bash
# Room for the relay log. Sourced by entrypoint.sh, which runs watch_room beside every start of mysqld.
#
# A replica whose relay log finds no room waits, and looks once a minute whether there is some; STOP REPLICA
# waits as long, and so does a shutdown. Here somebody looks every two seconds, and lets the replica receive
# again at once.

AGAIN=${RUN_DIR:-/run/mysqld}/again # there: the server is to be started again

# free_blocks DIR: what is free there for this user.
free_blocks() { stat --file-system --format=%a "$1" 2>/dev/null; }

# watch_room: as long as the server runs, if its relay log has a file system of its own. (Who shares one with
# the data has worse to wait for, and no program of ours helps there.)
watch_room() {
    local folder='' free full=''
    trap - TERM INT
    SECONDS=0
    until listening 3306 && folder=$(ask 127.0.0.1 "SELECT @@GLOBAL.relay_log_basename"); do
        nap 1
        ((SECONDS < 120)) || return 0
    done
    folder=${folder%/*}
    [[ $(stat --format=%d "$folder") != "$(stat --format=%d "$DATA_DIR")" ]] || return 0
    while nap 2; do
        free=$(free_blocks "$folder") || return 0
        if ((free == 0)); then
            full=yes
        elif [[ -n $full ]] && receive_again; then
            full=''
        fi
    done
}

# receive_again: end a receiver that waits for room, and then the server, which supervise starts again. The
# transaction that was being written is cut off in the relay log. An applier either stops there for good or
# cannot be stopped for a minute, because it is in the middle of it; a server that starts throws the relay log
# away and asks the source for what it lacks (relay_log_recovery, GTIDs). So nothing may be lost with it that
# was confirmed to the source: all that is whole in it is applied first, however long that takes. A server that
# a promotion has made the source, or that somebody lets receive again, meanwhile, is left alone. Fails when
# it should be tried again: then nothing was done.
receive_again() {
    local id receiver drained on=0
    # The list of threads answers even now; the tables of replication may wait for the receiver.
    id=$(ask 127.0.0.1 "SELECT COALESCE(MAX(PROCESSLIST_ID), 0) FROM performance_schema.threads
        WHERE NAME IN ('thread/sql/replica_io', 'thread/sql/slave_io') AND PROCESSLIST_STATE = 'Waiting for disk space'") || return 1
    ((id)) || return 0 # it has found the room by itself
    ask 127.0.0.1 "KILL $id" || return 1
    while kill -0 "$SERVER" 2>/dev/null; do
        # The answer comes before the session ends: it keeps the lock of "lab promote" while the server is ended.
        if read -r receiver drained < <(ask 127.0.0.1 "SET @mine = GET_LOCK('inventario.promote', 0) = 1;
            SET @drained = @mine AND COALESCE((SELECT service_state = 'OFF' AND GTID_SUBTRACT(received_transaction_set, @@GLOBAL.gtid_executed) = ''
                FROM performance_schema.replication_connection_status WHERE channel_name = ''), 0);
            SELECT COALESCE((SELECT service_state FROM performance_schema.replication_connection_status WHERE channel_name = ''), '-'),
                COALESCE(@drained, 0);
            DO SLEEP(IF(@drained, 2, 0))"); then
            if ((drained)); then
                : >"$AGAIN"
                kill -KILL "$SERVER"
                return 0
            fi
            # The one that was killed ends within a second: it is ON until then.
            [[ $receiver == OFF || $receiver == ON && $((++on)) -lt 20 ]] || return 0
        fi
        nap 0.2
    done
}
