package check_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"inventariolab/lab"
	"inventariolab/lab/check"
)

const client, spoof = "172.18.0.1", "203.0.113.7"

// echo is a request whose headers arrived right; change may spoil it.
func echo(instance string, lies bool, change func(*check.Echo)) check.Echo {
	e := check.Echo{
		Instance: instance, Host: "127.0.0.1:8080", GotHost: "127.0.0.1:8080", ClientIP: client, Client: client,
		Headers: map[string][]string{"X-Forwarded-For": {client}, "X-Real-Ip": {client}, "X-Forwarded-Host": {"127.0.0.1:8080"}, "X-Forwarded-Proto": {"http"}},
	}
	if lies {
		e.Sent = map[string]string{"X-Forwarded-For": spoof, "X-Real-Ip": spoof, "Forwarded": "for=" + spoof, "X-Forwarded-Host": "spoofed.example", "X-Forwarded-Proto": "https"}
	}
	if change != nil {
		change(&e)
	}
	return e
}

func TestHeaders(t *testing.T) {
	judge := func(echoes ...check.Echo) map[string]lab.Verdict {
		return map[string]lab.Verdict{
			"every":  check.EveryInstance("", instances[:2], echoes).Verdict,
			"xff":    check.AddressHeader("", "X-Forwarded-For", echoes).Verdict,
			"real":   check.AddressHeader("", "X-Real-Ip", echoes).Verdict,
			"host":   check.Host("", echoes).Verdict,
			"spoof":  check.NotBelieved("", echoes).Verdict,
			"client": check.ClientIP("", echoes).Verdict,
		}
	}
	all := judge(echo("app", false, nil), echo("app1", true, nil))
	for name, v := range all {
		assert.Equal(t, lab.Pass, v, name)
	}
	for _, c := range []struct {
		sentence string
		change   func(*check.Echo)
		fails    string // the checks that must fail, the others must not
	}{
		{"the balancer appends to X-Forwarded-For", func(e *check.Echo) { e.Headers["X-Forwarded-For"] = []string{spoof + ", " + client} }, "xff spoof"},
		{"the balancer passes a second X-Forwarded-For on", func(e *check.Echo) { e.Headers["X-Forwarded-For"] = []string{spoof, client} }, "xff spoof"},
		{"the balancer leaves X-Forwarded-For out", func(e *check.Echo) { delete(e.Headers, "X-Forwarded-For") }, "xff"},
		{"the balancer passes X-Real-IP on", func(e *check.Echo) { e.Headers["X-Real-Ip"] = []string{spoof} }, "real spoof"},
		{"the balancer passes Forwarded on", func(e *check.Echo) { e.Headers["Forwarded"] = []string{"for=" + spoof} }, "spoof"},
		{"the balancer passes X-Forwarded-Host on", func(e *check.Echo) { e.Headers["X-Forwarded-Host"] = []string{"spoofed.example"} }, "spoof"},
		{"the balancer passes X-Forwarded-Proto on", func(e *check.Echo) { e.Headers["X-Forwarded-Proto"] = []string{"https"} }, "spoof"},
		{"the balancer names its upstream as the Host", func(e *check.Echo) { e.GotHost = "inventario" }, "host"},
		{"the app believes a header that nobody vouches for", func(e *check.Echo) { e.ClientIP = spoof }, "client"},
		{"the app takes the balancer for the client", func(e *check.Echo) { e.ClientIP = "172.18.0.9" }, "client"},
		{"the app does not know the client", func(e *check.Echo) { e.ClientIP = "" }, "client"},
	} {
		got := judge(echo("app", false, nil), echo("app1", true, c.change))
		for name, v := range got {
			want := lab.Pass
			if strings.Contains(" "+c.fails+" ", " "+name+" ") {
				want = lab.Fail
			}
			assert.Equal(t, want, v, "%s: check %q", c.sentence, name)
		}
	}
	assert.Equal(t, lab.Fail, judge(echo("app", false, nil))["every"], "app1 did not answer")
	assert.Equal(t, lab.Unknown, judge(echo("app", false, nil))["spoof"], "nothing was spoofed, so nothing was shown")
	assert.Equal(t, lab.Unknown, judge()["host"])
	noLog := echo("app", true, func(e *check.Echo) { e.Client = "" })
	assert.Equal(t, lab.Pass, judge(noLog)["xff"], "without a log one address is all that can be asked")
}

func TestReplicationChecks(t *testing.T) {
	good := check.Replica{Name: "r1", Receiver: "ON", Applier: "ON", ReadOnly: true}
	with := func(change func(*check.Replica)) []check.Replica {
		r := good
		r.Name = "r2"
		change(&r)
		return []check.Replica{good, r}
	}
	same := with(func(*check.Replica) {})
	assert.Equal(t, lab.Pass, check.Threads("", same).Verdict)
	assert.Equal(t, lab.Pass, check.ReadOnly("", same).Verdict)
	assert.Equal(t, lab.Pass, check.NoErrant("", same).Verdict)
	assert.Equal(t, lab.Fail, check.Threads("", with(func(r *check.Replica) { r.Applier = "OFF" })).Verdict)
	assert.Equal(t, lab.Fail, check.Threads("", with(func(r *check.Replica) { r.Receiver = "CONNECTING" })).Verdict)
	assert.Contains(t, check.Threads("", with(func(r *check.Replica) { r.Receiver, r.Applier = "", "" })).Got, "r2 none/none", "it is no replica at all")
	assert.Equal(t, lab.Fail, check.ReadOnly("", with(func(r *check.Replica) { r.ReadOnly = false })).Verdict)
	assert.Equal(t, lab.Fail, check.NoErrant("", with(func(r *check.Replica) { r.Errant = "3E11FA47:1" })).Verdict)
	for _, c := range []lab.Check{check.Threads("", nil), check.ReadOnly("", nil), check.NoErrant("", nil)} {
		assert.Equal(t, lab.Unknown, c.Verdict, "no replica was asked: %v", c)
	}
}

