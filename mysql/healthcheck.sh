#!/bin/bash
# Is this server usable? It must answer a query over TCP as the monitor account, have the database,
# and be one of the two things that make sense:
#   - a source: writable, and following nobody
#   - a replica: read only, with the receiver and the applier running
# The server itself is asked what it is, so a promoted replica is healthy as a source.
#
#   healthcheck.sh         one look
#   healthcheck.sh watch   what Docker's health check runs, see below
set -uo pipefail

check() {
    local answer
    answer=$(timeout 4 mysql --defaults-file=/run/mysqld/monitor.cnf --batch --skip-column-names --execute "
SELECT CASE
  WHEN NOT @@GLOBAL.read_only AND NOT EXISTS (SELECT 1 FROM performance_schema.replication_connection_configuration)
    THEN 'ok source'
  WHEN @@GLOBAL.super_read_only
       AND (SELECT SUM(service_state = 'ON') = COUNT(*) FROM performance_schema.replication_connection_status)
       AND (SELECT SUM(service_state = 'ON') = COUNT(*) FROM performance_schema.replication_applier_status)
    THEN 'ok replica'
  ELSE CONCAT('not usable: read_only=', @@GLOBAL.read_only, ', super_read_only=', @@GLOBAL.super_read_only,
       ', receiver=', COALESCE((SELECT GROUP_CONCAT(service_state) FROM performance_schema.replication_connection_status), 'none'),
       ', applier=', COALESCE((SELECT GROUP_CONCAT(service_state) FROM performance_schema.replication_applier_status), 'none'))
END" 2>&1) || { echo "no answer: $answer"; return 1; }
    [[ $answer == ok* ]] || { echo "$answer"; return 1; }
    [[ -d /var/lib/mysql/${DB_NAME:?} ]] || { echo "$answer, but database $DB_NAME has not arrived yet"; return 1; }
    echo "$answer"
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

if [[ ${1:-} == watch ]]; then watch /run/mysqld/healthy; else check; fi
