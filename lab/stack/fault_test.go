package stack_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
	"inventariolab/lab/stack"
)

const brokenProject = "inventario-lab-broken"

// faultCase is a fault with what a client sees of it.
type faultCase struct {
	why    string
	spec   lab.FaultSpec
	effect func(t *testing.T, s *stack.Stack)
	gone   func(t *testing.T, s *stack.Stack) // beside one answering as ever
}

// TestEveryFault breaks the tiny stack in every way: each fault takes effect and
// is gone after the healing as a client sees it, whoever heals it: the one who
// broke it, another process, or the next after a kill -9 in the middle.
func TestEveryFault(t *testing.T) {
	ownLedger(t)
	keptTiny(t, brokenProject)
	cases := faultCases()
	tried := make(map[string]bool)
	for _, c := range cases {
		tried[c.spec.Kind] = true
		t.Run(strings.ReplaceAll(c.spec.String(), " ", "-"), func(t *testing.T) {
			t.Log(c.why)
			ctx := t.Context()
			s := attach(t)
			f, err := s.NewFault(c.spec)
			skipUnsupported(t, err)
			require.NoError(t, err)
			require.NoError(t, f.Heal(ctx), "healing what was not injected does nothing")

			began := time.Now()
			require.NoError(t, f.Inject(ctx))
			t.Logf("in effect after %v: %v", time.Since(began).Round(time.Millisecond), f.(lab.Proven).Proof())
			c.effect(t, s)
			assert.Error(t, f.Inject(ctx), "it is in effect already")
			began = time.Now()
			require.NoError(t, f.Heal(ctx))
			t.Logf("healed after %v", time.Since(began).Round(time.Millisecond))
			c.whole(t, s)
			require.NoError(t, f.Heal(ctx), "a second healing does nothing")

			// Left broken on purpose, healed by another connection that knows only the journal.
			f, err = s.NewFault(c.spec)
			require.NoError(t, err)
			require.NoError(t, f.Inject(ctx))
			require.NoError(t, f.(*stack.Fault).Stay())
			require.NoError(t, s.Release(ctx))
			s = attach(t)
			broken, err := stack.Broken(brokenProject)
			require.NoError(t, err)
			require.Len(t, broken, 1, "it stays when another command comes")
			c.effect(t, s)
			healed, busy, err := s.Heal(ctx, func(lab.FaultSpec) bool { return true })
			require.NoError(t, err)
			assert.Equal(t, broken, healed)
			assert.Empty(t, busy)
			c.whole(t, s)
			require.NoError(t, s.Release(ctx))

			// kill -9 somewhere in the middle of the injection, once it is in effect,
			// and in the middle of the healing.
			killed(t, brokenProject, c.spec, "breaking", rand.N(1500*time.Millisecond), c.whole)
			killed(t, brokenProject, c.spec, "broken", 0, c.whole)
			killed(t, brokenProject, c.spec, "healing", rand.N(700*time.Millisecond), c.whole)
		})
	}
	tried["bad-config"] = true // it takes an NGINX: TestFaultsOnTheReferenceStack
	for _, k := range stack.Faults() {
		assert.True(t, tried[k.Name], "a test for fault %s", k.Name)
	}
}

// killed lets another process inject a fault into a stack that is kept and heal
// it, kills it with SIGKILL some time after what it says, and expects the next
// command to put the stack right.
func killed(t *testing.T, project string, spec lab.FaultSpec, word string, after time.Duration, whole func(*testing.T, *stack.Stack)) {
	t.Helper()
	t.Logf("kill -9 %v after %s", after, word)
	text, err := json.Marshal(spec)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperBreaks$")
	cmd.Env = append(os.Environ(), "STACK_TEST_HOLD=1", "STACK_TEST_PROJECT="+project, "STACK_TEST_BREAK="+string(text), "STACK_TEST_UNTIL="+word)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for lines := bufio.NewScanner(out); ; {
		require.True(t, lines.Scan(), "the helper says %q", word)
		if lines.Text() == word {
			break
		}
	}
	<-time.After(after) // no condition: anywhere in the middle
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	s := attachTo(t, project)
	whole(t, s)
	require.NoError(t, s.Release(t.Context()))
}

func TestHelperBreaks(t *testing.T) {
	text := os.Getenv("STACK_TEST_BREAK")
	if text == "" {
		return // only a process for the tests above
	}
	var spec lab.FaultSpec
	require.NoError(t, json.Unmarshal([]byte(text), &spec))
	s, err := stack.Attach(t.Context(), os.Getenv("STACK_TEST_PROJECT"), nil)
	require.NoError(t, err)
	f, err := s.NewFault(spec)
	require.NoError(t, err)
	_, _ = os.Stdout.WriteString("breaking\n")
	require.NoError(t, f.Inject(t.Context()))
	_, _ = os.Stdout.WriteString("broken\n")
	if os.Getenv("STACK_TEST_UNTIL") == "healing" {
		_, _ = os.Stdout.WriteString("healing\n")
		require.NoError(t, f.Heal(t.Context()))
	}
	select {} // until killed
}

