package stack_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var root = filepath.Join("..", "..")

// TestEnvExampleTellsTheTruth compares .env.example with the variables and
// defaults of docker-compose.yml.
func TestEnvExampleTellsTheTruth(t *testing.T) {
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	used := make(map[string]string)
	for line := range strings.Lines(string(compose)) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`).FindAllStringSubmatch(line, -1) {
			if before, ok := used[m[1]]; ok {
				assert.Equal(t, before, m[2], "%s has two defaults in docker-compose.yml", m[1])
			}
			used[m[1]] = m[2]
		}
		assert.NotRegexp(t, `\$\{\w+\}|\$[A-Z]`, line, "a variable without a default")
	}
	require.NotEmpty(t, used)

	example, err := os.ReadFile(filepath.Join(root, ".env.example"))
	require.NoError(t, err)
	told := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^#?\s*([A-Z][A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(example), -1) {
		told[m[1]] = strings.TrimSpace(m[2])
	}
	assert.Equal(t, used, told)
}

// TestOnlyLoopbackIsPublished holds the Compose file to what it promises about
// its surroundings.
func TestOnlyLoopbackIsPublished(t *testing.T) {
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	ports := regexp.MustCompile(`(?m)^\s+ports: \[(.*)\]$`).FindAllStringSubmatch(string(compose), -1)
	require.NotEmpty(t, ports)
	for _, p := range ports {
		assert.Regexp(t, `^"127\.0\.0\.1:`, p[1])
	}
	assert.NotContains(t, string(compose), "container_name:", "two stacks would collide")
	assert.NotContains(t, string(compose), "ipv4_address:", "two stacks would collide")
	assert.NotContains(t, string(compose), "privileged: true")
}
