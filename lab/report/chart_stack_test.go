package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

func TestDrawStack(t *testing.T) {
	full := topology()
	full.Database = &lab.Database{Source: "maestro1", Replicas: []string{"slave1", "slave2"}}
	many := topology()
	for range 20 {
		many.Instances = append(many.Instances, lab.Instance{Service: "one-with-a-very-long-name-indeed", Weight: 1})
	}
	type fault struct {
		scenario, kind, service string
		phases                  []lab.Phase
	}
	whole := []lab.Phase{lab.FaultAsked, lab.FaultInEffect, lab.FaultHealing, lab.FaultHealed}
	for _, c := range []struct {
		name   string
		topo   *lab.Topology
		faults []fault
		wrong  int      // boxes that are marked
		says   []string // of the picture in words
	}{
		{"nothing broken", full, nil, 0, []string{"nothing of it was broken", "app: weight 3 of 7", "maestro1: source"}},
		{"an instance and a replica", full, []fault{{"a", "kill", "app", whole}, {"b", "pause", "slave1", whole}}, 2, []string{"What the run broke: app, slave1", "slave1: pause (b)"}},
		{"one service twice", full, []fault{{"a", "kill", "app", whole}, {"b", "kill", "app", whole}, {"b", "pause", "app", whole}}, 1, []string{"app: kill, pause (a, b)"}},
		{"one that took no effect", full, []fault{{"a", "kill", "app", whole[:1]}}, 1, []string{"kill, not seen to take effect (a)"}},
		{"one that stayed", full, []fault{{"a", "kill", "app", whole[:2]}}, 1, []string{"kill, not seen to be gone (a)"}},
		{"one that the topology does not name", full, []fault{{"a", "kill", "cache", whole}}, 1, []string{"cache: kill (a)"}},
		{"the same name in two roles", &lab.Topology{Database: &lab.Database{Source: "db", Replicas: []string{"db"}}}, []fault{{"a", "kill", "db", whole}}, 2, nil},
		{"only a balancer", &lab.Topology{Balancer: lab.Balancer{Service: "nginx"}}, nil, 0, []string{"nginx: balancer"}},
		{"only instances", &lab.Topology{Instances: []lab.Instance{{Service: "web", Weight: 1}}}, nil, 0, []string{"web: weight 1 of 1"}},
		{"no replicas", &lab.Topology{Database: &lab.Database{Source: "db"}}, nil, 0, []string{"db: source"}},
		{"two dozen instances", many, nil, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := &lab.Run{Stack: lab.StackInfo{Expected: c.topo}}
			for _, f := range c.faults {
				s := &lab.ScenarioRun{Begin: lab.Begin{Name: f.scenario}}
				for i, p := range f.phases {
					s.Faults = append(s.Faults, lab.Timed[lab.FaultEvent]{
						At:    time.Duration(i) * time.Second,
						Value: lab.FaultEvent{FaultSpec: lab.FaultSpec{Kind: f.kind, Service: f.service}, Phase: p},
					})
				}
				run.Scenarios = append(run.Scenarios, s)
			}
			for _, l := range []Lang{English, Spanish} {
				pic, err := drawStack(run, l)
				require.NoError(t, err)
				assertDrawing(t, *pic)
				assert.Equal(t, c.wrong, strings.Count(string(pic.svg), "stroke-width:3;stroke-dasharray"), "marked boxes")
				if l == English {
					for _, text := range c.says {
						assert.Contains(t, pic.Alt, text)
					}
				}
			}
		})
	}
	for name, topo := range map[string]*lab.Topology{"no topology": nil, "an empty one": {}} {
		pic, err := drawStack(&lab.Run{Stack: lab.StackInfo{Expected: topo}}, English)
		require.NoError(t, err, name)
		assert.Nil(t, pic, name)
	}
}
