package stack

import (
	"context"
	"regexp"
	"strings"

	"inventariolab/lab"
)

// versionLine finds the version number in what a program says of itself.
var versionLine = regexp.MustCompile(`\d+\.\d+(\.\d+)?[-\w.~+]*`)

// Versions asks the balancer and the databases which version they are, keyed
// by the program's name. What does not answer is left out.
func (s *Stack) Versions(ctx context.Context, t *lab.Topology) map[string]string {
	versions := make(map[string]string)
	ask := func(name, service string, cmd ...string) {
		if service == "" {
			return
		}
		if out, err := s.Exec(ctx, service, cmd...); err == nil {
			if v := versionLine.FindString(strings.TrimPrefix(out, name)); v != "" {
				versions[name] = v
			}
		}
	}
	ask("nginx", t.Balancer.Service, "nginx", "-v")
	if t.Database != nil {
		ask("mysqld", t.Database.Source, "mysqld", "--version")
	}
	return versions
}
