package store

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
)

// semiSyncEvery is how many health checks pass between two looks at the source's
// semi-synchronous replication: its numbers cost the server more than the check.
const semiSyncEvery = 5

// semiSync is the state of semi-synchronous replication on a source.
type semiSync struct {
	enabled     bool  // it should wait for a replica
	on          bool  // it does
	replicas    int   // that confirm
	unconfirmed int64 // commits that no replica confirmed in time
}

// fallback: after a time-out the source goes on alone, until a replica is there again.
func (s semiSync) fallback() bool { return s.enabled && !s.on }

// String is what app.Server tells of it.
func (s semiSync) String() string {
	switch {
	case s.on:
		return "on"
	case s.enabled:
		return "fallback"
	}
	return "off"
}

// semiSyncQuery reads the numbers, of which every account may see these; a
// server without the plugin has none.
const semiSyncQuery = `SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_status
	WHERE VARIABLE_NAME IN ('Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_clients', 'Rpl_semi_sync_source_no_tx')
	UNION ALL SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.global_variables
	WHERE VARIABLE_NAME = 'rpl_semi_sync_source_enabled'`

// observeSemiSync looks at a writable server, and forgets what it knew of
// another one. It logs when the server begins or ceases to go on alone.
func (s *server) observeSemiSync(ctx context.Context, writable bool, log *slog.Logger) {
	if !writable {
		s.semi.Store(nil)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	rows, err := s.probe.QueryContext(ctx, semiSyncQuery)
	if err != nil {
		return // the next health check will say why
	}
	defer rows.Close()
	var now semiSync
	for rows.Next() {
		var name, value string
		if rows.Scan(&name, &value) != nil {
			return
		}
		switch strings.ToLower(name) {
		case "rpl_semi_sync_source_status":
			now.on = value == "ON"
		case "rpl_semi_sync_source_enabled":
			now.enabled = value == "ON"
		case "rpl_semi_sync_source_clients":
			now.replicas, _ = strconv.Atoi(value)
		case "rpl_semi_sync_source_no_tx":
			now.unconfirmed, _ = strconv.ParseInt(value, 10, 64)
		}
	}
	if rows.Err() != nil {
		return
	}
	before := s.semi.Swap(&now)
	switch was := before != nil && before.fallback(); {
	case now.fallback() && !was:
		log.Warn("the source commits without waiting for a replica: what it commits now may be lost with it",
			slog.String("db", s.Name), slog.Int("replicas", now.replicas))
	case was && !now.fallback():
		log.Info("the source waits for a replica again", slog.String("db", s.Name))
	}
}
