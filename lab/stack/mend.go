package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// healTimeout bounds the healing of one fault that somebody else left: a
// database that was killed is usable again after some ten seconds.
const healTimeout = 90 * time.Second

// attachTimeout is how long Attach waits for another process that works with
// the stack: breaking or healing takes seconds.
const attachTimeout = 60 * time.Second

// Attach takes hold of a project that runs, with no need of its Compose file,
// and heals what a process that was killed left broken. Whoever brought it up,
// it is left running: Release lets go of it.
func Attach(ctx context.Context, project string, progress func(line string)) (_ *Stack, err error) {
	if progress == nil {
		progress = func(string) {}
	}
	engine, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &Stack{engine: engine, project: project, keep: true, progress: progress}
	defer func() {
		switch {
		case err == nil:
		case s.entry == nil:
			err = errors.Join(err, engine.Close())
		default:
			err = errors.Join(err, s.Release(context.WithoutCancel(ctx)))
		}
	}()
	if s.services, err = engine.Services(ctx, project); err != nil {
		return nil, err
	}
	if len(s.services) == 0 {
		return nil, errors.Join(lab.Hint(fmt.Errorf("find stack %s: it has no containers", project), "`lab up` brings a stack up; --project names another one."),
			engine.forgetGone(ctx, project))
	}
	if s.entry, err = take(ctx, project, engine.cli.DaemonHost(), progress); err != nil {
		return nil, err
	}
	if !s.entry.Keep {
		return nil, lab.Hint(fmt.Errorf("find stack %s: a run that was killed left it behind", project), "`lab down` removes it.")
	}
	return s, s.mend(ctx, func(w *wound) bool { return !w.Stays })
}

// Services lists the services of which a project has containers, sorted.
func (e *Engine) Services(ctx context.Context, project string) ([]string, error) {
	cs, err := e.containers(ctx, project, "")
	if err != nil {
		return nil, err
	}
	services := make(map[string]bool)
	for _, c := range cs {
		if svc := c.Labels[serviceLabel]; svc != "" {
			services[svc] = true
		}
	}
	return sortedKeys(services), nil
}

// Projects lists the Compose projects of which the engine has containers, sorted.
func (e *Engine) Projects(ctx context.Context) ([]string, error) {
	res, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", projectLabel)})
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	projects := make(map[string]bool)
	for _, c := range res.Items {
		projects[c.Labels[projectLabel]] = true
	}
	return sortedKeys(projects), nil
}

// Share lets other processes work with the stack while wait runs.
func (s *Stack) Share(ctx context.Context, wait func(context.Context)) error {
	if err := s.entry.release(); err != nil {
		return err
	}
	wait(ctx)
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), attachTimeout)
	defer cancel()
	return s.entry.relock(again)
}

// Broken lists the faults that are on a project, the newest first.
func Broken(project string) ([]lab.FaultSpec, error) {
	ws, err := wounds(project)
	if err != nil {
		return nil, err
	}
	specs := make([]lab.FaultSpec, len(ws))
	for i, w := range ws {
		specs[i] = w.Spec
	}
	return specs, nil
}

// Heal heals the faults that pick chooses, whoever injected them, the newest
// first. Those of a living process are its own to heal; they are returned as
// busy.
func (s *Stack) Heal(ctx context.Context, pick func(lab.FaultSpec) bool) (healed, busy []lab.FaultSpec, err error) {
	ws, err := wounds(s.project)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, w := range ws {
		if !pick(w.Spec) {
			continue
		}
		switch mine, err := s.healOne(ctx, w); {
		case err != nil:
			errs = append(errs, err)
		case mine:
			healed = append(healed, w.Spec)
		default:
			busy = append(busy, w.Spec)
		}
	}
	return healed, busy, errors.Join(errs...)
}

// healOne heals one wound unless a living process holds it.
func (s *Stack) healOne(ctx context.Context, w *wound) (bool, error) {
	free, err := w.hold()
	if err != nil || !free {
		return false, err
	}
	s.tell("healing " + w.Spec.String())
	limited, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	if err := s.treat(limited, w); err != nil {
		return true, errors.Join(fmt.Errorf("heal %s: %w", w.Spec, err), w.letGo())
	}
	return true, nil
}

// mend heals those wounds that pick chooses and nobody holds.
func (s *Stack) mend(ctx context.Context, pick func(*wound) bool) error {
	ws, err := wounds(s.project)
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range slices.DeleteFunc(ws, func(w *wound) bool { return !pick(w) }) {
		_, err := s.healOne(ctx, w)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Mend heals, on the stacks that outlive their process (`lab up`), what a
// process that was killed had broken. What was broken to stay (`lab break`) and
// what a living process has broken is left alone.
func (e *Engine) Mend(ctx context.Context, progress func(line string)) error {
	es, err := entries()
	if err != nil {
		return err
	}
	var errs []error
	for _, en := range es {
		ws, err := wounds(en.Project)
		errs = append(errs, err)
		ws = slices.DeleteFunc(ws, func(w *wound) bool { return w.Stays })
		if !en.Keep || len(ws) == 0 || en.Host != "" && en.Host != e.cli.DaemonHost() {
			continue
		}
		if ok, err := en.lock.TryLock(); err != nil || !ok {
			continue // in use: whoever uses it has healed it, or will
		}
		s := &Stack{engine: e, project: en.Project, entry: en, keep: true, progress: func(line string) { progress("stack " + en.Project + ": " + line) }}
		s.services, err = e.Services(ctx, en.Project)
		if err == nil {
			err = s.mend(ctx, func(w *wound) bool { return !w.Stays })
		}
		errs = append(errs, err, en.release())
	}
	return errors.Join(errs...)
}

// forgetGone clears the journal and the ledger of a project that somebody
// removed without the lab.
func (e *Engine) forgetGone(ctx context.Context, project string) error {
	there, err := e.anything(ctx, project)
	if err != nil || there {
		return err
	}
	return forgetWounds(project)
}
