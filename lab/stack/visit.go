package stack

import (
	"context"
	"fmt"
	"slices"

	"inventariolab/lab"
)

// Visit finds a project that is there already, to look at it and to break it.
// It starts nothing, takes nothing over, and Detach leaves it as it is, so, unlike Attach, it works
// beside the process that brought the project up.
func Visit(ctx context.Context, opt Options) (_ *Stack, err error) {
	if opt.Files, err = findFiles(opt.Files); err != nil {
		return nil, err
	}
	project, err := load(ctx, opt, environment(opt))
	if err != nil {
		return nil, err
	}
	if err := expect(project, opt.Expect); err != nil {
		return nil, err
	}
	engine, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := &Stack{engine: engine, project: opt.Project, env: project.Environment}
	containers, err := engine.containers(ctx, opt.Project, "")
	if err == nil && len(containers) == 0 {
		err = lab.Hint(fmt.Errorf("find stack %q: it has no containers", opt.Project), "`lab up` brings it up; --project names another one.")
	}
	if err != nil {
		_ = engine.Close()
		return nil, err
	}
	for _, c := range containers {
		s.services = append(s.services, c.Labels[serviceLabel])
	}
	slices.Sort(s.services)
	s.services = slices.Compact(s.services)
	return s, nil
}

// Detach lets go of a visited stack.
func (s *Stack) Detach() error { return s.close() }
