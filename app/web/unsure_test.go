package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"inventariolab/app"
)

// A save whose commit nobody answered may have happened: the API says so, which
// a refusal must not, and neither page claims that nothing was saved.
func TestAnUncertainSaveSaysSo(t *testing.T) {
	for _, c := range []struct {
		uncertain bool
		key       string
	}{{false, "unavailable"}, {true, "unsure"}} {
		f := explain(&app.Error{Code: app.ECodeUnavailable, Uncertain: c.uncertain})
		assert.Equal(t, http.StatusServiceUnavailable, f.status)
		assert.Equal(t, c.key, f.key)
		assert.Equal(t, c.key, formProblem(f))
		assert.Equal(t, c.uncertain, problemOf(f).Uncertain)
	}
}
