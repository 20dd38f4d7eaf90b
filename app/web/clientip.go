package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// How long the resolved addresses of the trusted proxies are used.
const (
	proxyFresh   = 5 * time.Second        // then they are asked again
	proxyStale   = 30 * time.Second       // then, when nobody answers, nothing is trusted
	proxyRetry   = 250 * time.Millisecond // least pause between two questions
	proxyTimeout = time.Second
)

// proxies knows whose X-Real-IP and X-Forwarded-Proto to believe.
type proxies struct {
	hosts  []string
	blocks []netip.Prefix
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	mu    sync.Mutex
	addrs map[netip.Addr]bool
	asked time.Time // last question
	known time.Time // last answer
}

// newProxies parses a comma list of host names, addresses and CIDR blocks.
// lookup nil means the system's resolver.
func newProxies(list string, lookup func(context.Context, string) ([]netip.Addr, error)) (*proxies, error) {
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	p := &proxies{lookup: lookup}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if block, err := netip.ParsePrefix(item); err == nil {
			p.blocks = append(p.blocks, block.Masked())
			continue
		}
		if addr, err := netip.ParseAddr(item); err == nil {
			p.blocks = append(p.blocks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		if strings.ContainsAny(item, "/ :") {
			return nil, fmt.Errorf("%q is no host name, address or CIDR block", item)
		}
		p.hosts = append(p.hosts, item)
	}
	return p, nil
}

// trusts says whether addr is one of the proxies. Names are resolved again
// when they may have moved: a restarted proxy has another address.
func (p *proxies) trusts(addr netip.Addr, now time.Time) bool {
	for _, block := range p.blocks {
		if block.Contains(addr) {
			return true
		}
	}
	if len(p.hosts) == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := now.Sub(p.known) > proxyFresh
	if (old || !p.addrs[addr]) && now.Sub(p.asked) > proxyRetry {
		p.resolve(now)
	}
	return p.addrs[addr] && now.Sub(p.known) <= proxyStale
}

// resolve keeps the old addresses when the resolver does not answer.
func (p *proxies) resolve(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), proxyTimeout)
	defer cancel()
	p.asked = now
	addrs := map[netip.Addr]bool{}
	for _, host := range p.hosts {
		found, err := p.lookup(ctx, host)
		if err != nil {
			continue
		}
		for _, a := range found {
			addrs[a.Unmap()] = true
		}
	}
	if len(addrs) > 0 {
		p.addrs, p.known = addrs, now
	}
}

// clientIP is the address of the one who asks: the proxy's word when the
// connection comes from a trusted proxy, else the other end of the connection.
func (p *proxies) clientIP(r *http.Request) string {
	remote, ok := remoteAddr(r)
	if !ok {
		return r.RemoteAddr
	}
	if told := r.Header["X-Real-Ip"]; len(told) == 1 && p.trusts(remote, time.Now()) {
		if a, err := netip.ParseAddr(strings.TrimSpace(told[0])); err == nil {
			return a.Unmap().String()
		}
	}
	return remote.String()
}

// https says whether the browser came over TLS, as far as we can know.
func (p *proxies) https(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if r.Header.Get("X-Forwarded-Proto") != "https" {
		return false
	}
	remote, ok := remoteAddr(r)
	return ok && p.trusts(remote, time.Now())
}

func remoteAddr(r *http.Request) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	return ap.Addr().Unmap().WithZone(""), true
}
