package scenarios

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"inventariolab/lab"
	"inventariolab/lab/check"
	"inventariolab/lab/probe"
)

// openDB connects to the server of a service, at the port where it is
// published now.
func openDB(ctx context.Context, env *lab.Env, service string) (*probe.DB, error) {
	d := env.Topology.Database
	addr, err := env.Stack.Addr(ctx, service, d.Port)
	if err != nil {
		return nil, fmt.Errorf("find %s:%d: %w", service, d.Port, err)
	}
	return probe.OpenDB(ctx, service, addr, *d)
}

// databases are the topology's database servers, the source first.
func databases(t *lab.Topology) []string {
	return append([]string{t.Database.Source}, t.Database.Replicas...)
}

// servers are the connections to the source and to every replica.
type servers struct {
	source   *probe.DB
	replicas []*probe.DB
}

func openServers(ctx context.Context, env *lab.Env) (*servers, error) {
	return openServersOf(ctx, env, env.Topology.Database.Source)
}

// openServersOf is openServers when another server is the source now.
func openServersOf(ctx context.Context, env *lab.Env, name string) (*servers, error) {
	source, err := openDB(ctx, env, name)
	if err != nil {
		return nil, err
	}
	s := &servers{source: source}
	for _, name := range databases(env.Topology) {
		if name == source.Name {
			continue
		}
		r, err := openDB(ctx, env, name)
		if err != nil {
			s.close()
			return nil, err
		}
		s.replicas = append(s.replicas, r)
	}
	return s, nil
}

func (s *servers) close() {
	s.source.Close()
	for _, r := range s.replicas {
		r.Close()
	}
}

// each runs f for every replica at the same time.
func (s *servers) each(f func(i int, r *probe.DB) error) error {
	errs := make([]error, len(s.replicas))
	var wg sync.WaitGroup
	for i, r := range s.replicas {
		wg.Go(func() { errs[i] = f(i, r) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// states reads the state of replication at every replica. The replica's set of
// transactions is read before the source's, so that one which arrives between
// does not look as if the source had never had it.
func (s *servers) states(ctx context.Context) ([]check.Replica, error) {
	states := make([]check.Replica, len(s.replicas))
	err := s.each(func(i int, r *probe.DB) error {
		st, err := r.ReplicaStatus(ctx)
		if err != nil {
			return err
		}
		set, err := s.source.GTIDs(ctx)
		if err != nil {
			return err
		}
		errant, err := s.source.Subtract(ctx, st.GTIDs, set)
		if err != nil {
			return err
		}
		states[i] = check.Replica{
			Name: r.Name, Receiver: st.Receiver, Applier: st.Applier, ReadOnly: st.ReadOnly,
			Error: st.Error, Errant: errant,
		}
		return nil
	})
	return states, err
}

// contentTries is how often the content is read again when somebody wrote
// meanwhile.
const contentTries = 5

// content reads every server's tables after every replica has caught up with
// the source. settled is false when the source changed during each try. A replica gets the limit to catch up.
func (s *servers) content(ctx context.Context, limit time.Duration) (source []check.Table, replicas map[string][]check.Table, settled bool, err error) {
	for range contentTries {
		before, err := s.source.GTIDs(ctx)
		if err != nil {
			return nil, nil, false, err
		}
		var mu sync.Mutex
		replicas = make(map[string][]check.Table)
		if source, err = tables(ctx, s.source); err != nil {
			return nil, nil, false, err
		}
		err = s.each(func(_ int, r *probe.DB) error {
			ok, err := r.WaitGTIDs(ctx, before, limit)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("compare the content: %s has not caught up within %v", r.Name, limit)
			}
			t, err := tables(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			replicas[r.Name] = t
			return err
		})
		if err != nil {
			return nil, nil, false, err
		}
		after, err := s.source.GTIDs(ctx)
		if err != nil {
			return nil, nil, false, err
		}
		if before == after {
			return source, replicas, true, nil
		}
	}
	return source, replicas, false, nil
}

func tables(ctx context.Context, db *probe.DB) ([]check.Table, error) {
	hashes, err := db.Content(ctx)
	if err != nil {
		return nil, err
	}
	ts := make([]check.Table, len(hashes))
	for i, h := range hashes {
		ts[i] = check.Table{Name: h.Table, Rows: h.Rows, Hash: h.Hash}
	}
	return ts, nil
}
