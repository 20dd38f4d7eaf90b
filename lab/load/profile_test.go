package load_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/load"
	"inventariolab/lab/stack/stacktest"
	"inventariolab/scenarios"
)

func TestMain(m *testing.M) { stacktest.Main(m) }

// TestProfilesOnTheStack lets every profile work in both loops, and looks at
// what it leaves behind.
func TestProfilesOnTheStack(t *testing.T) {
	s := stacktest.Stack(t)
	ctx := t.Context()
	topology, err := scenarios.Topology()
	require.NoError(t, err)
	topology.Resolve(s.Getenv)
	base, err := s.URL(ctx, topology.Balancer.Service, topology.Balancer.Port)
	require.NoError(t, err)
	site := load.Site{Base: base, Topology: topology}
	mixed := load.NewMixed(site)
	const users, requests = 6, 240
	for _, p := range []load.Profile{load.Home(site), load.Inventory(site), mixed} {
		us, err := load.MakeUsers(ctx, p, users)
		require.NoError(t, err)
		closed, err := load.Start(ctx, load.Options{Name: p.Name(), Users: us, Clients: users, Requests: requests, Identity: topology.Balancer.IdentityHeader})
		require.NoError(t, err)
		samples := closed.Wait()
		require.NoError(t, closed.Err())
		require.Len(t, samples, requests)
		open, err := load.Open(ctx, load.OpenOptions{Name: p.Name(), Users: us, Rate: 40, Limit: 3 * time.Second, Identity: topology.Balancer.IdentityHeader})
		require.NoError(t, err)
		more := open.Wait()
		require.NoError(t, open.Err())
		assert.Len(t, more, 120)
		tags := make(map[string]int)
		for _, x := range append(samples, more...) {
			require.NoError(t, x.Err, p.Name())
			assert.Equal(t, 2, x.Status/100, "%s %s: status %d", p.Name(), x.Tag, x.Status)
			assert.NotEmpty(t, x.Instance)
			tags[x.Tag]++
		}
		if p.Name() != "mixed" {
			continue
		}
		assert.InDelta(t, 360*load.MixBrowse/20, tags[load.TagBrowse], 30, "near the stated shares: hands are dealt for each user")
		assert.InDelta(t, 360*load.MixSearch/20, tags[load.TagSearch], 20)
		assert.Positive(t, tags[load.TagEdit])
		assert.Len(t, mixed.Created(), tags[load.TagRegister])
	}
	assert.Zero(t, mixed.Unseen(), "everybody sees what he saved")
	made := len(mixed.Created())
	n, err := mixed.CleanUp(ctx)
	require.NoError(t, err)
	assert.Equal(t, made, n)
	assert.Empty(t, mixed.Created())
	n, err = mixed.CleanUp(ctx)
	require.NoError(t, err)
	assert.Zero(t, n, "a second time there is nothing left")
}
