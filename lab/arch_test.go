package lab_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDependenciesPointOneWay holds the packages to docs/architecture.md:
// cmd → scenarios → {check, probe, load} → lab, and cmd → {stack, report} → lab.
// The app and the lab never import each other. Test files are free: the app's
// tests borrow a stack from lab/stack/stacktest.
func TestDependenciesPointOneWay(t *testing.T) {
	const (
		tc    = "github.com/testcontainers/testcontainers-go"
		moby  = "github.com/moby/moby/client"
		hey   = "github.com/rakyll/hey/requester"
		veg   = "github.com/tsenart/vegeta/v12/lib"
		fast  = "github.com/valyala/fasthttp"
		plot  = "gonum.org/v1/plot"
		mysql = "github.com/go-sql-driver/mysql"
	)
	for _, rule := range []struct {
		pkg, why  string
		mayNot    []string
		mayImport []string // exceptions to mayNot
	}{
		{"app/...", "the app knows nothing of the lab", []string{"inventariolab/lab", "inventariolab/scenarios"}, nil},
		{"app", "the domain does no I/O", []string{"inventariolab/", mysql, "net/http", "database/sql"}, []string{"inventariolab/app"}},
		{"app/web", "the pages do not know MySQL", []string{"inventariolab/app/store", mysql}, nil},
		{"lab", "the vocabulary knows none of its users", []string{"inventariolab/", tc, moby, hey, veg, fast, plot, mysql}, []string{"inventariolab/lab"}},
		{"lab/check", "judging does no I/O", []string{"inventariolab/", "net/http", "database/sql", tc, moby, hey, veg, fast}, []string{"inventariolab/lab", "inventariolab/lab/check"}},
		{"lab/probe", "observing does not judge", []string{"inventariolab/lab/check", "inventariolab/app", tc, moby, hey, veg, fast}, nil},
		{"lab/load", "loading does not judge", []string{"inventariolab/lab/check", "inventariolab/app", tc, moby}, nil},
		{"lab/report/...", "a report needs no Docker, no stack and no network", []string{"inventariolab/lab/stack", "inventariolab/scenarios", "inventariolab/app", tc, moby, hey, veg, fast, mysql}, nil},
		{"lab/phrasebook", "a book does not know whose texts it says", []string{"inventariolab/", "net/http", tc, moby}, []string{"inventariolab/lab/phrasebook"}},
		{"lab/compare", "comparing reads records and nothing else", []string{"inventariolab/", tc, moby, hey, veg, fast, plot, mysql}, []string{"inventariolab/lab", "inventariolab/lab/check", "inventariolab/lab/compare"}},
		{"lab/calibrate", "comparing generators takes a URL, not a stack", []string{"inventariolab/lab/stack", "inventariolab/lab/report", "inventariolab/scenarios", "inventariolab/app", tc, moby}, nil},
		{"lab/promote", "promoting knows a stack through lab.Stack only, and does not judge", []string{"inventariolab/", tc, moby, hey}, []string{"inventariolab/lab", "inventariolab/lab/promote"}},
		{"scenarios", "scenarios touch a stack through lab.Stack only", []string{"inventariolab/lab/stack", "inventariolab/lab/report", "inventariolab/app", tc, moby}, nil},
		{"lab/cmd/lab", "what makes a service late is a program of its own, in a container", []string{"github.com/Shopify/toxiproxy/v2", "inventariolab/lab/stack/lateproxy"}, nil},
		{"lab/stack", "bringing a stack up does not judge it", []string{"inventariolab/lab/check", "inventariolab/lab/report", "inventariolab/scenarios", "inventariolab/app"}, nil},
	} {
		t.Run(rule.pkg, func(t *testing.T) {
			for _, dep := range deps(t, "inventariolab/"+rule.pkg) {
				for _, not := range rule.mayNot {
					bad := dep == not || strings.HasPrefix(dep, strings.TrimSuffix(not, "/")+"/")
					for _, ok := range rule.mayImport {
						bad = bad && dep != ok
					}
					assert.False(t, bad, "%s, but %s depends on %s", rule.why, rule.pkg, dep)
				}
			}
		})
	}
}

// deps lists what the non-test files of a package depend on.
func deps(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", pattern).Output()
	require.NoError(t, err)
	all := strings.Fields(string(out))
	require.NotEmpty(t, all)
	return all
}
