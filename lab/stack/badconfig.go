package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// misconfiguring puts a line that NGINX does not know into its configuration and
// tells it to reload: it refuses and goes on serving as before. But it would not
// start again, and it takes no good change either until the line is gone.
//
// It is proven by `nginx -t`, which fails, by the error that NGINX logs at the
// reload, and by its worker processes, which are the same as before: a reload
// that succeeds replaces them. Healing gives the file its old text back, reloads,
// and waits for new workers.
//
// The file is the first one of the configuration that NGINX's user may write. In
// the reference stack that is upstream.conf, which is on a tmpfs and is also
// written anew when an instance gets another address (nginx/entrypoint.sh).
var misconfiguring = method{
	about:     "NGINX is told to reload a bad configuration; it refuses and serves on",
	supported: hasNginx,
	prepare:   noteConfig,
	inject:    misconfigure,
	heal:      reconfigure,
}

// badDirective is the line; NGINX's error names it.
const badDirective = "lab_bad_directive"

// goodConfig is the file as it was.
type goodConfig struct {
	File string `json:"file"`
	Text string `json:"text"`
}

func hasNginx(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	if _, err := s.Exec(ctx, spec.Service, "nginx", "-v"); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return spec.Service + " runs no NGINX", nil
	}
	return "", nil
}

const configScript = `
nginx -T 2>/dev/null | sed -n 's/^# configuration file \(.*\):$/\1/p' | while read -r f; do
	if [ -w "$f" ] && [ -w "$(dirname "$f")" ]; then echo "$f"; break; fi
done`

func noteConfig(ctx context.Context, o *op) error {
	out, err := o.Exec(ctx, o.spec.Service, "sh", "-c", configScript)
	if err != nil {
		return err
	}
	good := goodConfig{File: strings.TrimSpace(out)}
	if good.File == "" {
		return fmt.Errorf("NGINX of %s has no configuration file that it may write, or refuses the one that it has", o.spec.Service)
	}
	if good.Text, err = o.Exec(ctx, o.spec.Service, "cat", good.File); err != nil {
		return err
	}
	return o.wound.note(good)
}

// reloadScript tells the master process to reload. A process may be gone before
// its command line is read; the shell itself says so then, hence the braces.
const reloadScript = `for p in /proc/[0-9]*; do
	case "$({ tr '\0' ' ' < "$p/cmdline"; } 2>/dev/null)" in "nginx: master"*) kill -HUP "${p#/proc/}"; echo told;; esac
done`

// workersScript prints the ids of the worker processes that are not on their way
// out.
const workersScript = `for p in /proc/[0-9]*; do
	case "$({ tr '\0' ' ' < "$p/cmdline"; } 2>/dev/null)" in *"shutting down"*) ;; "nginx: worker"*) echo "${p#/proc/}";; esac
done`

func (o *op) sh(ctx context.Context, script string, args ...string) (string, error) {
	return o.Exec(ctx, o.spec.Service, append([]string{"sh", "-c", script, "lab"}, args...)...)
}

func (o *op) reload(ctx context.Context) error {
	out, err := o.sh(ctx, reloadScript)
	if err == nil && !strings.Contains(out, "told") {
		err = errors.New("find NGINX's master process: there is none")
	}
	return err
}

func misconfigure(ctx context.Context, o *op) error {
	var good goodConfig
	if err := o.wound.recall(&good); err != nil {
		return err
	}
	before, err := o.sh(ctx, workersScript)
	if err != nil {
		return err
	}
	if _, err := o.sh(ctx, `printf '\n%s on;\n' "$2" >> "$1"`, good.File, badDirective); err != nil {
		return err
	}
	if _, err := o.sh(ctx, "nginx -t"); err == nil {
		return fmt.Errorf("nginx -t has nothing against %s", badDirective)
	}
	asked := time.Now()
	if err := o.reload(ctx); err != nil {
		return err
	}
	refusal := ""
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = poll(limited, "NGINX to refuse the configuration", func() (bool, string, error) {
		refusal, err = o.logged(limited, asked.Add(-time.Second), badDirective)
		return refusal != "", "nothing in its log", err
	})
	if err != nil {
		return err
	}
	after, err := o.sh(ctx, workersScript)
	if err == nil && after != before {
		err = fmt.Errorf("NGINX has replaced its workers %s by %s", strings.Fields(before), strings.Fields(after))
	}
	o.proof["file"], o.proof["log"], o.proof["workers"] = good.File, refusal, len(strings.Fields(after))
	return err
}

// logged finds the first line of the service's log since a time with a text.
func (o *op) logged(ctx context.Context, since time.Time, text string) (string, error) {
	r, err := o.Logs(ctx, o.spec.Service, since)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, text) {
			return strings.TrimSpace(line), nil
		}
	}
	return "", err
}

func reconfigure(ctx context.Context, o *op) error {
	var good goodConfig
	if err := o.wound.recall(&good); err != nil {
		return err
	}
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.State.Paused:
		return lab.Hint(fmt.Errorf("%s is frozen and cannot reload", o.spec.Service), "Heal the pause first: `lab heal pause "+o.spec.Service+"`.")
	case !c.State.Running:
		return o.putBack(ctx, c.ID, good)
	}
	bad, err := o.sh(ctx, `grep -c "$2" "$1" || true`, good.File, badDirective)
	if err != nil || strings.TrimSpace(bad) == "0" {
		return err // never written, or written anew since
	}
	before, err := o.sh(ctx, workersScript)
	if err != nil {
		return err
	}
	if _, err := o.sh(ctx, `printf %s "$2" > "$1"`, good.File, good.Text); err != nil {
		return err
	}
	if _, err := o.sh(ctx, "nginx -t"); err != nil {
		return err
	}
	if err := o.reload(ctx); err != nil {
		return err
	}
	return poll(ctx, "NGINX's new workers", func() (bool, string, error) {
		now, err := o.sh(ctx, workersScript)
		return err == nil && now != "" && now != before, now, err
	})
}

// putBack gives a container that does not run its file back, unless the file was
// on a tmpfs and is gone with it.
func (o *op) putBack(ctx context.Context, id string, good goodConfig) error {
	res, err := o.engine.cli.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: good.File})
	if err != nil {
		return ignoreGone(err)
	}
	_ = res.Content.Close()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Name: path.Base(good.File), Size: int64(len(good.Text)), Mode: int64(res.Stat.Mode.Perm())}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.WriteString(w, good.Text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = o.engine.cli.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: path.Dir(good.File), Content: &b, CopyUIDGID: true})
	return err
}
