#!/bin/bash
# Is this server usable? It must answer a query over TCP as the monitor account, have the database,
# and be one of the two things that make sense:
#   - a source: writable, and following nobody
#   - a replica: read only, with the receiver and the applier running
# The server itself is asked what it is, so a promoted replica is healthy as a source.
#
#   healthcheck.sh         one look
#   healthcheck.sh watch   what Docker's health check runs, see watch.sh
set -uo pipefail

check() {
    local answer
    listening 3306 || { echo "no answer: it does not take connections"; return 1; }
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
    [[ $answer == ok* ]] || { echo "$answer $(cat /run/mysqld/guard 2>/dev/null)"; return 1; }
    [[ -d /var/lib/mysql/${DB_NAME:?} ]] || { echo "$answer, but database $DB_NAME has not arrived yet"; return 1; }
    echo "$answer"
}

source /usr/local/bin/watch.sh

if [[ ${1:-} == watch ]]; then watch /run/mysqld/healthy; else check; fi
