package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"

	"inventariolab/lab"
)

// Fault implements lab.Fault for every kind of fault.
type Fault struct {
	stack  *Stack
	spec   lab.FaultSpec
	method method
	wound  *wound // nil while nothing is broken
	proof  map[string]any
}

var _ interface {
	lab.Fault
	lab.Proven
} = (*Fault)(nil)

// Spec implements lab.Fault.
func (f *Fault) Spec() lab.FaultSpec { return f.spec }

// Proof implements lab.Proven.
func (f *Fault) Proof() map[string]any { return f.proof }

// Inject implements lab.Fault.
func (f *Fault) Inject(ctx context.Context) error {
	if f.wound != nil {
		return fmt.Errorf("%s is in effect already", f.spec)
	}
	if err := f.ready(ctx); err != nil {
		return err
	}
	dir, err := journalDir(f.stack.project)
	if err != nil {
		return err
	}
	w := &wound{ID: randomHex(4), Spec: f.spec, Since: time.Now().UTC(), Project: f.stack.project, dir: dir}
	if _, err := w.hold(); err != nil { // before others can see the file
		return err
	}
	o := &op{Stack: f.stack, wound: w, spec: f.spec, proof: make(map[string]any)}
	if f.method.prepare != nil {
		err = f.method.prepare(ctx, o)
	}
	if err == nil {
		err = w.save()
	}
	if err != nil {
		return errors.Join(err, w.close()) // nothing is broken yet
	}
	f.wound = w // from here on healing is due, even if the next line fails half-way
	f.stack.open.add(w)
	if err := f.method.inject(ctx, o); err != nil {
		return err
	}
	f.proof = o.proof
	w.InEffect = true
	return w.save()
}

// ready checks that the target can be broken now.
func (f *Fault) ready(ctx context.Context) error {
	ws, err := wounds(f.stack.project)
	if err != nil {
		return err
	}
	for _, w := range ws {
		if w.Spec == f.spec {
			return lab.Hint(fmt.Errorf("%s is in effect already", f.spec), "Heal it first: `lab heal`.")
		}
	}
	for _, svc := range []string{f.spec.Service, f.spec.Peer} {
		if svc == "" {
			continue
		}
		c, err := f.stack.inspect(ctx, svc)
		if err != nil {
			return err
		}
		if c.State.Status != container.StateRunning {
			return lab.Hint(fmt.Errorf("%s does not run (%s)", svc, c.State.Status), "Only what runs can be broken: `lab heal` first, or `lab up`.")
		}
	}
	return nil
}

// Heal implements lab.Fault.
func (f *Fault) Heal(ctx context.Context) error {
	if f.wound == nil {
		return nil
	}
	if err := f.stack.treat(ctx, f.wound); err != nil {
		return err
	}
	f.done()
	return nil
}

// Stay leaves the fault broken when this process ends, until it is healed by
// `lab heal`; without it the next lab command heals it.
func (f *Fault) Stay() error {
	if f.wound == nil {
		return fmt.Errorf("%s is not in effect", f.spec)
	}
	f.wound.Stays = true
	if err := f.wound.save(); err != nil {
		return err
	}
	err := f.wound.letGo()
	f.done()
	return err
}

// done forgets the wound; somebody else may have it.
func (f *Fault) done() {
	f.stack.open.remove(f.wound)
	f.wound = nil
}

// settleTime is how long healing is repeated after an injection or another
// healing that was cut off: the engine finishes a request whose sender was
// killed, and by then the healing may have looked already. Such requests take well below a
// second (stop and restart, which may take longer, are finished by their heal).
const settleTime = 2 * time.Second

// treat heals a wound that this process holds and closes it. The service must
// be usable again, unless another fault is on it.
func (s *Stack) treat(ctx context.Context, w *wound) error {
	m, ok := methods[w.Spec.Kind]
	if !ok {
		return lab.Hint(fmt.Errorf("%s: this lab does not know the fault", w.Spec), "Use the version of the lab that broke it, or `lab down` and `lab up`.")
	}
	cs, err := s.engine.containers(ctx, w.Project, w.Spec.Service)
	if err != nil {
		return err
	}
	o := &op{Stack: s, wound: w, spec: w.Spec, proof: make(map[string]any)}
	settled := w.InEffect && !w.Healing
	w.Healing = true
	if err := w.save(); err != nil {
		return err
	}
	began := time.Now()
	err = poll(ctx, "the end of "+w.Spec.String(), func() (bool, string, error) {
		// A tool of the injection that still runs would break what heal mends.
		if err := s.engine.removeHelpers(ctx, w.Project, w.ID, false); err != nil {
			return false, "", err
		}
		if len(cs) == 0 {
			return true, "", nil // the fault went with the container
		}
		return settled || time.Since(began) > settleTime, "", m.heal(ctx, o)
	})
	if err == nil {
		err = s.engine.removeHelpers(ctx, w.Project, w.ID, true)
	}
	if err != nil {
		return err
	}
	alone, err := s.alone(w)
	if err != nil {
		return err
	}
	if len(cs) > 0 && alone {
		// One that somebody else has stopped stays so: the fault is gone all the same.
		if c, err := o.container(ctx); err != nil {
			return err
		} else if c.State.Running {
			if err := s.WaitHealthy(ctx, w.Spec.Service); err != nil {
				return err
			}
		}
	}
	return w.close()
}

// alone says whether no other fault is on the wound's service.
func (s *Stack) alone(w *wound) (bool, error) {
	ws, err := wounds(w.Project)
	return !slices.ContainsFunc(ws, func(o *wound) bool {
		return o.ID != w.ID && (o.Spec.Service == w.Spec.Service || o.Spec.Peer == w.Spec.Service)
	}), err
}
