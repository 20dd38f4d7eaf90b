package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// How the reading sessions of a scenario behave.
const (
	sessionCount = 5
	sessionRound = 100 * time.Millisecond // from one round of a session to the next, at least
	sessionThink = 3                      // times what a round took, a session pauses
	sessionRest  = time.Second            // and no longer than that
)

// pause is how long a session pauses after a round that took so long. Where the
// stack is slow its users take more time too: with the pace of a quick machine
// five sessions alone, fifty edits and a hundred reads a second, keep a slow one
// busy, and every claim about a fault would be one about that.
func pause(took time.Duration) time.Duration {
	return max(sessionRound-took, min(sessionThink*took, sessionRest))
}

// sessions are users who each edit a product of their own, look at it at once,
// and look at a neighbour's: what they see tells how consistent the reads are.
// Every content carries the number of the edit that wrote it.
type sessions struct {
	stopOnce sync.Once
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// register is the product that one session edits and that all may read.
type register struct {
	session string
	key     string // its code
	id      int64
	version int64
	client  *probe.Client
}

// startSessions registers a product for each session, through the API, with the
// client's login, and starts them. All that they write and see is recorded. The
// products are deleted with the others that were made.
func startSessions(ctx context.Context, env *lab.Env, rec *lab.Recorder, c *probe.Client, made *products) (*sessions, error) {
	path := env.Topology.Paths.Products
	prefix := probe.NewID("LAB-")
	regs := make([]*register, sessionCount)
	for i := range regs {
		r := &register{session: fmt.Sprintf("s%d", i+1), key: fmt.Sprintf("%s-s%d", prefix, i+1), version: 1, client: c.Twin()}
		p, err := r.client.Create(ctx, path, r.key)
		if err != nil {
			return nil, err
		}
		made.add(p)
		r.id = p.ID
		regs[i] = r
	}
	running, cancel := context.WithCancel(ctx)
	s := &sessions{cancel: cancel}
	ready := make([]register, len(regs)) // what the neighbours may know: never changed
	for i, r := range regs {
		ready[i] = *r
	}
	for i, r := range regs {
		s.wg.Go(func() {
			defer r.client.Close()
			r.live(running, rec, path, ready[(i+1)%len(ready)])
		})
	}
	return s, nil
}

// stop ends the sessions; each finishes its round. It may be called again.
func (s *sessions) stop() {
	s.stopOnce.Do(s.cancel)
	s.wg.Wait()
}

// live is the life of a session: edit, read what was edited, read a neighbour's.
func (r *register) live(ctx context.Context, rec *lab.Recorder, path string, neighbour register) {
	// A round is finished even when the scenario ends: a write under way has an outcome.
	whole := context.WithoutCancel(ctx)
	wait(ctx, sessionRound)
	for ctx.Err() == nil {
		began := time.Now()
		r.version++
		r.edit(whole, rec, path)
		r.look(whole, rec, path, r.id, r.key)
		r.look(whole, rec, path, neighbour.id, neighbour.key)
		wait(ctx, pause(time.Since(began)))
	}
}

// edit writes the register's next version.
func (r *register) edit(ctx context.Context, rec *lab.Recorder, path string) {
	id := fmt.Sprintf("%s.%d", r.key, r.version)
	a := r.client.Do(ctx, http.MethodPut, productPath(path, r.id), jsonHeader(), probe.EditBody(r.key, id))
	q := a.Request(loadEdits)
	rec.Request(a.Sent, q)
	w := writeOutcome(q, a.Body, http.StatusOK)
	w.ID, w.Session, w.Key, w.Version = id, r.session, r.key, r.version
	rec.Write(a.Sent, w)
}

// look reads a register and records which version it shows.
func (r *register) look(ctx context.Context, rec *lab.Recorder, path string, id int64, key string) {
	a := r.client.Get(ctx, productPath(path, id), jsonHeader())
	q := a.Request(loadLooks)
	rec.Request(a.Sent, q)
	v := lab.Read{Session: r.session, Key: key, US: q.US, Status: q.Status, Instance: q.Instance, Request: q.ID, Err: q.Err}
	if q.Status == http.StatusOK {
		v.Version = versionOf(a.Body, key)
	}
	rec.Read(a.Sent, v)
}

// versionOf is the number of the edit whose content a product shows; 1 for one
// that was registered and not yet edited.
func versionOf(body []byte, key string) int64 {
	var p struct {
		Description string `json:"description"`
	}
	if json.Unmarshal(body, &p) != nil {
		return 0
	}
	number, edited := strings.CutPrefix(p.Description, key+".")
	if !edited {
		return 1
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func productPath(path string, id int64) string {
	return fmt.Sprintf("%s/%d", strings.TrimRight(path, "/"), id)
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
}
