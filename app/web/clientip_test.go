package web

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names is a resolver with answers that a test can change.
type names struct {
	addrs []netip.Addr
	err   error
	asked int
}

func (n *names) lookup(context.Context, string) ([]netip.Addr, error) {
	n.asked++
	return n.addrs, n.err
}

func TestClientIP(t *testing.T) {
	dns := &names{addrs: []netip.Addr{netip.MustParseAddr("172.20.0.9")}}
	for _, tt := range []struct{ name, trusted, remote, told, want string }{
		{"nobody is trusted", "", "172.20.0.9:1", "198.51.100.1", "172.20.0.9"},
		{"the proxy is believed", "nginx", "172.20.0.9:1", "198.51.100.1", "198.51.100.1"},
		{"the proxy over IPv6-mapped IPv4", "nginx", "[::ffff:172.20.0.9]:1", "198.51.100.1", "198.51.100.1"},
		{"somebody else is not", "nginx", "172.20.0.8:1", "198.51.100.1", "172.20.0.8"},
		{"an address", "10.0.0.1, 172.20.0.9", "172.20.0.9:1", "2001:db8::1", "2001:db8::1"},
		{"a block", "172.20.0.0/16", "172.20.3.4:1", "198.51.100.1", "198.51.100.1"},
		{"nonsense from the proxy", "nginx", "172.20.0.9:1", "unknown", "172.20.0.9"},
		{"nothing from the proxy", "nginx", "172.20.0.9:1", "", "172.20.0.9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := newProxies(tt.trusted, dns.lookup)
			require.NoError(t, err)
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.remote
			if tt.told != "" {
				r.Header.Set("X-Real-IP", tt.told)
			}
			r.Header.Set("X-Forwarded-For", "203.0.113.99")
			assert.Equal(t, tt.want, p.clientIP(r))
		})
	}
	_, err := newProxies("nginx, 10.0.0.0/99", nil)
	assert.ErrorContains(t, err, "10.0.0.0/99")
}

func TestProxyNamesAreResolvedAgain(t *testing.T) {
	one, two := netip.MustParseAddr("172.20.0.1"), netip.MustParseAddr("172.20.0.2")
	dns := &names{addrs: []netip.Addr{one}}
	p, err := newProxies("nginx", dns.lookup)
	require.NoError(t, err)
	now := time.Now()

	assert.True(t, p.trusts(one, now))
	assert.True(t, p.trusts(one, now.Add(time.Second)))
	assert.Equal(t, 1, dns.asked, "kept for a few seconds")

	dns.addrs = []netip.Addr{two}
	assert.True(t, p.trusts(two, now.Add(2*time.Second)), "an unknown address is a reason to ask: the proxy may be new")
	assert.False(t, p.trusts(one, now.Add(2*time.Second+time.Millisecond)), "the old address belongs to somebody else now")
	asked := dns.asked
	assert.False(t, p.trusts(one, now.Add(2*time.Second+2*time.Millisecond)))
	assert.Equal(t, asked, dns.asked, "strangers cannot make it ask all the time")

	dns.err = errors.New("no answer")
	assert.True(t, p.trusts(two, now.Add(10*time.Second)), "a short outage of the resolver is survived")
	assert.False(t, p.trusts(two, now.Add(2*time.Minute)), "a long one is not: addresses are given away")
}
