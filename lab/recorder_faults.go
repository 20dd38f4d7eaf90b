package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Inject injects a fault and records its phases. The runner heals it at the
// end of the scenario if the scenario did not.
func (r *Recorder) Inject(ctx context.Context, f Fault) error {
	r.fault(f, FaultAsked)
	// It is known to the runner before it is injected: a fault that breaks
	// half-way must be healed too.
	r.mu.Lock()
	r.faults = append(r.faults, f)
	r.mu.Unlock()
	if err := f.Inject(ctx); err != nil {
		return fmt.Errorf("inject %s: %w", f.Spec(), err)
	}
	r.fault(f, FaultInEffect)
	if p, ok := f.(Proven); ok && len(p.Proof()) > 0 {
		r.Fact("fault", map[string]any{"fault": f.Spec().String(), "proof": p.Proof()})
	}
	return nil
}

// Heal heals a fault and records its phases.
func (r *Recorder) Heal(ctx context.Context, f Fault) error {
	r.fault(f, FaultHealing)
	if err := f.Heal(ctx); err != nil {
		return fmt.Errorf("heal %s: %w", f.Spec(), err)
	}
	r.fault(f, FaultHealed)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.faults {
		if r.faults[i] == f {
			r.faults = append(r.faults[:i], r.faults[i+1:]...)
			break
		}
	}
	return nil
}

// healAll heals what is still injected, newest first.
func (r *Recorder) healAll(ctx context.Context) error {
	var errs []error
	for {
		r.mu.Lock()
		n := len(r.faults)
		if n == 0 {
			r.mu.Unlock()
			return errors.Join(errs...)
		}
		f := r.faults[n-1]
		r.mu.Unlock()
		if err := r.Heal(ctx, f); err != nil {
			errs = append(errs, err)
			r.mu.Lock()
			r.faults = r.faults[:n-1]
			r.mu.Unlock()
		}
	}
}

func (r *Recorder) fault(f Fault, p Phase) {
	r.emit(time.Now(), Event{Kind: KindFault, Fault: &FaultEvent{FaultSpec: f.Spec(), Phase: p}})
}
