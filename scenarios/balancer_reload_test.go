package scenarios

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process that ends while the list is read leaves an entry without a command
// line. What the shell says of it must not be taken for a worker: the output of
// a command in a container has both streams in it.
func TestBalancerWorkersPassesOverWhatIsGone(t *testing.T) {
	proc := t.TempDir()
	for pid, line := range map[string]string{
		"7": "nginx: master process nginx\x00", "40": "nginx: worker process\x00", "41": "nginx: worker process is shutting down\x00", "99": "",
	} {
		require.NoError(t, os.Mkdir(filepath.Join(proc, pid), 0o755))
		if line != "" {
			require.NoError(t, os.WriteFile(filepath.Join(proc, pid, "cmdline"), []byte(line), 0o644))
		}
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(balancerWorkers, "/proc/", proc+"/")).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "40", strings.TrimSpace(string(out)), "only the worker that serves")
}
