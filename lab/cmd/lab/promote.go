package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/promote"
	"inventariolab/lab/stack"
)

type promoteFlags struct {
	files    []string
	project  string
	topology string
	watch    bool
	forTime  time.Duration
	misses   int
}

func newPromote() *cobra.Command {
	var f promoteFlags
	c := &cobra.Command{
		Use:   "promote [SERVICE]",
		Short: "Make a replica the source: planned, after the source's death, or by watching for it",
		Long: `promote changes which database server takes the writes.

With the source alive and a SERVICE named it is a switch-over: the source becomes
read-only, SERVICE catches up, they change places; nothing is lost.

Without a source it promotes the replica that received most (or SERVICE, if that
has received as much), after the old source has been fenced or proven dead.

With the source alive and no SERVICE it only repairs: every server that does not
follow the source is made to, and rebuilt from it if it must be. A promotion that
was interrupted is finished by the next one.`,
		Example: `  lab promote slave2
  lab promote
  lab promote --watch --for 10m`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return lab.Hint(fmt.Errorf("unexpected argument %q", args[1]), "`lab promote` takes one service.")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			want := ""
			if len(args) == 1 {
				want = args[0]
			}
			return doPromote(c.Context(), f, want, c.OutOrStdout())
		},
	}
	fl := c.Flags()
	fl.StringArrayVarP(&f.files, "file", "f", nil, "Compose file (default: docker-compose.yml here or above; repeat to merge)")
	fl.StringVarP(&f.project, "project", "p", classProject, "Compose project name, as given to `lab up`")
	fl.StringVar(&f.topology, "topology", "", "what is expected of the stack (default: the reference stack's)")
	fl.BoolVarP(&f.watch, "watch", "w", false, "watch the source, and promote when it is really gone")
	fl.DurationVar(&f.forTime, "for", 0, "how long to watch, as 90s or 10m (default: until Ctrl-C)")
	fl.IntVar(&f.misses, "misses", promote.DefaultMisses, "looks in a row, five a second, that the source must not answer")
	return c
}

func (f promoteFlags) check(want string) error {
	switch {
	case f.watch && want != "":
		return lab.Hint(fmt.Errorf("--watch goes without a service, got %q", want), "Leave out one or the other.")
	case f.forTime < 0, f.forTime > 0 && !f.watch:
		return lab.Hint(fmt.Errorf("--for is %s", f.forTime), "It is a time to watch, and goes with --watch.")
	case f.misses < 1:
		return lab.Hint(fmt.Errorf("--misses is %d", f.misses), "It must be 1 or more.")
	}
	return nil
}

func doPromote(ctx context.Context, f promoteFlags, want string, out io.Writer) error {
	if err := f.check(want); err != nil {
		return err
	}
	top, err := readTopology(f.topology)
	if err != nil {
		return err
	}
	if top.Database == nil {
		return lab.Hint(fmt.Errorf("promote: the topology names no database"), "scenarios/topology.yaml is an example of a topology file.")
	}
	st, err := stack.Visit(ctx, stack.Options{Files: f.files, Project: f.project, Expect: top.Services()})
	if err != nil {
		return err
	}
	defer st.Detach()
	top.Resolve(st.Getenv)
	cluster, err := promote.Open(promote.Options{Stack: st, Database: *top.Database, Event: func(e promote.Event) {
		fmt.Fprintf(out, "%s  %-9s %s\n", e.At.Local().Format("15:04:05.000"), e.Kind, e.Text)
	}})
	if err != nil {
		return err
	}
	defer cluster.Close()
	if f.watch {
		if f.forTime > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, f.forTime)
			defer cancel()
		}
		return cluster.Watch(ctx, promote.WatchOptions{Rule: promote.Rule{Misses: f.misses}})
	}
	r, err := cluster.Promote(ctx, want)
	if err != nil {
		return err
	}
	if r.Source == r.Before {
		fmt.Fprintf(out, "%s is the source (term %d)\n", r.Source, r.Term)
	} else {
		fmt.Fprintf(out, "%s is the source (term %d), it was %s; it took %s\n", r.Source, r.Term, r.Before, r.Took.Round(time.Millisecond))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	return nil
}
