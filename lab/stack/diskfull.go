package stack

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"inventariolab/lab"
)

// filling fills a file system of a service to the last byte: whatever is written
// there fails with ENOSPC. Only a file system with a limited size of its own is
// filled (a tmpfs of the Compose file, or a small volume), so that the host's disk
// never is. In the reference stack these are the folders for temporary files:
// NGINX buffers large bodies there, MySQL large sorts. The databases' own data
// lies on the host's disk and cannot be filled without filling that.
//
// It is proven by a write that fails with ENOSPC. What the service deletes there
// is free again.
var filling = method{
	about:     "a file system of the service is full (one of limited size; the host's disk never is)",
	params:    []param{pathParam},
	supported: fillable,
	defaults: func(ctx context.Context, s *Stack, spec *lab.FaultSpec) error {
		fs, _, err := s.smallFileSystem(ctx, *spec)
		spec.Path = fs
		return err
	},
	inject: fill,
	heal:   unfill,
}

// maxFill is how large a file system may be that is filled: larger ones may be
// the host's.
const maxFill = 1 << 30

// fillCaps let a helper into the container's file system, whoever owns it.
var fillCaps = []string{"SYS_PTRACE", "DAC_OVERRIDE"}

func fillable(ctx context.Context, s *Stack, spec lab.FaultSpec) (string, error) {
	_, reason, err := s.smallFileSystem(ctx, spec)
	return reason, err
}

// sizeScript prints, for each path, its size in bytes and itself, if it is a file
// system of its own.
const sizeScript = `
for p; do
	at="/proc/1/root$p"
	[ -d "$at" ] && [ "$(stat -c %d "$at")" != "$(stat -c %d "$at/..")" ] || continue
	echo "$(($(stat -f -c '%b * %S' "$at"))) $p"
done`

// smallFileSystem finds the file system to fill, or says why there is none: the
// one at the path, or the largest tmpfs.
func (s *Stack) smallFileSystem(ctx context.Context, spec lab.FaultSpec) (path, reason string, err error) {
	c, err := s.inspect(ctx, spec.Service)
	if err != nil {
		return "", "", err
	}
	paths := sortedKeys(c.HostConfig.Tmpfs)
	if spec.Path != "" {
		paths = []string{strings.TrimRight(spec.Path, "/")}
	}
	if len(paths) == 0 {
		return "", spec.Service + " has no file system of limited size (tmpfs in the Compose file)", nil
	}
	out, err := s.run(ctx, helper{fault: "probe", pid: c.ID, caps: fillCaps, script: sizeScript, args: append([]string{"fault"}, paths...)})
	if err != nil {
		return "", "", err
	}
	largest := int64(0)
	for line := range strings.Lines(out) {
		size, p, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err == nil && n > largest && n <= maxFill {
			largest, path = n, p
		}
	}
	if path == "" {
		reason = fmt.Sprintf("%s in %s is no file system of its own of 1 GiB at most; filling it might fill the host's disk", strings.Join(paths, ", "), spec.Service)
	}
	return path, reason, nil
}

// ballast is the file that fills the file system.
func (o *op) ballast() string { return o.spec.Path + "/.lab-" + o.wound.ID }

const fillScript = `
at="/proc/1/root$1"
cat /dev/zero > "$at" 2>/dev/null
if echo x > "$at-more" 2>/dev/null; then rm -f "$at-more"; echo "there is still room" >&2; exit 1; fi
rm -f "$at-more"
stat -c %s "$at"`

func fill(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	out, err := o.run(ctx, helper{fault: o.wound.ID, pid: c.ID, caps: fillCaps, script: fillScript, args: []string{"fault", o.ballast()}})
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	if err == nil && n == 0 {
		err = errors.New("the file system was full before")
	}
	o.proof["filled_bytes"] = n
	return err
}

const unfillScript = `
at="$1$2"
rm -f "$at" "$at-more"
! [ -e "$at" ]`

// unfill removes the file. A container that does not run has lost its tmpfs with
// what was on it; in its volumes the file is looked for.
func unfill(ctx context.Context, o *op) error {
	c, err := o.container(ctx)
	if err != nil {
		return err
	}
	h := helper{fault: o.wound.ID, caps: fillCaps, script: unfillScript, args: []string{"fault", "/proc/1/root", o.ballast()}}
	if c.State.Running {
		h.pid = c.ID
	} else {
		h.volumes, h.args[1] = c.ID, ""
	}
	_, err = o.run(ctx, h)
	return err
}
