package scenarios

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPaceFitsTheLoadToTheMachine(t *testing.T) {
	for _, tt := range []struct {
		about         string
		carried       pace
		visits, reads float64
		want          float64
	}{
		{"a quick machine takes all of it", pace{Visits: 2400, Reads: 1500, Share: 0.4}, 600, 50, 1},
		{"exactly the share is not too much", pace{Visits: 1000, Share: 0.4}, 400, 0, 1},
		{"visits and reads add up", pace{Visits: 1000, Reads: 500, Share: 0.4}, 600, 100, 0.5},
		{"a very slow machine still gets a load that shows something", pace{Visits: 100, Share: 0.4}, 1000, 0, leastPart},
		{"windows need a steady load", pace{Reads: 300, Share: 0.08}, 0, 120, 0.5},
		{"a load that is thin already stays", pace{Reads: 100, Share: 0.08}, 0, 60, 1},
		{"visits are what windows are judged by, where there are any", pace{Visits: 300, Reads: 100, Share: 0.15}, 300, 50, 0.25},
		{"what did not answer slows nothing down: the scenario itself tells", pace{Share: 0.4}, 600, 50, 1},
	} {
		assert.InDelta(t, tt.want, tt.carried.partOf(tt.visits, tt.reads), 1e-9, tt.about)
	}
}
