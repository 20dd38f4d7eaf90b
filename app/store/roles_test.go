package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The servers of the tables below.
var (
	dead      = observation{err: errors.New("connection refused"), uuid: "m"}
	boss      = observation{uuid: "m", writable: true, revision: 10}
	follower  = observation{uuid: "r", channel: true, sourceUUID: "m", receiver: "ON", applier: "ON", revision: 10}
	lonely    = observation{uuid: "r", channel: true, sourceUUID: "m", receiver: "CONNECTING", applier: "ON", revision: 10}
	newcomer  = observation{uuid: "r", channel: true, receiver: "CONNECTING", applier: "ON", revision: -1}
	rogue     = observation{uuid: "x", writable: true, revision: 10}
	promoted  = observation{uuid: "r", writable: true, revision: 12}
	chasing   = observation{uuid: "q", channel: true, sourceUUID: "r", receiver: "CONNECTING", applier: "ON", revision: 12}
	following = observation{uuid: "q", channel: true, sourceUUID: "r", receiver: "ON", applier: "ON", revision: 12}
)

func with(o observation, change func(*observation)) observation {
	change(&o)
	return o
}

// term is o with data that know of a promotion.
func term(o observation, n int64) observation {
	return with(o, func(o *observation) { o.term = n })
}

// holding is o as the source that the promotion made it.
func holding(o observation, n int64) observation {
	return with(o, func(o *observation) { o.term, o.holder = n, o.uuid })
}

func TestChooseSource(t *testing.T) {
	tests := []struct {
		about    string
		servers  []observation
		prev     int
		waited   time.Duration // since the same servers were seen first
		want     int
		conflict bool
	}{
		{"a writable server that replicas name, at once", []observation{boss, follower}, -1, 0, 0, false},
		{"a writable server that a disconnected replica names", []observation{boss, lonely}, -1, 0, 0, false},
		{"the only server there is", []observation{boss}, -1, 0, 0, false},
		{"a writable server whom nobody names yet: not at once", []observation{boss, newcomer}, -1, 0, -1, false},
		{"… but after a while", []observation{boss, newcomer}, -1, trustPatience, 0, false},
		{"… also when the others do not answer", []observation{boss, dead}, -1, trustPatience, 0, false},
		{"a writable server while replicas name another: never", []observation{rogue, follower}, -1, time.Hour, -1, false},
		{"two writable servers: the one that replicas name", []observation{rogue, boss, follower}, -1, 0, 1, true},
		{"two writable servers and no proof: none", []observation{rogue, boss}, -1, time.Hour, -1, true},
		{"two writable servers: the source so far, whatever replicas say", []observation{rogue, boss, follower}, 0, 0, 0, true},
		{"a dead source, and a server of a later promotion: at once", []observation{term(dead, 1), term(promoted, 2), lonely}, 0, 0, 1, false},
		{"… also when nobody else answers", []observation{term(dead, 1), term(promoted, 2), dead}, 0, 0, 1, false},
		{"the source so far is writable, a later promotion is known: the promoted one", []observation{term(boss, 1), term(promoted, 2)}, 0, 0, 1, true},
		{"… although replicas still name the old one", []observation{term(boss, 1), term(promoted, 2), term(follower, 1)}, 0, 0, 1, true},
		{"an old source comes back writable: it stays out", []observation{term(boss, 1), term(promoted, 2), term(following, 2)}, 1, 0, 1, true},
		{"… also when the promoted one is away and only its replica knows", []observation{term(boss, 1), dead, term(following, 2)}, 1, time.Hour, 1, false},
		{"… also for an instance that has just started", []observation{term(boss, 1), dead, term(following, 2)}, -1, time.Hour, -1, false},
		{"a promoted server that has not yet written its promotion is not proven", []observation{term(dead, 1), term(promoted, 1), term(lonely, 1)}, 0, 0, 0, false},
		{"two writable servers of the same promotion: the source so far", []observation{term(boss, 2), term(promoted, 2)}, 0, 0, 0, true},
		{"a writable server that replicates is no source", []observation{with(follower, func(o *observation) { o.writable = true })}, -1, time.Hour, -1, false},
		{"switched back: the promoted one is open, and the replicas still name the one before", []observation{
			holding(boss, 3), with(promoted, func(o *observation) { o.writable, o.term = false, 3 }), term(chasing, 2), term(chasing, 2),
		}, -1, 0, 0, false},
		{"… also for an instance that has just started, and sees nobody else", []observation{holding(boss, 3), dead, dead}, -1, 0, 0, false},
		{"the newest promotion is another's, who is away: writable is not enough", []observation{term(boss, 3), dead, term(chasing, 3)}, -1, time.Hour, -1, false},
		{"two writable servers: the holder of the newest promotion, though it was not the source so far", []observation{term(rogue, 3), holding(boss, 3)}, 0, 0, 1, true},
		{"a dead source stays the source", []observation{dead, follower}, 0, 0, 0, false},
		{"a dead source, and a stranger is writable", []observation{dead, rogue, lonely}, 0, time.Hour, 0, false},
		{"a dead source, and nobody else is left but a stranger", []observation{dead, rogue}, 0, time.Hour, 0, false},
		{"a dead source, and a replica was promoted", []observation{dead, promoted, following}, 0, 0, 1, false},
		{"a source that became a replica of another", []observation{with(follower, func(o *observation) { o.uuid, o.sourceUUID = "m", "r" }), promoted}, 0, 0, 1, false},
		{"a source that became read-only", []observation{with(boss, func(o *observation) { o.writable = false }), follower}, 0, 0, -1, false},
		{"nobody answers", []observation{dead, dead}, -1, 0, -1, false},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			members := make([]member, len(tt.servers))
			for i, o := range tt.servers {
				members[i] = member{obs: o, seen: true}
			}
			start := time.Now()
			decide(members, tt.prev, start)
			got, _, conflict := decide(members, tt.prev, start.Add(tt.waited))
			assert.Equal(t, tt.want, got, "source among %+v", tt.servers)
			assert.Equal(t, tt.conflict, conflict)
		})
	}
}

