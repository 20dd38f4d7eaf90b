package store

import (
	"fmt"
	"slices"
	"time"
)

// Roles of a server, as in app.Server.
const (
	roleSource  = "source"
	roleReplica = "replica"
	roleUnknown = "unknown"
)

// observation is what one health check saw of one server.
type observation struct {
	err        error  // why nothing else is known; nil when it answered
	down       bool   // with err: certainly down, so end what waits for it
	uuid       string // server_uuid
	writable   bool   // neither read_only nor super_read_only
	opaque     bool   // the account may not read the replication state
	channel    bool   // it is configured to replicate from somebody
	sourceUUID string // … from whom; "" before it ever connected
	receiver   string // state of the I/O thread: ON, OFF, CONNECTING
	applier    string // state of the applier: ON, OFF
	revision   int64  // of its data; -1 before it has the inventory's tables
	term       int64  // number of the newest promotion that its data knows; 0 for none
	holder     string // server_uuid of the source since then; "" for none
}

// member is one server over time: the last observation and what decide
// remembers about it.
type member struct {
	obs      observation
	seen     bool      // observed at least once
	heard    time.Time // when it answered last
	alone    time.Time // since when it is the only, unproven candidate for the source
	markRev  int64     // a revision that it has yet to reach; 0 for none
	markFrom time.Time // since when
}

// standing is the verdict on one server.
type standing struct {
	role    string
	healthy bool
	reason  string
}

// decide gives every server its role. It is pure but for the memory it keeps
// in members. prev is the index of the source so far, or -1; the answer is the
// index of the source from now on. A source that does not answer keeps its
// role (there is only one, and it will be back), without being healthy.
func decide(members []member, prev int, now time.Time) (source int, verdicts []standing, conflict bool) {
	source, conflict = chooseSource(members, prev, now)
	verdicts = make([]standing, len(members))
	reference := referenceRevision(members, source)
	sourceUp := source >= 0 && members[source].obs.err == nil
	for i := range members {
		m := &members[i]
		switch {
		case !m.seen:
			verdicts[i] = standing{role: roleUnknown, reason: "not asked yet"}
		case m.obs.err != nil:
			verdicts[i] = standing{role: lastRole(m, i == source), reason: m.obs.err.Error()}
		case i == source:
			verdicts[i] = standing{role: roleSource, healthy: true}
		case m.obs.writable:
			verdicts[i] = standing{role: roleUnknown, reason: "writable, but not trusted as the source"}
		case !m.obs.channel && !m.obs.opaque:
			verdicts[i] = standing{role: roleUnknown, reason: "read-only, but replicates from nobody"}
		default:
			verdicts[i] = judgeReplica(m, reference, sourceUp, now)
		}
	}
	return source, verdicts, conflict
}

// chooseSource trusts the writable server that the newest promotion that anybody
// knows has made the source: a server is opened only after that was written down
// and all others were fenced. Replicas may take seconds to find it, so they are not
// asked. Where promotions are not written down, it trusts the source so far while
// it is writable. Another server must be proven: by a later promotion, by a replica
// that names it, or by being the only one there is.
func chooseSource(members []member, prev int, now time.Time) (source int, conflict bool) {
	named := map[string]int{} // replicas that replicate from this server_uuid
	var candidates []int
	var term int64 // the newest promotion that anybody knows
	for i := range members {
		m := &members[i]
		if !m.seen || m.obs.err != nil {
			m.alone = time.Time{}
			continue
		}
		term = max(term, m.obs.term)
		if m.obs.sourceUUID != "" {
			named[m.obs.sourceUUID]++
		}
		if m.obs.writable && !m.obs.channel {
			candidates = append(candidates, i)
		} else {
			m.alone = time.Time{}
		}
	}
	conflict = len(candidates) > 1
	// A source that came back after a promotion, and was made writable by mistake.
	candidates = slices.DeleteFunc(candidates, func(i int) bool { return members[i].obs.term < term })
	for _, i := range candidates {
		if o := members[i].obs; o.term > 0 && o.holder == o.uuid {
			return i, conflict
		}
	}
	if len(candidates) == 1 && prev >= 0 && candidates[0] != prev && term > members[prev].obs.term {
		return candidates[0], conflict
	}
	best, votes, tie := -1, 0, false
	for _, i := range candidates {
		if i == prev {
			return prev, conflict
		}
		switch n := named[members[i].obs.uuid]; {
		case n > votes:
			best, votes, tie = i, n, false
		case n == votes:
			tie = true
		}
	}
	if best >= 0 && !tie {
		return best, conflict
	}
	if len(candidates) == 1 && prev < 0 && len(named) == 0 {
		m := &members[candidates[0]]
		if m.alone.IsZero() {
			m.alone = now
		}
		if len(members) == 1 || now.Sub(m.alone) >= trustPatience {
			return candidates[0], conflict
		}
	}
	if prev >= 0 && members[prev].obs.err != nil {
		return prev, conflict
	}
	return -1, conflict
}

// referenceRevision is what replicas are compared with: the source's revision,
// or while it does not answer the newest that any server has.
func referenceRevision(members []member, source int) int64 {
	if source >= 0 && members[source].obs.err == nil {
		return members[source].obs.revision
	}
	var newest int64
	for _, m := range members {
		if m.seen && m.obs.err == nil {
			newest = max(newest, m.obs.revision)
		}
	}
	return newest
}

// judgeReplica leaves a replica out that has stopped with work left to do, or
// that has not reached for maxLag what the source had at the beginning of it.
func judgeReplica(m *member, reference int64, sourceUp bool, now time.Time) standing {
	v := standing{role: roleReplica}
	if m.obs.revision < 0 {
		v.reason = "has no inventory yet"
		return v
	}
	if m.markRev == 0 || m.obs.revision >= m.markRev {
		m.markRev = 0
		if m.obs.revision < reference {
			m.markRev, m.markFrom = reference, now
		}
	}
	behind := m.markRev > 0
	switch {
	case behind && !m.obs.opaque && m.obs.applier != "ON":
		v.reason = fmt.Sprintf("applier is %s, %d changes behind", m.obs.applier, reference-m.obs.revision)
	case behind && !m.obs.opaque && sourceUp && m.obs.receiver != "ON":
		v.reason = fmt.Sprintf("receiver is %s, %d changes behind", m.obs.receiver, reference-m.obs.revision)
	case behind && now.Sub(m.markFrom) > maxLag:
		v.reason = fmt.Sprintf("more than %s behind", maxLag)
	default:
		v.healthy = true
	}
	return v
}

func lastRole(m *member, source bool) string {
	switch {
	case source:
		return roleSource
	case m.obs.uuid != "" && !m.obs.writable:
		return roleReplica
	}
	return roleUnknown
}
