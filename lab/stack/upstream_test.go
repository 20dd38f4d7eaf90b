package stack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The balancer's entrypoint takes an instance out when somebody else has its
// address, and only then: not when nobody answers what its address is.
func TestUpstreamTakesOutOnlyWhoseAddressIsTaken(t *testing.T) {
	const (
		living = "10.9.0.5 STREAM app"
		script = `source "$1"; names=(app); port[app]=8080; address[app]=10.9.0.5; mkdir -p "$RUN_DIR/dns"; refresh; echo "at <${address[app]}>"`
	)
	for _, c := range []struct {
		sentence      string
		name, address string // what the lookups do, in shell
		want          string
	}{
		{"it is there", "echo " + living, "echo 10.9.0.5 app", "at <10.9.0.5>"},
		{"it is gone, and nobody has its address", "exit 2", "exit 2", "at <10.9.0.5>"},
		{"it is gone, and somebody has its address", "exit 2", "echo 10.9.0.5 stranger", "at <>"},
		{"nobody says in time where it is, and its address is known", "exec sleep 5", "echo 10.9.0.5 app", "at <10.9.0.5>"},
		{"nobody says anything in time", "exec sleep 5", "exec sleep 5", "at <10.9.0.5>"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			getent := "if [ \"$1\" = hosts ]; then " + c.address + "; else " + c.name + "; fi"
			out := entrypoint(t, script, getent)
			lines := strings.Split(out, "\n")
			assert.Equal(t, c.want, lines[len(lines)-1], "%s", out)
		})
	}
}

// All names are asked in one go, and those that this does not tell one by one.
func TestUpstreamAsksForAllNames(t *testing.T) {
	const script = `source "$1"; names=(app app1 app2 app3); mkdir -p "$RUN_DIR/dns"; look_all; for n in "${names[@]}"; do echo "$n <${looked[$n]}>"; done`
	const together = `if [ $# -gt 2 ]; then
		echo "10.9.0.5 STREAM app"; echo "10.9.0.5 DGRAM"; echo "10.9.0.5 RAW"
		echo "10.9.0.6 STREAM app1"; echo "10.9.0.7 STREAM"; echo "10.9.0.7 DGRAM"
		echo "10.9.0.8 STREAM another.name"
		exit 2
	fi
	case $2 in app2.) echo "10.9.0.8 STREAM another.name" ;; app3.) exit 2 ;; *) echo "10.9.0.99 STREAM asked again" ;; esac`
	assert.Equal(t, "app <10.9.0.5 >\napp1 <10.9.0.6 10.9.0.7 >\napp2 <10.9.0.8 >\napp3 <>", entrypoint(t, script, together))
	assert.Equal(t, "app <10.9.0.1 >\napp1 <10.9.0.1 >\napp2 <10.9.0.1 >\napp3 <10.9.0.1 >",
		entrypoint(t, script, `[ $# -le 2 ] || exec sleep 5; echo "10.9.0.1 STREAM ${2%.}"`), "no answer in time")
}

// entrypoint runs a script with the functions of the balancer's entrypoint and
// returns what it prints; getent does, in shell, what stands in for the DNS.
func entrypoint(t *testing.T, script, getent string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "getent"), []byte("#!/bin/sh\n"+getent+"\n"), 0o755))
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script, "test", filepath.Join(root, "nginx", "entrypoint.sh"))
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "RUN_DIR="+filepath.Join(dir, "run"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}
