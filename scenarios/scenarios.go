// Package scenarios is the catalogue: one file for each experiment. See
// ADDING.md for how to add one.
package scenarios

import (
	_ "embed"
	"fmt"

	"inventariolab/lab"
)

//go:embed topology.yaml
var topology []byte

// All lists the catalogue in the order in which a run goes through it: what
// only looks comes before what breaks things, the load comes last.
func All() []lab.Scenario {
	return []lab.Scenario{
		Weights(),
		Headers(),
		Replication(),
		AppFailover(),
		ReplicaFailover(),
		Load(),
		AppPause(),
		ReplicaPause(),
		ReplicaPartition(),
		ReplicaDiskFull(),
		ReplicasAllDown(),
		ReplicaRebuild(),
		ReplicaErrant(),
		SourceRestart(),
		ColdRestart(),
		SourceFailover(),
		SourcePartition(),
		SemisyncLoss(),
		AppSlow(),
		AppRollingRestart(),
		AppRecreate(),
		BalancerReload(),
		Capacity(),
		CoordinatedOmission(),
	}
}

// Topology is what is expected of the stack of this repository, as written in
// topology.yaml when the program was built. lab.ReadTopology reads another.
func Topology() (*lab.Topology, error) {
	t, err := lab.ParseTopology(topology)
	if err != nil {
		return nil, fmt.Errorf("read the built-in topology: %w", err)
	}
	return t, nil
}
