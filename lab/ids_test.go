package lab_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
)

// The index says what a map of all ids would say.
func TestIDsAreWhatAMapSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.StringMatching(`[ab]{0,4}`)).Draw(t, "ids")
		x := lab.IndexIDs(len(ids), func(i int) string { return ids[i] })
		first, again := make(map[string]int), make(map[int]int)
		for i, id := range ids {
			if id == "" {
				continue
			}
			if f, known := first[id]; known {
				again[i] = f
			} else {
				first[id] = i
			}
		}
		for id, i := range first {
			require.Equal(t, i, x.First(id), "%q in %q", id, ids)
		}
		require.Equal(t, -1, x.First("none"))
		require.Len(t, x.Again(), len(again))
		for i, f := range again {
			require.Equal(t, f, x.Again()[i])
		}
	})
}

func TestIDsOfNothing(t *testing.T) {
	x := lab.IndexIDs(0, nil)
	assert.Equal(t, -1, x.First(""))
	assert.Empty(t, x.Again())
}
