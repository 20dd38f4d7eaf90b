package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
)

func newHeal() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use:   "heal [FAULT] [SERVICE]",
		Short: "Heal what `lab break` or a killed lab has broken",
		Long: `heal puts right what is broken on the running stack: all of it, or one kind of
fault, or what is on one service. It goes by what was written down before each
fault was injected, so it does not matter how the command that injected it ended.
The faults of a command that still runs are its own to heal.`,
		Example: `  lab heal
  lab heal partition
  lab heal kill app1
  lab heal app1`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 2 {
				return lab.Hint(fmt.Errorf("unexpected argument %q", args[2]), "`lab heal [FAULT] [SERVICE]`; without both it heals everything.")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return doHeal(c, project, args) },
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			broken, _ := stack.Broken(project)
			var names []string
			for _, spec := range broken {
				switch {
				case len(args) == 0:
					names = append(names, spec.Kind, spec.Service)
				case len(args) == 1 && spec.Kind == args[0]:
					names = append(names, spec.Service)
				}
			}
			slices.Sort(names)
			return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
		},
	}
	projectFlag(c, &project)
	return c
}

// chosen reads the arguments of heal: a fault, a service, or both.
func chosen(args []string) (kind, service string, err error) {
	known := slices.ContainsFunc(stack.Faults(), func(k stack.FaultKind) bool { return len(args) > 0 && k.Name == args[0] })
	switch {
	case len(args) == 0:
		return "", "", nil
	case len(args) == 1 && !known:
		return "", args[0], nil
	case !known:
		return "", "", lab.Hint(fmt.Errorf("heal %q: no such fault", args[0]), "`lab break --help` lists the faults.")
	case len(args) == 1:
		return args[0], "", nil
	}
	return args[0], args[1], nil
}

func doHeal(c *cobra.Command, project string, args []string) (err error) {
	kind, service, err := chosen(args)
	if err != nil {
		return err
	}
	ctx := c.Context()
	live := newProgress(c.ErrOrStderr(), report.English, nil)
	defer live.stop()
	before, err := stack.Broken(project)
	if err != nil {
		return err
	}
	st, err := stack.Attach(ctx, project, live.line) // heals what a killed lab left
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Release(context.WithoutCancel(ctx))) }()
	if service != "" && !slices.Contains(st.Services(), service) {
		return lab.Hint(fmt.Errorf("heal %q: stack %s has no such service", service, project), fmt.Sprintf("The services are: %v.", st.Services()))
	}
	_, busy, err := st.Heal(ctx, func(spec lab.FaultSpec) bool {
		return (kind == "" || spec.Kind == kind) && (service == "" || spec.Service == service)
	})
	live.stop()
	out := c.OutOrStdout()
	after, berr := stack.Broken(project)
	if err := errors.Join(err, berr); err != nil {
		return err
	}
	healed := slices.DeleteFunc(before, func(spec lab.FaultSpec) bool { return slices.Contains(after, spec) })
	for _, spec := range healed {
		fmt.Fprintf(out, "healed: %s\n", spec)
	}
	for _, spec := range busy {
		fmt.Fprintf(out, "left alone: %s; the command that broke it still runs and will heal it\n", spec)
	}
	if len(healed)+len(busy) == 0 {
		fmt.Fprintln(out, "nothing to heal")
	}
	return nil
}
