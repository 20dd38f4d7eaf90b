package scenarios_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

// goBlocks are the whole functions among the Go blocks of a Markdown page;
// fragments, which have an ellipsis, are left out.
func goBlocks(page string) []string {
	var blocks []string
	for i, part := range strings.Split(page, "```") {
		code, ok := strings.CutPrefix(part, "go\n")
		if i%2 == 1 && ok && !strings.Contains(code, "…") {
			blocks = append(blocks, code)
		}
	}
	return blocks
}
