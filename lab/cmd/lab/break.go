package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
)

// healLimit bounds the healing after `lab break --for`, also after a Ctrl-C.
const healLimit = 2 * time.Minute

type breakFlags struct {
	project   string
	length    time.Duration
	spec      lab.FaultSpec
	direction string
	rate      string
	memory    string
}

func newBreak() *cobra.Command {
	var f breakFlags
	c := &cobra.Command{
		Use:   "break FAULT SERVICE",
		Short: "Break a service of the stack of `lab up`, for a time or until `lab heal`",
		Long: `break breaks a service of the running stack and returns when that is proven.
With --for it waits and heals; Ctrl-C heals at once. Without it the service stays
broken after the command has ended, until "lab heal" (or "lab up"). Several faults
may overlap. The faults:

` + faultList() + `
docs/faults.md tells what each does, how it is proven and what it is not.`,
		Example: `  lab break kill app1 --for 10s
  lab break partition slave1 --from maestro1 --direction in
  lab break loss slave2 --loss 20
  lab heal`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return lab.Hint(fmt.Errorf("break takes a fault and a service, got %d arguments", len(args)),
					"For example `lab break kill app1 --for 10s`; `lab break --help` lists the faults.")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			f.spec.Kind, f.spec.Service = args[0], args[1]
			return doBreak(c, f)
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return completeFaults(), cobra.ShellCompDirectiveNoFileComp
			case 1:
				return completeServices(c, f.project)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	fl := c.Flags()
	projectFlag(c, &f.project)
	fl.DurationVar(&f.length, "for", 0, "heal after this time (default: it stays broken until `lab heal`)")
	fl.StringVar(&f.spec.Peer, "from", "", "the other service, when only what goes between the two is meant")
	fl.StringVar(&f.direction, "direction", "", "in or out, as the service sees it (default: both)")
	fl.DurationVar(&f.spec.Delay, "delay", 0, "delay of latency")
	fl.DurationVar(&f.spec.Jitter, "jitter", 0, "by how much the delay varies")
	fl.Float64Var(&f.spec.Loss, "loss", 0, "percent of the packets that are lost")
	fl.StringVar(&f.rate, "rate", "", "bytes a second that the network carries, such as 100k")
	fl.Float64Var(&f.spec.CPUs, "cpus", 0, "processors' worth of time that is left, such as 0.1")
	fl.StringVar(&f.memory, "memory", "", "memory limit, such as 64m")
	fl.StringVar(&f.spec.Path, "path", "", "file system that is filled")
	_ = c.RegisterFlagCompletionFunc("from", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return completeServices(c, f.project)
	})
	_ = c.RegisterFlagCompletionFunc("direction", cobra.FixedCompletions([]string{"in", "out"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// faultList is a line for each fault.
func faultList() string {
	var b strings.Builder
	for _, k := range stack.Faults() {
		fmt.Fprintf(&b, "  %-11s %s", k.Name, k.About)
		if len(k.Params) > 0 {
			fmt.Fprintf(&b, "\n  %-11s --%s", "", strings.Join(k.Params, " --"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (f *breakFlags) amounts() (err error) {
	f.spec.Direction = lab.Direction(f.direction)
	if f.length < 0 {
		return lab.Hint(fmt.Errorf("--for is %v", f.length), "It must be more than 0.")
	}
	for _, a := range []struct {
		flag, text string
		to         *int64
		parse      func(string) (int64, error)
	}{
		{"rate", f.rate, &f.spec.Rate, units.FromHumanSize},    // thousands, as networks count
		{"memory", f.memory, &f.spec.Memory, units.RAMInBytes}, // 1,024s, as Docker counts
	} {
		if a.text == "" {
			continue
		}
		if *a.to, err = a.parse(a.text); err != nil {
			return lab.Hint(fmt.Errorf("--%s is %q, which is no size", a.flag, a.text), "For example 500k or 64m.")
		}
	}
	return nil
}

func doBreak(c *cobra.Command, f breakFlags) (err error) {
	if err := f.amounts(); err != nil {
		return err
	}
	ctx := c.Context()
	live := newProgress(c.ErrOrStderr(), report.English, nil)
	defer live.stop()
	st, err := stack.Attach(ctx, f.project, live.line)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Release(context.WithoutCancel(ctx))) }()
	made, err := st.Fault(ctx, f.spec)
	var no *lab.UnsupportedError
	if errors.As(err, &no) {
		live.stop()
		fmt.Fprintf(c.OutOrStdout(), "skipped: %s\n", no)
		return verdictError{lab.Skipped}
	}
	if err != nil {
		return err
	}
	heal := func() error {
		hctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healLimit)
		defer cancel()
		return made.Heal(hctx)
	}
	live.line("breaking: " + made.Spec().String())
	if err := made.Inject(ctx); err != nil {
		err = errors.Join(fmt.Errorf("break %s: %w", made.Spec(), err), heal())
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; what was begun is healed (%s)", made.Spec())
		}
		return err
	}
	if f.length == 0 {
		if err := made.Stay(); err != nil {
			return errors.Join(err, heal())
		}
		live.stop()
		fmt.Fprintf(c.OutOrStdout(), "in effect: %s%s\nIt stays broken until `lab heal`.\n", made.Spec(), proof(made))
		return nil
	}
	live.line(fmt.Sprintf("in effect: %s%s; heals in %v, or at Ctrl-C", made.Spec(), proof(made), f.length))
	err = st.Share(ctx, func(ctx context.Context) {
		wait, cancel := context.WithTimeout(ctx, f.length)
		defer cancel()
		<-wait.Done()
	})
	live.line("healing: " + made.Spec().String())
	if err := errors.Join(err, heal()); err != nil {
		return fmt.Errorf("heal %s: %w", made.Spec(), err)
	}
	live.stop()
	fmt.Fprintf(c.OutOrStdout(), "healed: %s\n", made.Spec())
	return nil
}

// proof is what a fault knows of its effect, as " (exit_code 137)".
func proof(f lab.Proven) string {
	seen := f.Proof()
	var parts []string
	for k, v := range seen {
		parts = append(parts, fmt.Sprintf("%s %v", k, v))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return " (" + strings.Join(parts, ", ") + ")"
}

func projectFlag(c *cobra.Command, to *string) {
	c.Flags().StringVarP(to, "project", "p", classProject, "Compose project name, as given to `lab up`")
	_ = c.RegisterFlagCompletionFunc("project", func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		e, err := stack.Connect(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer e.Close()
		projects, _ := e.Projects(c.Context())
		return projects, cobra.ShellCompDirectiveNoFileComp
	})
}

func completeFaults() []string {
	var names []string
	for _, k := range stack.Faults() {
		names = append(names, cobra.CompletionWithDesc(k.Name, k.About))
	}
	return names
}

// completeServices lists the services of a running project.
func completeServices(c *cobra.Command, project string) ([]string, cobra.ShellCompDirective) {
	e, err := stack.Connect(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer e.Close()
	services, _ := e.Services(c.Context(), project)
	return services, cobra.ShellCompDirectiveNoFileComp
}
