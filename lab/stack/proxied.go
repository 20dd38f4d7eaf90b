package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// proxied is latency without netem: the service's TCP connections, those that
// it opens and those that it accepts, are redirected inside of its network to a
// proxy (lab/stack/lateproxy), which hands on what the service sends after the
// delay.
//
// Not as in real life: only TCP over IPv4 is late, and only the data; a
// connection is made at once. Connections that are open when the fault begins
// are cut at their next packet, since they cannot be redirected, and those
// through the proxy are cut when it ends. And of a connection that somebody else
// opens the service sees the proxy as the client, which has the service's own
// address. To keep the addresses true, break the one who opens the connections:
// `latency nginx --from app1` rather than `latency app1`.
//
// It is proven by an echo of the proxy at an address that leads nowhere: a byte
// goes the way of the service's own and is back after the delay.
const proxyPackage = "inventariolab/lab/stack/lateproxy"

// The proxy's echo, at an address that is for documentation only, and the mark
// of its own packets.
const (
	echoAddress = "192.0.2.1"
	echoPort    = 7
	proxyMark   = 0x1ab1
)

// proxyPort is a port above those that a kernel gives out by itself.
func proxyPort(fault string) int {
	n, _ := strconv.ParseUint(fault[:4], 16, 16)
	return 61000 + int(n%4000)
}

func canProxy(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	if reason, err := s.ownNetwork(ctx, spec); err != nil || reason != "" {
		return reason, err
	}
	reason, err := s.kernelHas(ctx, "redirection by nftables", `nft 'add table inet t { chain c { type nat hook output priority -110; meta nfproto ipv4 meta l4proto tcp redirect to :99; }; chain f { type filter hook input priority 0; ct mark 1 accept; meta l4proto tcp reject with tcp reset; }; }'`)
	if err != nil || reason != "" {
		return reason, err
	}
	if out, err := exec.CommandContext(ctx, "go", "list", proxyPackage).CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return strings.TrimSpace("the TCP proxy in its place cannot be compiled here: " + err.Error() + " " + first), nil
	}
	return "", nil
}

// compileProxy compiles the proxy for the engine's containers, as a tar.
func (e *Engine) compileProxy(ctx context.Context) (io.Reader, error) {
	dir, err := os.MkdirTemp("", "inventariolab-faults-")
	if err != nil {
		return nil, fmt.Errorf("compile the proxy: %w", err)
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "lateproxy")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, proxyPackage)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+e.Arch, "GOFLAGS=")
	if b, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the proxy: %w\n%s", err, strings.TrimSpace(string(b)))
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		return nil, fmt.Errorf("compile the proxy: %w", err)
	}
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	err = w.WriteHeader(&tar.Header{Name: "lateproxy", Size: int64(len(b)), Mode: 0o755})
	if err == nil {
		_, err = w.Write(b)
	}
	return &packed, errors.Join(err, w.Close())
}

// startProxy runs the proxy in the service's network until the fault is healed.
func (o *op) startProxy(ctx context.Context, d delayed) error {
	if err := o.engine.ensureTools(ctx, o.tell); err != nil {
		return err
	}
	program, err := o.engine.compileProxy(ctx)
	if err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	cli := o.engine.cli
	created, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: o.project + "-fault-" + o.wound.ID,
		Config: &container.Config{
			Image: toolsImage,
			Entrypoint: []string{
				"/lateproxy", "-port", fmt.Sprint(d.Port), "-mark", fmt.Sprint(proxyMark),
				"-echo", fmt.Sprintf("%s:%d", echoAddress, echoPort), "-delay", o.spec.Delay.String(), "-jitter", o.spec.Jitter.String(),
			},
			Labels: map[string]string{projectLabel: o.project, oneoffLabel: "True", faultLabel: o.wound.ID, partLabel: "proxy"},
		},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode("container:" + c.ID), AutoRemove: true,
			CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN"}, // for the mark
			SecurityOpt: []string{"no-new-privileges:true"}, LogConfig: container.LogConfig{Type: "none"},
		},
	})
	if err != nil {
		return err
	}
	if _, err := cli.CopyToContainer(ctx, created.ID, client.CopyToContainerOptions{DestinationPath: "/", Content: program}); err != nil {
		return err
	}
	_, err = cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{})
	return err
}

// redirection is the table that leads TCP connections to the proxy, and cuts
// those that were there before.
func (o *op) redirection(d delayed) string {
	var b strings.Builder
	comment := fmt.Sprintf("comment %q", o.wound.Project+" "+o.spec.Kind)
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("table inet %s {", o.table())
	for _, ch := range []struct{ name, nat, lo, addr string }{
		{"input", "prerouting", "iifname", "saddr"}, {"output", "output", "oifname", "daddr"},
	} {
		line("chain to_proxy_%s { type nat hook %s priority -110; policy accept;", ch.nat, ch.nat)
		line(`%s "lo" accept`, ch.lo)
		line("meta mark %d accept", proxyMark)
		line("ip daddr %s tcp dport %d redirect to :%d %s", echoAddress, echoPort, d.Port, comment)
		for _, match := range matches(ch.addr, d.Peer) {
			if !strings.HasPrefix(match, "ip6") {
				line("meta nfproto ipv4 meta l4proto tcp %s counter redirect to :%d %s", match, d.Port, comment)
			}
		}
		line("}")
		line("chain cut_%s { type filter hook %s priority 10; policy accept;", ch.name, ch.name)
		line(`%s "lo" accept`, ch.lo)
		line("meta nfproto ipv6 accept")
		line("meta mark %d ct mark set %d", proxyMark, proxyMark)
		line("ct mark %d accept", proxyMark)
		line("ct status dnat accept")
		line("tcp flags & (syn | rst) != 0 accept")
		for _, match := range matches(ch.addr, d.Peer) {
			if !strings.HasPrefix(match, "ip6") {
				line("meta l4proto tcp %s counter reject with tcp reset %s", match, comment)
			}
		}
		line("}")
	}
	line("}")
	return b.String()
}

const proxyScript = `
set -u
n=0
until (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; do
	n=$((n + 1)); [ $n -lt 50 ] || { echo "the proxy does not listen" >&2; exit 1; }
	sleep 0.1
done
nft -f - <<<"$1" || exit 1
best=""
for i in 1 2 3; do
	from=$(date +%s%N)
	exec 3<>"/dev/tcp/$3/$4" || exit 1
	echo x >&3
	read -r -t 20 -u 3 back || { echo "the proxy does not answer" >&2; exit 1; }
	took=$((($(date +%s%N) - from) / 1000))
	exec 3>&-
	if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
done
echo "$best"`

func delayByProxy(ctx context.Context, o *op, d delayed) error {
	if err := o.startProxy(ctx, d); err != nil {
		return err
	}
	out, err := o.inNetwork(ctx, proxyScript, o.redirection(d), fmt.Sprint(d.Port), echoAddress, fmt.Sprint(echoPort))
	if err != nil {
		return err
	}
	us, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	if err != nil {
		return fmt.Errorf("read the time of the proxy's echo: %w", err)
	}
	o.proof["by"], o.proof["echo_ms"] = "proxy", us/1000
	if least := o.spec.Delay - o.spec.Jitter; us < float64(least.Milliseconds())*1000 {
		return fmt.Errorf("the proxy's echo was back after %v ms", us/1000)
	}
	return nil
}
