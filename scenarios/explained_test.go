package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/report"
	"inventariolab/scenarios"
)

// Whatever number a scenario gives, the report says what it means, in both
// languages: a phrase has both.
func TestEveryNumberIsExplained(t *testing.T) {
	for _, sc := range []lab.Scenario{scenarios.Weights(), scenarios.Headers(), scenarios.AppFailoverQuick(), scenarios.Load()} {
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			got, _ := run(t, sc, newMiniStack(t, ""))
			assert.Empty(t, report.Unexplained(got))
		})
	}
}