// whole checks that nothing of the fault is left: the service answers, the
// journal is empty, and the engine has what it had before.
func (c faultCase) whole(t *testing.T, s *stack.Stack) {
	t.Helper()
	require.NoError(t, s.WaitHealthy(t.Context()))
	for _, svc := range s.Services() {
		url, err := s.URL(t.Context(), svc, 8080)
		require.NoError(t, err)
		assert.Equal(t, "hello from "+svc+"\n", get(t, url))
	}
	if c.gone != nil {
		c.gone(t, s)
	}
	broken, err := stack.Broken(brokenProject)
	require.NoError(t, err)
	assert.Empty(t, broken)
	assert.ElementsMatch(t, []string{
		"container /" + brokenProject + "-one-1", "container /" + brokenProject + "-two-1",
		"network " + brokenProject + "_default", "volume " + brokenProject + "_box",
	}, leftovers(t, brokenProject))
	if c.network() {
		assert.Empty(t, rules(t, s), "rules in the services' networks")
	}
}

// network says whether it is a fault of the network.
func (c faultCase) network() bool {
	return slices.Contains([]string{"", "partition", "loss", "latency", "bandwidth"}, c.spec.Kind)
}

// TestHealingAfterAHealingThatWasKilled: a request of the killed one is still
// under way, and its container appears when the next healing has begun.
func TestHealingAfterAHealingThatWasKilled(t *testing.T) {
	ownLedger(t)
	keptTiny(t, brokenProject)
	s := attach(t)
	c := faultCase{spec: lab.FaultSpec{Kind: "pause", Service: "one"}} // healed in no time
	f, err := s.NewFault(c.spec)
	require.NoError(t, err)
	require.NoError(t, f.Inject(t.Context()))
	require.NoError(t, f.(*stack.Fault).Stay())
	ids, err := stack.MarkHealing(brokenProject)
	require.NoError(t, err)
	require.Len(t, ids, 1)

	leave, err := stack.ToolLeft(t.Context(), s, ids[0], "two")
	require.NoError(t, err)
	late := make(chan error, 1)
	go func() {
		<-time.After(time.Second) // no condition: as slow as an engine may be
		late <- leave()
	}()
	_, _, err = s.Heal(t.Context(), func(lab.FaultSpec) bool { return true })
	require.NoError(t, err)
	require.NoError(t, <-late)
	c.whole(t, s)
}

// rules lists the firewall rules and queues in the networks of the services,
// beside what Docker itself has there.
func rules(t *testing.T, s *stack.Stack) string {
	t.Helper()
	var all strings.Builder
	for _, svc := range s.Services() {
		out, err := stack.InNetwork(t.Context(), s, svc, "nft list tables | grep -v 'ip nat' || true; tc qdisc show | grep -v noqueue || true")
		require.NoError(t, err)
		all.WriteString(out)
	}
	return all.String()
}

func skipUnsupported(t *testing.T, err error) {
	t.Helper()
	if no := new(lab.UnsupportedError); errors.As(err, &no) {
		if os.Getenv("CI") != "" && !strings.Contains(no.Reason, "this kernel has no") {
			t.Fatalf("nothing may skip in CI but what the kernel lacks: %v", no)
		}
		t.Skipf("skipped: %v", no)
	}
}

// keptTiny brings the tiny stack up for others to attach to.
func keptTiny(t *testing.T, project string) {
	t.Helper()
	file := tinyFile(t)
	t.Cleanup(func() {
		e, err := stack.Connect(context.Background())
		require.NoError(t, err)
		defer e.Close()
		_, err = e.RemoveProject(context.Background(), project)
		assert.NoError(t, err)
		assert.Empty(t, leftovers(t, project))
	})
	s, err := stack.Up(t.Context(), stack.Options{Files: []string{file}, Keep: true, Project: project, Progress: func(l string) { t.Log(l) }})
	require.NoError(t, err)
	require.NoError(t, s.Release(t.Context()))
}

func attach(t *testing.T) *stack.Stack {
	t.Helper()
	return attachTo(t, brokenProject)
}

func attachTo(t *testing.T, project string) *stack.Stack {
	t.Helper()
	s, err := stack.Attach(t.Context(), project, func(l string) { t.Log(l) })
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Release(context.Background()) })
	return s
}