func TestJudge(t *testing.T) {
	behind := func(o observation) observation { o.revision = 7; return o }
	tests := []struct {
		about   string
		server  observation
		source  observation
		waited  time.Duration
		role    string
		healthy bool
		reason  string
	}{
		{"a replica that has everything", follower, boss, 0, roleReplica, true, ""},
		{"a replica a little behind", behind(follower), boss, maxLag, roleReplica, true, ""},
		{"a replica behind for long", behind(follower), boss, maxLag + 1, roleReplica, false, "more than"},
		{"a stopped applier with nothing to do", with(follower, func(o *observation) { o.applier = "OFF" }), boss, time.Hour, roleReplica, true, ""},
		{"a stopped applier with work to do", behind(with(follower, func(o *observation) { o.applier = "OFF" })), boss, 0, roleReplica, false, "applier is OFF, 3 changes behind"},
		{"a receiver that lost a living source, behind", behind(lonely), boss, 0, roleReplica, false, "receiver is CONNECTING, 3 changes behind"},
		{"a receiver that lost a dead source", lonely, dead, time.Hour, roleReplica, true, ""},
		{"a replica whose state may not be read, behind for short", behind(observation{uuid: "r", opaque: true}), boss, 0, roleReplica, true, ""},
		{"a replica whose state may not be read, behind for long", behind(observation{uuid: "r", opaque: true}), boss, maxLag + 1, roleReplica, false, "more than"},
		{"a replica without tables", with(follower, func(o *observation) { o.revision = -1 }), boss, 0, roleReplica, false, "no inventory"},
		{"a dead replica", with(follower, func(o *observation) { o.err = errors.New("refused") }), boss, 0, roleReplica, false, "refused"},
		{"a read-only server that replicates from nobody", observation{uuid: "z", revision: 10}, boss, 0, roleUnknown, false, "replicates from nobody"},
		{"a second writable server", rogue, boss, 0, roleUnknown, false, "not trusted"},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			members := []member{{obs: tt.source, seen: true}, {obs: tt.server, seen: true}}
			start := time.Now()
			decide(members, 0, start)
			_, got, _ := decide(members, 0, start.Add(tt.waited))
			assert.Equal(t, tt.role, got[1].role)
			assert.Equal(t, tt.healthy, got[1].healthy, "%+v", got[1])
			assert.True(t, strings.Contains(got[1].reason, tt.reason) && (tt.reason == "") == (got[1].reason == ""), "reason %q, want %q", got[1].reason, tt.reason)
		})
	}
}

// TestBusyReplicaIsNotBehind: a replica that always trails a busy source by a
// little is not left out, however long it goes on.
func TestBusyReplicaIsNotBehind(t *testing.T) {
	members := []member{{obs: boss, seen: true}, {obs: follower, seen: true}}
	now := time.Now()
	for i := range int64(100) {
		members[0].obs.revision = 10 + i
		members[1].obs.revision = 9 + i
		now = now.Add(time.Second)
		_, got, _ := decide(members, 0, now)
		require.True(t, got[1].healthy, "after %d s: %+v", i, got[1])
	}
}