func TestReceivedAll(t *testing.T) {
	judge := func(rows int, r ...check.Received) lab.Verdict {
		return check.ReceivedAll("", rows, r, time.Second).Verdict
	}
	assert.Equal(t, lab.Pass, judge(10, check.Received{Replica: "r1"}))
	assert.Equal(t, lab.Fail, judge(10, check.Received{Replica: "r1"}, check.Received{Replica: "r2", Missing: 1}))
	assert.Equal(t, lab.Fail, judge(10, check.Received{Replica: "r1", Extra: 1}))
	assert.Equal(t, lab.Fail, judge(10, check.Received{Replica: "r1", Behind: true}))
	assert.Equal(t, lab.Unknown, judge(0, check.Received{Replica: "r1"}), "no rows, nothing shown")
	assert.Equal(t, lab.Unknown, judge(10))
}

func TestInOrder(t *testing.T) {
	looks := func(l ...check.OrderLook) lab.Verdict {
		return check.InOrder("", l, 100, []string{"r1"}, 2).Verdict
	}
	some := check.OrderLook{Replica: "r1", Rows: 50}
	assert.Equal(t, lab.Pass, looks(some, some))
	assert.Equal(t, lab.Fail, looks(some, check.OrderLook{Replica: "r1", Rows: 50, Gaps: 1}))
	assert.Equal(t, lab.Fail, looks(some, check.OrderLook{Replica: "r1", Rows: 50, Back: 1}))
	assert.Equal(t, lab.Unknown, looks(some, check.OrderLook{Replica: "r1", Rows: 100}), "looks at everything say nothing about order")
	assert.Equal(t, lab.Unknown, looks(some, check.OrderLook{Replica: "r1"}), "nor do looks at nothing")
	assert.Equal(t, lab.Unknown, check.InOrder("", nil, 100, nil, 0).Verdict)
}

func TestSameContent(t *testing.T) {
	source := []check.Table{{Name: "a", Rows: 2, Hash: "x"}, {Name: "b", Rows: 3, Hash: "y"}}
	judge := func(replica ...check.Table) lab.Check {
		return check.SameContent("", source, map[string][]check.Table{"r1": source, "r2": replica}, true)
	}
	assert.Equal(t, lab.Pass, judge(source...).Verdict)
	assert.Contains(t, judge(source[0]).Got, "r2 has no table b")
	assert.Contains(t, judge(source[0], check.Table{Name: "b", Rows: 2, Hash: "y"}).Got, "b of r2 has 2 rows, the source 3")
	assert.Contains(t, judge(source[0], check.Table{Name: "b", Rows: 3, Hash: "z"}).Got, "as many rows but others")
	assert.Contains(t, judge(source[0], source[1], check.Table{Name: "c"}).Got, "a table c that the source has not")
	assert.Equal(t, lab.Fail, judge(source[0]).Verdict)
	assert.Equal(t, lab.Unknown, check.SameContent("", source, map[string][]check.Table{"r1": source[:1]}, false).Verdict, "somebody wrote meanwhile")
	assert.Equal(t, lab.Unknown, check.SameContent("", nil, map[string][]check.Table{"r1": nil}, true).Verdict, "no tables, nothing shown")
}

func TestWritesFound(t *testing.T) {
	assert.Equal(t, lab.Pass, check.CaughtUp("", "r", time.Second, true, time.Minute).Verdict)
	assert.Equal(t, lab.Fail, check.CaughtUp("", "r", time.Minute, false, time.Minute).Verdict)
}

func TestPages(t *testing.T) {
	good := check.PageProbe{Home: 200, Anonymous: 303, Member: 200, Codes: 2, Shown: 2, Least: 2}
	judge := func(change func(*check.PageProbe)) lab.Verdict {
		p := good
		change(&p)
		return check.Pages("", p).Verdict
	}
	assert.Equal(t, lab.Pass, judge(func(*check.PageProbe) {}))
	assert.Equal(t, lab.Fail, judge(func(p *check.PageProbe) { p.Home = 404 }))
	assert.Equal(t, lab.Fail, judge(func(p *check.PageProbe) { p.Member = 303 }), "the login did not hold")
	assert.Equal(t, lab.Fail, judge(func(p *check.PageProbe) { p.Anonymous = 200 }), "open to strangers")
	assert.Equal(t, lab.Fail, judge(func(p *check.PageProbe) { p.Shown = 0 }), "another page")
	assert.Equal(t, lab.Unknown, judge(func(p *check.PageProbe) { p.Least = 50 }), "a smaller page than the one to be measured")
}