// ask gets a path of a service within a time; "" when nobody answers.
func ask(t *testing.T, s *stack.Stack, service, path string, within time.Duration) string {
	t.Helper()
	url, err := s.URL(t.Context(), service, 8080)
	if err != nil {
		return ""
	}
	c := http.Client{Timeout: within, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(url + path) //nolint:noctx // a test
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return ""
	}
	return string(b)
}

// started is when a service's process began to run.
func started(t *testing.T, s *stack.Stack, service string) time.Time {
	t.Helper()
	st, err := s.State(t.Context(), service)
	require.NoError(t, err)
	return st.Started
}

// TestFaultsOverlap injects faults on two services and on the same one, and
// heals them in every order.
func TestFaultsOverlap(t *testing.T) {
	ownLedger(t)
	keptTiny(t, brokenProject)
	for name, specs := range map[string][]lab.FaultSpec{
		"on two services":                 {{Kind: "kill", Service: "one"}, {Kind: "pause", Service: "two"}},
		"cut off, then killed":            {{Kind: "partition", Service: "one"}, {Kind: "kill", Service: "one"}},
		"slow, then frozen":               {{Kind: "slow-cpu", Service: "one"}, {Kind: "pause", Service: "one"}},
		"slow, then made anew":            {{Kind: "slow-cpu", Service: "one"}, {Kind: "recreate", Service: "one"}},
		"cut off twice, by its own rules": {{Kind: "partition", Service: "one", Peer: "two"}, {Kind: "loss", Service: "one"}},
	} {
		for _, newestFirst := range []bool{true, false} {
			order := "oldest healed first"
			if newestFirst {
				order = "newest healed first"
			}
			t.Run(name+", "+order, func(t *testing.T) {
				ctx := t.Context()
				s := attach(t)
				var faults []lab.Fault
				for _, spec := range specs {
					f, err := s.NewFault(spec)
					require.NoError(t, err)
					require.NoError(t, f.Inject(ctx))
					faults = append(faults, f)
				}
				if newestFirst {
					slices.Reverse(faults)
				}
				for i, f := range faults {
					require.NoError(t, f.Heal(ctx))
					broken, err := stack.Broken(brokenProject)
					require.NoError(t, err)
					assert.Len(t, broken, len(faults)-i-1)
				}
				faultCase{}.whole(t, s)
				require.NoError(t, s.Release(ctx))
			})
		}
	}
}

// TestFaultsExplainWhatIsWrong names what cannot be broken, and what to do.
func TestFaultsExplainWhatIsWrong(t *testing.T) {
	ownLedger(t)
	keptTiny(t, brokenProject)
	s := attach(t)
	for why, c := range map[string]struct {
		spec       lab.FaultSpec
		want, hint string
	}{
		"no such fault":                   {lab.FaultSpec{Kind: "tickle", Service: "one"}, `"tickle"`, "kill"},
		"no such service":                 {lab.FaultSpec{Kind: "kill", Service: "three"}, `"three"`, "one, two"},
		"no such peer":                    {lab.FaultSpec{Kind: "partition", Service: "one", Peer: "three"}, `"three"`, "one, two"},
		"an amount that it does not take": {lab.FaultSpec{Kind: "kill", Service: "one", Loss: 5}, `no "loss"`, "takes none"},
		"a fault with other amounts":      {lab.FaultSpec{Kind: "loss", Service: "one", CPUs: 1}, `no "cpus"`, "takes: loss"},
		"cut off from itself":             {lab.FaultSpec{Kind: "partition", Service: "one", Peer: "one"}, "from itself", "faults.md"},
		"a direction that is none":        {lab.FaultSpec{Kind: "partition", Service: "one", Direction: "up"}, `"up"`, "faults.md"},
		"more than everything is lost":    {lab.FaultSpec{Kind: "loss", Service: "one", Loss: 101}, "101", "faults.md"},
		"less than no time":               {lab.FaultSpec{Kind: "latency", Service: "one", Delay: -1}, "delay", "faults.md"},
		"a limit below the engine's":      {lab.FaultSpec{Kind: "memory", Service: "one", Memory: 1 << 20}, "6 MiB", "faults.md"},
		"a relative path":                 {lab.FaultSpec{Kind: "disk-full", Service: "one", Path: "tmp"}, `"tmp"`, "faults.md"},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := s.NewFault(c.spec)
			require.ErrorContains(t, err, c.want)
			assert.Contains(t, lab.HintOf(err), c.hint)
		})
	}
	for why, spec := range map[string]lab.FaultSpec{
		"runs no NGINX":                      {Kind: "bad-config", Service: "one"},
		"no file system of its own of 1 GiB": {Kind: "disk-full", Service: "two", Path: "/box"},
	} {
		_, err := s.NewFault(spec)
		no := new(lab.UnsupportedError)
		require.ErrorAs(t, err, &no)
		assert.Contains(t, no.Reason, why)
	}
}
