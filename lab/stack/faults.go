package stack

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"

	"inventariolab/lab"
)

// A method is one way to break a service. Each stands in a file of its own and
// has a row in methods. Its functions work on an op and keep to this:
//
//   - prepare only looks, and notes in the wound what heal must know; it is
//     written down before inject begins.
//   - inject breaks the service and returns when that is proven.
//   - heal undoes it and returns when it is proven to be gone. It knows nothing
//     but the wound and the engine; it may find the fault injected, half
//     injected, not injected, or healed already, and the container dead, made
//     anew or removed.
type method struct {
	about     string  // one sentence
	params    []param // the amounts that it takes
	defaults  func(ctx context.Context, s *Stack, spec *lab.FaultSpec) error
	supported func(ctx context.Context, s *Stack, spec lab.FaultSpec) (reason string, err error)
	prepare   func(ctx context.Context, o *op) error
	inject    func(ctx context.Context, o *op) error
	heal      func(ctx context.Context, o *op) error
}

// methods are the ways to break a service, by name.
var methods = map[string]method{
	"kill":       killing,
	"stop":       stopping,
	"pause":      pausing,
	"restart":    restarting,
	"recreate":   recreating,
	"partition":  partitioning,
	"loss":       losing,
	"slow-cpu":   slowing,
	"memory":     squeezing,
	"disk-full":  filling,
	"bad-config": misconfiguring,
	"latency":    delaying,
	"bandwidth":  throttling,
}

// op is a method at work on one service.
type op struct {
	*Stack
	wound *wound
	spec  lab.FaultSpec
	proof map[string]any
}

// container inspects the service's container as it is now.
func (o *op) container(ctx context.Context) (container.InspectResponse, error) {
	return o.inspect(ctx, o.spec.Service)
}

// FaultKind describes a kind of fault.
type FaultKind struct {
	Name   string
	About  string   // one sentence
	Params []string // flags of `lab break` that it takes
}

// Faults lists the kinds of fault, sorted by name.
func Faults() []FaultKind {
	kinds := make([]FaultKind, 0, len(methods))
	for _, name := range sortedKeys(methods) {
		k := FaultKind{Name: name, About: methods[name].about}
		for _, p := range methods[name].params {
			k.Params = append(k.Params, p.name)
		}
		kinds = append(kinds, k)
	}
	return kinds
}

// lookTimeout bounds what NewFault asks of the engine; the image of the
// network tools may have to be made.
const lookTimeout = 3 * time.Minute

// NewFault implements lab.Stack.
func (s *Stack) NewFault(spec lab.FaultSpec) (lab.Fault, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	f, err := s.Fault(ctx, spec)
	if err != nil {
		return nil, err // not a nil *Fault in an interface
	}
	return f, nil
}

// Fault is NewFault with a context.
func (s *Stack) Fault(ctx context.Context, spec lab.FaultSpec) (*Fault, error) {
	m, ok := methods[spec.Kind]
	if !ok {
		return nil, lab.Hint(fmt.Errorf("make fault %q: no such fault", spec.Kind), fmt.Sprintf("The faults are: %s.", strings.Join(sortedKeys(methods), ", ")))
	}
	fail := func(err error) (*Fault, error) { return nil, fmt.Errorf("make fault %s: %w", spec, err) }
	for _, svc := range []string{spec.Service, spec.Peer} {
		if svc == "" && svc != spec.Service {
			continue
		}
		if _, err := s.containerID(ctx, svc); err != nil {
			return fail(err)
		}
	}
	if err := m.check(spec); err != nil {
		return fail(err)
	}
	if m.supported != nil {
		reason, err := m.supported(ctx, s, spec)
		if err != nil {
			return fail(err)
		}
		if reason != "" {
			return nil, &lab.UnsupportedError{Fault: spec.String(), Reason: reason}
		}
	}
	if m.defaults != nil {
		if err := m.defaults(ctx, s, &spec); err != nil {
			return fail(err)
		}
	}
	return &Fault{stack: s, spec: spec, method: m}, nil
}
