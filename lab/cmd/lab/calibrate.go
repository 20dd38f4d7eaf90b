package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/calibrate"
	"inventariolab/lab/probe"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
)

type calibrateFlags struct {
	calibrate.Options
	files    []string
	topology string
}

func newCalibrate() *cobra.Command {
	var f calibrateFlags
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Compare the lab's load generator with ab, wrk and hey, on the same path and in turn",
		Long: `calibrate lets every load generator that it finds (ab, wrk, hey and the lab's own)
ask the same page, in mirrored rounds, with and without keep-alive, and prints
what each of them says and the ratios. It brings the stack up and asks its home
page; with --url it asks that and starts nothing.

It exits with 0 when the lab's generator agrees with ab within 10 % on the p50
and is at least as fast as ab and hey, 1 when not, 2 when it cannot tell.`,
		Example: `  lab calibrate
  lab calibrate --url http://127.0.0.1:8080/`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return doCalibrate(c, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.URL, "url", "", "what to ask, http://127.0.0.1:PORT/… (default: the home page of a stack of its own)")
	fl.IntVar(&f.Rounds, "rounds", calibrate.DefaultRounds, "rounds; in each every generator runs twice")
	fl.IntVarP(&f.Requests, "requests", "n", calibrate.DefaultRequests, "requests a run")
	fl.IntVarP(&f.Clients, "concurrency", "c", calibrate.DefaultClients, "concurrent clients")
	fl.StringArrayVarP(&f.files, "file", "f", nil, "Compose file (default: docker-compose.yml here or above; repeat to merge)")
	fl.StringVar(&f.topology, "topology", "", "what is expected of the stack (default: the reference stack's)")
	return c
}

func doCalibrate(c *cobra.Command, f calibrateFlags) (err error) {
	live := newProgress(c.ErrOrStderr(), report.English, nil)
	defer live.stop()
	f.Progress = live.line
	if f.URL == "" {
		url, down, uerr := calibrateStack(c.Context(), f, live)
		if uerr != nil {
			return uerr
		}
		defer func() { err = errors.Join(err, down()) }() // also when something panics
		f.URL = url
	} else if _, err := probe.Target(f.URL); err != nil {
		return lab.Hint(err, "Give --url as http://127.0.0.1:PORT/path.")
	}
	generators, missing := calibrate.Find()
	modes, err := calibrate.Run(c.Context(), f.Options, generators)
	if err != nil {
		return err
	}
	checks := calibrate.Judge(modes, missing)
	live.stop()
	if err := calibrate.Write(c.OutOrStdout(), modes, missing, checks); err != nil {
		return err
	}
	verdicts := make([]lab.Verdict, len(checks))
	for i, k := range checks {
		verdicts[i] = k.Verdict
	}
	if v := lab.Summarize(verdicts); v != lab.Pass {
		return verdictError{v}
	}
	return nil
}

// calibrateStack brings a stack up and returns the address of its home page.
func calibrateStack(ctx context.Context, f calibrateFlags, live *progress) (url string, down func() error, err error) {
	top, err := readTopology(f.topology)
	if err != nil {
		return "", nil, err
	}
	st, err := stack.Up(ctx, stack.Options{Files: f.files, Expect: top.Services(), Progress: live.line})
	if err != nil {
		return "", nil, err
	}
	down = func() error {
		dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return st.Down(dctx)
	}
	base, err := st.URL(ctx, top.Balancer.Service, top.Balancer.Port)
	if err != nil {
		return "", nil, errors.Join(err, down())
	}
	return base + top.Paths.Home, down, nil
}
