// Command lab brings a Compose stack up, checks it, breaks it on purpose, loads
// it and reports what happened.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"inventariolab/lab"
)

// Exit statuses; see lab.Verdict.ExitStatus for the first two.
const exitCannotTell = 2

func main() { os.Exit(run()) }

// run is main without os.Exit, so that command transcripts can call it.
func run() int {
	// The first Ctrl-C ends the run in good order: faults healed, stack removed,
	// report written. The second ends the process at once; the guard then
	// removes the stack.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(args)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var v verdictError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &v):
		return v.verdict.ExitStatus()
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "lab: interrupted; nothing is left running")
		return exitCannotTell
	}
	printError(stderr, err)
	return exitCannotTell
}

// verdictError carries the verdict of a finished run to the exit status; the
// summary has told the user already.
type verdictError struct{ verdict lab.Verdict }

func (e verdictError) Error() string { return "verdict " + string(e.verdict) }

func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "lab: error: %s\n", strings.TrimSpace(err.Error()))
	if hint := lab.HintOf(err); hint != "" {
		fmt.Fprintf(w, "lab: try: %s\n", hint)
	}
}

func newRoot(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "lab",
		Short: "The reference lab: bring a stack up, check it, break it, load it, report it",
		Long: `lab brings the stack of docker-compose.yml up, runs scenarios against it and
writes a report. It exits with 0 when everything passed, 1 when a check failed
and 2 when it could not tell.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return lab.Hint(fmt.Errorf("unknown command %q", args[0]), "`lab --help` lists the commands.")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return lab.Hint(err, fmt.Sprintf("`%s --help` lists the flags.", c.CommandPath()))
	})
	root.AddCommand(newRun(args), newList(), newUp(), newDown(), newBreak(), newHeal(), newPromote(), newPrepare(), newReport(), newCompare(), newCalibrate(), newBench())
	return root
}

// noArgs is cobra.NoArgs with advice.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return lab.Hint(fmt.Errorf("unexpected argument %q", args[0]), fmt.Sprintf("`%s --help` shows the usage.", c.CommandPath()))
	}
	return nil
}
