#!/bin/bash
# Start one MySQL server of the stack, and see to it that it takes the part that is its own now.
#
#   first boot   copy the data directory that the image brings, then start the server with an
#                --init-file that creates the accounts, the database or the replication
#   later boots  start the server read-only, whatever it was before; then guard.sh asks the other
#                servers whether it is still the source, and opens it, or makes it a replica
#
# "Set up" is known from the last statement of the init file, SET PERSIST super_read_only: the server
# writes it to mysqld-auto.cnf, and it is what makes the later boots read-only. A server killed before
# that simply does the (repeatable) set-up again.
#
# Environment: MYSQL_ROLE (source|replica), SOURCE_HOST, SOURCE_PORT (replica), DB_NAME, DB_PEERS (all
#   servers, for guard.sh), MYSQL_ROOT_PASSWORD and APP_DB_, REPL_, MONITOR_, LAB_DB_, ADMIN_DB_,
#   OPERATOR_DB_ + USER and PASSWORD.
# Passwords are used at first boot only, but for the monitor's, the operator's and the replicas'. To
# change one later: ALTER USER on every server (SET sql_log_bin=0 first), or start over with "make down".
set -euo pipefail

DATA_DIR=/var/lib/mysql
SEED_DIR=/opt/inventario/seed
VERSION_FILE=/opt/inventario/version
RUN_DIR=/run/mysqld            # a tmpfs: secrets written here never reach a disk
CONF_DIR=/etc/mysql/conf.d
COPY_MARK=$DATA_DIR/.seed-copy-unfinished

log() { printf '%s [entrypoint] %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2; }
die() { log "ERROR: $*"; exit 1; }

# quote TEXT MARK: TEXT between two MARKs, safe inside SQL (') or an option file (").
quote() {
    local text=$1 mark=$2 out='' char i
    for ((i = 0; i < ${#text}; i++)); do
        char=${text:i:1}
        case $char in
            \\) out+='\\' ;;
            "$mark") out+="\\$mark" ;;
            $'\n') out+='\n' ;;
            $'\r') out+='\r' ;;
            $'\t') out+='\t' ;;
            *) out+=$char ;;
        esac
    done
    printf '%s%s%s' "$mark" "$out" "$mark"
}
sql() { quote "$1" "'"; }

