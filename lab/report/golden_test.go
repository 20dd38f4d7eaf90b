package report

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rerecord is the environment variable that writes the goldens anew.
const rerecord = "REPORT_RERECORD"

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv(rerecord) != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "no golden: make it with %s=1 go test ./lab/report", rerecord)
	if strings.HasSuffix(name, ".svg") {
		// A diff of drawings tells nobody anything; look at the two pictures.
		assert.True(t, bytes.Equal(want, got),
			"%s is drawn differently: record it with %s=1 go test ./lab/report and look at it in a browser", path, rerecord)
		return
	}
	assert.Equal(t, string(want), string(got),
		"%s differs: if the change is meant, record it with %s=1 go test ./lab/report and review the diff", path, rerecord)
}

var drawings = regexp.MustCompile(`(?s)(<svg [^>]*>).*?</svg>`)

// TestGoldens renders whole runs and compares every file with what was
// reviewed before.
func TestGoldens(t *testing.T) {
	for _, c := range []struct {
		name string // of the run
		make func() *recordWriter
		lang Lang
		svg  bool
	}{
		{"good", goodRun, English, true},
		{"good", goodRun, Spanish, false},
		{"bad", badRun, English, true},
		{"bad", badRun, Spanish, false},
	} {
		t.Run(c.name+"/"+string(c.lang), func(t *testing.T) {
			dir := t.TempDir()
			run := c.make().run(t)
			require.NoError(t, Write(dir, run, In(c.lang)))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				if filepath.Ext(e.Name()) == ".svg" && !c.svg {
					continue
				}
				if e.Name() == RequestsFile {
					continue // thousands of rows: TestRequests has a golden of few
				}
				b, err := os.ReadFile(filepath.Join(dir, e.Name()))
				require.NoError(t, err)
				if e.Name() == PageFile {
					b = drawings.ReplaceAll(b, []byte("$1…</svg>")) // they have goldens of their own
				}
				golden(t, filepath.Join(c.name, string(c.lang), e.Name()), b)
			}
			for _, color := range []bool{false, true} {
				var b bytes.Buffer
				require.NoError(t, Summary(&b, run, color, In(c.lang), At("reports/latest")))
				name := "summary.txt"
				if color {
					name = "summary.color.txt"
				}
				golden(t, filepath.Join(c.name, string(c.lang), name), b.Bytes())
			}
		})
	}
}

// TestSameBytes renders the same record twice: nothing may depend on the
// clock or on the order of a map.
func TestSameBytes(t *testing.T) {
	run := badRun().run(t)
	files := func() map[string]string {
		dir := t.TempDir()
		require.NoError(t, Write(dir, run))
		out := make(map[string]string)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			out[e.Name()] = string(b)
		}
		return out
	}
	first := files()
	require.Contains(t, first, ReportFile)
	for range 5 {
		require.Equal(t, first, files())
	}
}
