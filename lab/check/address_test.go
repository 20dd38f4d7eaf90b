package check_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

func TestOldAddressIsLeft(t *testing.T) {
	tries := func(status int, seconds ...float64) (ts []check.AddressTry) {
		for _, s := range seconds {
			ts = append(ts, check.AddressTry{AtUS: int64(s * 1e6), Status: status})
		}
		return ts
	}
	moved := func(atOld, atNew []check.AddressTry) check.Moved {
		return check.Moved{Service: "app", Old: "10.0.0.2", New: "10.0.0.9", AtOld: atOld, AtNew: atNew}
	}
	served := tries(200, 5, 8, 9, 10)
	for _, c := range []struct {
		sentence string
		moved    check.Moved
		want     lab.Verdict
	}{
		{"tries at the old address before the new one serves are the way there", moved(tries(502, 1, 4), served), lab.Pass},
		{"tries within the grace are the old workers'", moved(tries(504, 5.5), served), lab.Pass},
		{"one try after the grace is one too many", moved(tries(504, 1, 7.5), served), lab.Fail},
		{"also when somebody answers there", moved(tries(200, 9), served), lab.Fail},
		{"the new address was tried and did not answer", moved(nil, tries(502, 5, 8, 9, 10)), lab.Unknown},
		{"the new address was never tried", moved(tries(502, 8), nil), lab.Unknown},
		{"hardly anything came after the grace", moved(nil, tries(200, 5, 8)), lab.Unknown},
		{"the address is the same", check.Moved{Service: "app", Old: "10.0.0.2", New: "10.0.0.2", AtNew: served}, lab.Unknown},
	} {
		got := check.OldAddressIsLeft("", c.moved, 2*time.Second, 3)
		assert.Equal(t, c.want, got.Verdict, "%s: %v", c.sentence, got)
		if c.want != lab.Pass {
			assert.NotEmpty(t, got.Hint, c.sentence)
		}
	}
}