# at_least VERSION WANTED: is "8.4.3" at least "8.0.23"?
at_least() {
    local -a have want
    local i
    IFS=. read -r -a have <<<"$1"
    IFS=. read -r -a want <<<"$2"
    for i in 0 1 2; do
        ((10#${have[i]:-0} > 10#${want[i]:-0})) && return 0
        ((10#${have[i]:-0} < 10#${want[i]:-0})) && return 1
    done
    return 0
}

# server_version: "9.7.4" out of "mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", which the image
# build wrote down (asking mysqld takes a third of a second).
server_version() {
    local text
    text=$(<"$VERSION_FILE")
    [[ $text =~ Ver\ ([0-9]+\.[0-9]+\.[0-9]+) ]] || die "cannot read the server's version from: $text"
    printf '%s' "${BASH_REMATCH[1]}"
}

# account USER_VARIABLE PASSWORD_VARIABLE [REQUIRE SSL]: create it, or repair it.
account() {
    local who
    who="$(sql "${!1}")@'%'"
    printf 'CREATE USER IF NOT EXISTS %s;\nALTER USER %s IDENTIFIED BY %s %s;\n' \
        "$who" "$who" "$(sql "${!2}")" "${3:-}"
}

# accounts_sql: the same accounts on every server, each with as little as it needs. They are not
# written to the binary log (SQL_LOG_BIN=0): every server creates its own, so none arrives twice.
accounts_sql() {
    local db='`'${DB_NAME//\`/\`\`}'`'
    local app repl monitor lab admin operator table
    app="$(sql "$APP_DB_USER")@'%'"; repl="$(sql "$REPL_USER")@'%'"; monitor="$(sql "$MONITOR_USER")@'%'"
    lab="$(sql "$LAB_DB_USER")@'%'"; admin="$(sql "$ADMIN_DB_USER")@'%'"
    operator="$(sql "$OPERATOR_DB_USER")@'%'"
    echo "SET SESSION sql_log_bin = 0;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(sql "$MYSQL_ROOT_PASSWORD");"

    account APP_DB_USER APP_DB_PASSWORD
    echo "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON $db.* TO $app;"
    for table in connection_configuration connection_status applier_status \
        applier_status_by_coordinator applier_status_by_worker; do
        echo "GRANT SELECT ON performance_schema.replication_$table TO $app;"
    done

    account REPL_USER REPL_PASSWORD 'REQUIRE SSL'
    echo "GRANT REPLICATION SLAVE ON *.* TO $repl;"

    # Promotes replicas: fences, repoints, opens, rebuilds (CLONE needs the last three). No data.
    account OPERATOR_DB_USER OPERATOR_DB_PASSWORD 'REQUIRE SSL'
    echo "GRANT REPLICATION CLIENT, PROCESS, RELOAD, SHUTDOWN ON *.* TO $operator;"
    echo "GRANT SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, CLONE_ADMIN, BACKUP_ADMIN ON *.* TO $operator;"
    echo "GRANT SELECT ON performance_schema.* TO $operator;"
    echo "GRANT CREATE, SELECT, INSERT ON $db.promotions TO $operator;"

    account MONITOR_USER MONITOR_PASSWORD
    echo "GRANT REPLICATION CLIENT, PROCESS ON *.* TO $monitor;"
    echo "GRANT SELECT ON performance_schema.* TO $monitor;"

    account LAB_DB_USER LAB_DB_PASSWORD
    echo "GRANT REPLICATION CLIENT, PROCESS ON *.* TO $lab;"
    echo "GRANT SELECT ON performance_schema.* TO $lab;"
    echo "GRANT SELECT ON $db.* TO $lab;"
    echo "GRANT ALL ON $db.lab_rows TO $lab;"
    echo "GRANT ALL ON $db.lab_heartbeat TO $lab;"

    account ADMIN_DB_USER ADMIN_DB_PASSWORD 'REQUIRE SSL'
    echo "GRANT REPLICATION CLIENT, PROCESS ON *.* TO $admin;"
    echo "GRANT ALL ON $db.* TO $admin;"
    echo "GRANT SELECT ON performance_schema.* TO $admin;"
    echo "GRANT SELECT, EXECUTE ON sys.* TO $admin;"
}

# source_sql: the database, and who is its source. This is logged: it is the first thing that the
# replicas receive. Each promotion adds a row, with a term that is one higher; of two servers that both
# think they are the source, the one of the higher term is right. Being writable is not persisted: it is
# earned anew at each boot.
source_sql() {
    local db='`'${DB_NAME//\`/\`\`}'`'
    cat <<SQL
SET SESSION sql_log_bin = 1;
CREATE DATABASE IF NOT EXISTS $db;
USE $db;
CREATE TABLE IF NOT EXISTS promotions (
  term        BIGINT      NOT NULL PRIMARY KEY,
  server_uuid CHAR(36)    CHARACTER SET ascii NOT NULL COMMENT 'the source since then',
  at          DATETIME(6) NOT NULL COMMENT 'UTC'
) ENGINE = InnoDB;
INSERT IGNORE INTO promotions (term, server_uuid, at) VALUES (1, @@GLOBAL.server_uuid, UTC_TIMESTAMP(6));
SET PERSIST super_read_only = ON;
SET GLOBAL super_read_only = OFF;
SET GLOBAL read_only = OFF;
SQL
}

# follow_sql VERSION: follow SOURCE_HOST, in the words that this server's version knows. The retry count
# is a week of seconds: since 8.4 the default would give up after ten tries.
follow_sql() {
    local to=SOURCE start=REPLICA change='CHANGE REPLICATION SOURCE TO'
    at_least "$1" 8.0.23 || { to=MASTER change='CHANGE MASTER TO'; }
    at_least "$1" 8.0.22 || start=SLAVE
    cat <<SQL
$change ${to}_HOST = $(sql "$SOURCE_HOST"), ${to}_PORT = $SOURCE_PORT,
  ${to}_USER = $(sql "$REPL_USER"), ${to}_PASSWORD = $(sql "$REPL_PASSWORD"),
  ${to}_AUTO_POSITION = 1, ${to}_SSL = 1,
  ${to}_CONNECT_RETRY = 1, ${to}_RETRY_COUNT = 604800, ${to}_HEARTBEAT_PERIOD = 2;
START $start;
SQL
}

# replica_sql VERSION: a replica's set-up.
replica_sql() {
    follow_sql "$1"
    echo "SET PERSIST super_read_only = ON;"
}

# init_sql VERSION: all of the first boot. Every statement may run twice without harm.
init_sql() {
    accounts_sql
    case $MYSQL_ROLE in
        source)
            # A source that lost its volume while the others still have the data is none any more.
            if others_have_data; then
                log "the other servers have the data already: joining them"
                echo "SET PERSIST super_read_only = ON;"
            else
                source_sql
            fi
            ;;
        replica) replica_sql "$1" ;;
    esac
}

check_environment() {
    local name value
    local -A seen=()
    for name in MYSQL_ROLE DB_NAME MYSQL_ROOT_PASSWORD APP_DB_PASSWORD REPL_PASSWORD MONITOR_PASSWORD \
        LAB_DB_PASSWORD ADMIN_DB_PASSWORD OPERATOR_DB_PASSWORD APP_DB_USER REPL_USER MONITOR_USER \
        LAB_DB_USER ADMIN_DB_USER OPERATOR_DB_USER; do
        [[ -n ${!name:-} ]] || die "$name is empty: set it in .env (see .env.example)"
    done
    for name in APP_DB_USER REPL_USER MONITOR_USER LAB_DB_USER ADMIN_DB_USER OPERATOR_DB_USER; do
        value=${!name}
        ((${#value} <= 32)) || die "$name is longer than the 32 characters that MySQL allows"
        [[ $value != root && $value != mysql.* ]] || die "$name may not be '$value': that account is MySQL's own"
        [[ -z ${seen[$value]:-} ]] || die "$name and ${seen[$value]} are both '$value': every account needs a name of its own"
        seen[$value]=$name
    done
    ((${#REPL_PASSWORD} <= 32)) || die "REPL_PASSWORD is longer than the 32 characters that replication allows"
    case $MYSQL_ROLE in
        source) ;;
        replica)
            SOURCE_PORT=${SOURCE_PORT:-3306}
            [[ -n ${SOURCE_HOST:-} ]] || die "SOURCE_HOST is empty: a replica must know its source"
            [[ $SOURCE_PORT =~ ^[0-9]{1,5}$ ]] || die "SOURCE_PORT is '$SOURCE_PORT': want a port number"
            ;;
        *) die "MYSQL_ROLE is '$MYSQL_ROLE': want source or replica" ;;
    esac
}

# copy_seed: fill an empty volume. The mark makes an interrupted copy visible to the next start;
# a volume that has data but no mark is never touched.
copy_seed() {
    [[ -w $DATA_DIR ]] || die "$DATA_DIR is not writable for $(id -un): is the volume from another image?"
    if [[ -e $COPY_MARK ]]; then
        log "an earlier start was interrupted while it copied the data directory: copying again"
    elif [[ -n $(ls -A -I lost+found "$DATA_DIR") ]]; then
        return 0
    fi
    touch "$COPY_MARK"
    find "$DATA_DIR" -mindepth 1 -maxdepth 1 ! -path "$COPY_MARK" ! -name lost+found -exec rm -rf {} +
    cp -a --sparse=always "$SEED_DIR/." "$DATA_DIR/"
    sync "$DATA_DIR"
    rm "$COPY_MARK"
}

# certificate: what this server encrypts connections with. mysqld would make one itself, but of RSA,
# which takes four servers starting on two cores seconds; an elliptic key takes milliseconds.
certificate() {
    [[ ! -s $DATA_DIR/ca.pem || ! -s $DATA_DIR/server-cert.pem || ! -s $DATA_DIR/server-key.pem ]] || return 0
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj "/CN=MySQL $MYSQL_ROLE of the classroom stack" \
            -keyout "$RUN_DIR/server-key.pem" -out "$RUN_DIR/server-cert.pem" 2>"$RUN_DIR/openssl.log"
    ) || die "openssl could not make a certificate: $(<"$RUN_DIR/openssl.log")"
    # It is its own authority.
    cp "$RUN_DIR/server-cert.pem" "$DATA_DIR/ca.pem"
    cp "$RUN_DIR/server-cert.pem" "$DATA_DIR/server-cert.pem"
    cp "$RUN_DIR/server-key.pem" "$DATA_DIR/server-key.pem"
    rm -f "$RUN_DIR"/server-*.pem "$RUN_DIR/openssl.log"
}

set_up_done() { grep -qs '"super_read_only"' "$DATA_DIR/mysqld-auto.cnf"; }

# option_files: mysqld silently skips files that it cannot read or that anybody may write to (as
# bind mounts from Windows look). The first is an error; the second is cured with a copy.
option_files() {
    local file open=''
    for file in "$CONF_DIR"/*.cnf; do
        [[ -r $file ]] || die "$file is not readable for $(id -un): chmod 644 the file that is mounted there"
        [[ -z $(find -L "$file" -perm -002) ]] || open=yes
    done
    [[ -n $open ]] || return 0
    log "files in $CONF_DIR are writable for everybody, mysqld would skip them: using copies"
    mkdir -p "$RUN_DIR/conf.d"
    for file in "$CONF_DIR"/*.cnf; do
        cat "$file" >"$RUN_DIR/conf.d/${file##*/}"
    done
    sed "s#^!includedir .*#!includedir $RUN_DIR/conf.d/#" /etc/my.cnf >"$RUN_DIR/my.cnf"
    chmod 644 "$RUN_DIR/my.cnf" "$RUN_DIR"/conf.d/*.cnf
    OPTIONS=("--defaults-file=$RUN_DIR/my.cnf")
}

# login_file NAME USER PASSWORD: how a program in this container logs in.
login_file() {
    (
        umask 077
        printf '[client]\nprotocol=tcp\nhost=127.0.0.1\nport=3306\nconnect-timeout=2\nssl-mode=REQUIRED\nuser=%s\npassword=%s\n' \
            "$(quote "$2" '"')" "$(quote "$3" '"')" >"$RUN_DIR/$1.cnf"
    )
}

# stop: what a stop of the container does. A second one changes nothing.
stop() {
    trap : TERM INT # not '': the programs below would inherit that, and their time-outs could not end them
    [[ -n ${SERVER:-} ]] || exit 143
    kill "${GUARD:-}" "${ROOM:-}" 2>/dev/null || true
    rm -f "$AGAIN"
    farewell
    kill -TERM "$SERVER" 2>/dev/null || true
}

# supervise ARGUMENT...: run the server, and run it again when it asks for that (exit status 16, after it
# has been rebuilt with CLONE; it only asks if it knows of a parent that listens). A stop is passed on.
supervise() {
    local status
    export MYSQLD_PARENT_PID=$$
    trap stop TERM INT
    while :; do
        mysqld "${OPTIONS[@]}" "${FIRST_BOOT[@]}" "$@" &
        SERVER=$!
        guard &
        GUARD=$!
        watch_room &
        ROOM=$!
        while :; do
            status=0
            wait "$SERVER" || status=$?
            kill -0 "$SERVER" 2>/dev/null || break # it is gone; else a signal has only ended the wait
        done
        kill "$GUARD" "$ROOM" 2>/dev/null || true
        wait "$GUARD" "$ROOM" 2>/dev/null || true
        if [[ -e $AGAIN ]]; then
            rm -f "$AGAIN"
            log "there is room for the relay log again: starting the server again"
        else
            ((status == 16)) || exit "$status"
            log "the server has been rebuilt: starting it again"
        fi
        FIRST_BOOT=()
    done
}

main() {
    [[ ${1:-} == mysqld ]] || exec "$@"
    shift
    local version skip
    OPTIONS=()
    FIRST_BOOT=()
    check_environment
    option_files
    copy_seed
    certificate
    login_file monitor "$MONITOR_USER" "$MONITOR_PASSWORD"
    login_file operator "$OPERATOR_DB_USER" "$OPERATOR_DB_PASSWORD"
    rm -f "$RUN_DIR/init.sql" "$GUARD_NOTE" "$AGAIN"
    if ! set_up_done; then
        version=$(server_version)
        log "first boot: setting up the $MYSQL_ROLE (MySQL $version)"
        (umask 077 && init_sql "$version" >"$RUN_DIR/init.sql")
        skip=--skip-replica-start
        at_least "$version" 8.0.26 || skip=--skip-slave-start
        FIRST_BOOT=("--init-file=$RUN_DIR/init.sql" "$skip")
    fi
    supervise "$@"
}

# shellcheck source=mysql/guard.sh
source "$(dirname "${BASH_SOURCE[0]}")/guard.sh"
# shellcheck source=mysql/room.sh
source "$(dirname "${BASH_SOURCE[0]}")/room.sh"
source /usr/local/bin/watch.sh # breathe, nap, listening

# Sourced by a test, this file only defines its functions.
[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
