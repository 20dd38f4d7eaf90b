package load

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

func newWorker(t require.TestingT, seed uint64) (*Mixed, *worker) {
	m := NewMixed(Site{Base: "http://127.0.0.1:1", Topology: &lab.Topology{Paths: lab.Paths{Inventory: "/inventario", Products: "/api/v1/products"}}})
	c, err := probe.NewClient(m.site.Base, "", DefaultTimeout)
	require.NoError(t, err)
	return m, &worker{mixed: m, session: c, prefix: m.prefix + "-000-", dice: rand.New(rand.NewPCG(1, seed))}
}

// TestMixKeepsItsShares: whatever the shuffle, each 20 requests have exactly the
// stated shares, and nothing is edited before it was registered.
func TestMixKeepsItsShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, w := newWorker(t, rapid.Uint64().Draw(t, "seed"))
		codes := make(map[string]bool)
		for hand := range 3 {
			tags := make(map[string]int)
			for i := range MixBrowse + MixSearch + MixRegister + MixEdit {
				q := w.Next()
				tags[q.Tag]++
				s := Sample{Answer: probe.Answer{Status: http.StatusOK}}
				if q.Tag == TagRegister {
					var p struct{ Code string }
					require.NoError(t, json.Unmarshal(q.Body, &p))
					require.False(t, codes[p.Code], "codes are unique")
					codes[p.Code] = true
					s.Status = http.StatusCreated
					s.Body = fmt.Appendf(nil, `{"id": %d, "code": %q}`, 100*hand+i+1, p.Code)
				}
				if q.KeepBody && q.Tag == TagSearch {
					require.NotContains(t, q.URL, w.seek, "the page repeats what was searched for")
					s.Body = []byte(w.seek)
				}
				w.See(s)
			}
			assert.Equal(t, map[string]int{TagBrowse: MixBrowse, TagSearch: MixSearch, TagRegister: MixRegister, TagEdit: MixEdit}, tags)
		}
		assert.Len(t, m.Created(), 3)
		assert.Zero(t, m.Unseen())
	})
}

func TestMixedSeesWhatIsMissing(t *testing.T) {
	m, w := newWorker(t, 1)
	w.code = "LAB-1"
	w.See(Sample{Answer: probe.Answer{Err: assert.AnError}})
	assert.Equal(t, []string{"LAB-1"}, m.unsure, "it may have been registered: CleanUp looks for it")
	w.code = "LAB-2"
	w.See(Sample{Answer: probe.Answer{Status: http.StatusConflict}})
	assert.Len(t, m.unsure, 1, "a refusal is sure")
	w.code, w.seek = "", "LAB-3"
	w.See(Sample{Answer: probe.Answer{Status: http.StatusOK, Body: []byte("<td>LAB-30</td>")}})
	assert.Zero(t, m.Unseen())
	w.See(Sample{Answer: probe.Answer{Status: http.StatusOK, Body: []byte("<td>nothing</td>")}})
	assert.Equal(t, 1, m.Unseen())
	w.session.Keep(http.Header{"Set-Cookie": {"inventario=a"}})
	w.See(Sample{Answer: probe.Answer{Status: http.StatusOK, Header: http.Header{"Set-Cookie": {"inventario=b; Path=/"}}}})
	assert.True(t, strings.HasPrefix(w.Next().Header.Get("Cookie"), "inventario=b"), "the newest cookie of the session is sent")
}
