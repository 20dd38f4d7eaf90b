package check

import (
	"fmt"
	"net/netip"
	"strings"

	"inventariolab/lab"
)

// Echo is what one request carried and what the app received of it.
type Echo struct {
	ID       string              // request id
	Instance string              // that answered
	Sent     map[string]string   // the spoofed headers the client set, by canonical name; empty for an honest request
	Host     string              // the Host the client asked for
	Headers  map[string][]string // as the app received them, by canonical name
	GotHost  string              // as the app received it
	ClientIP string              // the client's address as the app understands it; "" when it does not say
	Client   string              // the client's address as the balancer's log has it; "" when there is no log
}

// forwarding are the headers by which a proxy vouches for where a request
// comes from.
var forwarding = []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"}

// EveryInstance checks that each instance answered at least once, so that what
// is said of the headers is said of all of them.
func EveryInstance(name string, instances []lab.Instance, echoes []Echo) lab.Check {
	seen := make(map[string]int)
	for _, e := range echoes {
		seen[e.Instance]++
	}
	var missing, got []string
	for _, in := range instances {
		got = append(got, fmt.Sprintf("%s %d", in.Service, seen[in.Service]))
		if seen[in.Service] == 0 {
			missing = append(missing, in.Service)
		}
	}
	want := "answers of every instance"
	if len(missing) > 0 {
		return fail(name, want, few(got, 9), few(missing, 9)+" answered nothing: look at its state and log, and at the balancer's upstream servers")
	}
	return pass(name, want, few(got, 9))
}

// AddressHeader checks that a header that names the client's address carries
// exactly that address, once, whatever the client claimed.
func AddressHeader(name, header string, echoes []Echo) lab.Check {
	return each(name, header+" is the client's address as the balancer saw it, alone", echoes,
		"the balancer must overwrite what a client sends, not append to it: look at its proxy_set_header lines (NGINX: $remote_addr, "+
			"not $proxy_add_x_forwarded_for)",
		func(e Echo) string {
			return address(header, e.Headers[header], e.Client)
		})
}

func address(header string, values []string, client string) string {
	if len(values) != 1 {
		return fmt.Sprintf("%s arrived %d times: %q", header, len(values), values)
	}
	if client != "" && values[0] != client {
		return fmt.Sprintf("%s was %q, the balancer saw %s", header, values[0], client)
	}
	if _, err := netip.ParseAddr(values[0]); err != nil {
		return fmt.Sprintf("%s was %q, not one address", header, values[0])
	}
	return ""
}

// Host checks that the app received the Host that the client asked for.
func Host(name string, echoes []Echo) lab.Check {
	return each(name, "Host arrives as the client sent it, port included", echoes,
		"look at the balancer's proxy_set_header Host (NGINX: $http_host; $host drops the port, $proxy_host is the upstream's name)",
		func(e Echo) string {
			if e.GotHost != e.Host {
				return fmt.Sprintf("Host was %q, sent %q", e.GotHost, e.Host)
			}
			return ""
		})
}

// NotBelieved checks that nothing a client claimed about itself reaches the
// app in a header that vouches for it.
func NotBelieved(name string, echoes []Echo) lab.Check {
	return each(name, "no spoofed value in "+strings.Join(forwarding, ", "), spoofed(echoes),
		"a client can pass as another: the balancer must overwrite or clear each of these headers",
		func(e Echo) string {
			for _, h := range forwarding {
				claim := e.Sent[h]
				for _, v := range e.Headers[h] {
					if claim != "" && strings.Contains(v, claim) {
						return fmt.Sprintf("%s was %q, the client had claimed %q", h, v, claim)
					}
				}
			}
			return ""
		})
}

// ClientIP checks that the app takes the balancer's word for the client's
// address, and no other.
func ClientIP(name string, echoes []Echo) lab.Check {
	return each(name, "the app's client_ip is the client's address as the balancer saw it", echoes,
		"look at how the app derives the client's address: it may trust X-Real-IP or X-Forwarded-For only from the balancer (TRUSTED_PROXY)",
		func(e Echo) string {
			return address("client_ip", []string{e.ClientIP}, e.Client)
		})
}

func spoofed(echoes []Echo) []Echo {
	var s []Echo
	for _, e := range echoes {
		if len(e.Sent) > 0 {
			s = append(s, e)
		}
	}
	return s
}

// each applies wrong to every echo; it says what is wrong with one, or "".
func each(name, want string, echoes []Echo, hint string, wrong func(Echo) string) lab.Check {
	if len(echoes) == 0 {
		return unknown(name, want, "nothing was seen", "no request was answered with the headers it arrived with: look at the whoami page")
	}
	found := make(tally)
	bad := 0
	for _, e := range echoes {
		if w := wrong(e); w != "" {
			found[fmt.Sprintf("%s: %s", label(e.Instance), w)]++
			bad++
		}
	}
	if bad > 0 {
		return fail(name, want, fmt.Sprintf("wrong in %d of %d: %s", bad, len(echoes), found), hint)
	}
	return pass(name, want, fmt.Sprintf("so in all %d requests", len(echoes)))
}
