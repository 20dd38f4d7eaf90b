package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
)

// classProject is the Compose project of `lab up`.
const classProject = "inventario"

func newUp() *cobra.Command {
	var files []string
	var project, topology string
	c := &cobra.Command{
		Use:   "up",
		Short: "Bring the stack up for use in a browser and leave it running",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			top, err := readTopology(topology)
			if err != nil {
				return err
			}
			live := newProgress(c.ErrOrStderr(), report.English, nil)
			defer live.stop()
			st, err := stack.Up(c.Context(), stack.Options{
				Files: files, Project: project, FixedPorts: true, Keep: true, Expect: top.Services(), Progress: live.line,
			})
			if err != nil {
				return err
			}
			top.Resolve(st.Getenv)
			live.stop()
			tellAddresses(c, st, top)
			return st.Release(context.WithoutCancel(c.Context()))
		},
	}
	c.Flags().StringArrayVarP(&files, "file", "f", nil, "Compose file (default: docker-compose.yml here or above; repeat to merge)")
	c.Flags().StringVarP(&project, "project", "p", classProject, "Compose project name")
	c.Flags().StringVar(&topology, "topology", "", "what is expected of the stack (default: the reference stack's)")
	return c
}

func tellAddresses(c *cobra.Command, st *stack.Stack, top *lab.Topology) {
	ctx, out := c.Context(), c.OutOrStdout()
	fmt.Fprintf(out, "stack %s is up (%d services)\n", st.Project(), len(st.Services()))
	if u, err := st.URL(ctx, top.Balancer.Service, top.Balancer.Port); err == nil {
		fmt.Fprintf(out, "  site        %s/\n", u)
	}
	if top.Login != nil {
		fmt.Fprintf(out, "  log in as   %s / %s\n", top.Login.User, top.Login.Password)
	}
	if u, err := st.URL(ctx, "phpmyadmin", 8080); err == nil {
		fmt.Fprintf(out, "  phpMyAdmin  %s/\n", u)
	}
	if top.Database != nil {
		for _, s := range append([]string{top.Database.Source}, top.Database.Replicas...) {
			if a, err := st.Addr(ctx, s, top.Database.Port); err == nil {
				fmt.Fprintf(out, "  %-11s %s\n", s, a)
			}
		}
	}
	fmt.Fprintln(out, "`make down` removes it with its data.")
}

func newDown() *cobra.Command {
	var project string
	var all bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Remove the stack of `lab up` with its data, and whatever killed runs left",
		Long: `down removes the stack that "lab up" left running, with its data, and the stacks of
runs that were killed. Stacks that a living process uses are left alone.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), 3*time.Minute)
			defer cancel()
			e, err := stack.Connect(ctx)
			if err != nil {
				return err
			}
			defer e.Close()
			gone, err := e.Sweep(ctx, all)
			if err == nil && !slices.Contains(gone, project) {
				var there bool
				if there, err = e.RemoveProject(ctx, project); there {
					gone = append(gone, project)
				}
			}
			for _, p := range gone {
				fmt.Fprintf(c.OutOrStdout(), "removed stack %s\n", p)
			}
			if merr := e.Mend(ctx, func(line string) { fmt.Fprintln(c.ErrOrStderr(), line) }); err == nil {
				err = merr
			}
			if err == nil && len(gone) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "nothing to remove")
			}
			return err
		},
	}
	c.Flags().StringVarP(&project, "project", "p", classProject, "Compose project name, as given to `lab up`")
	c.Flags().BoolVar(&all, "all", false, "remove every stack that `lab up` left running, of any project name")
	return c
}

func newPrepare() *cobra.Command {
	var files []string
	c := &cobra.Command{
		Use:   "prepare",
		Short: "Make the images and start nothing (the evening before the class, where there is a network)",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			live := newProgress(c.ErrOrStderr(), report.English, nil)
			defer live.stop()
			return stack.Prepare(c.Context(), stack.Options{Files: files, Progress: live.line})
		},
	}
	c.Flags().StringArrayVarP(&files, "file", "f", nil, "Compose file (default: docker-compose.yml here or above; repeat to merge)")
	return c
}
