package promote

// What a commit waits for, by the part that a server plays, as mysql/master.cnf
// and the replicas' files have it; mysql/guard.sh says the same. A source waits
// for the disk, and 5 ms for other commits to go with it, so that it does not run
// away from its replicas. A replica waits for neither.
var (
	sourcePace  = []string{"SET GLOBAL sync_binlog = 1", "SET GLOBAL innodb_flush_log_at_trx_commit = 1", "SET GLOBAL binlog_group_commit_sync_delay = 5000"}
	replicaPace = []string{"SET GLOBAL sync_binlog = 0", "SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL binlog_group_commit_sync_delay = 0"}
)
