// Package promote makes a replica the source of a replicated database: planned,
// while the source lives, or after its death. Watch does it by itself.
//
// It is safe to interrupt: each step looks first and then does what is missing,
// so the next Promote finishes what the last one began. Two rules keep two servers
// from confirming writes at the same time:
//
//   - Fence first. No server is opened before the one before is read-only, or
//     proven not to run. What cannot be asked to be read-only is killed through the
//     engine.
//   - Terms. Each promotion writes a row with a term that is one higher, before it
//     opens the new source, and a replica has received that row by then. Servers
//     (mysql/guard.sh) and the app trust the highest term.
//
// The pure part (gtid.go, choose.go, gone.go) decides, the rest looks and acts.
// docs/failover.md explains the whole with diagrams.
package promote
