package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"inventariolab/lab"
)

// debianBase is the image that stands in for the official ones where no
// registry answers.
const debianBase = imagePrefix + "base:debian-sid"

// debianSuite is the only Debian suite with the real MySQL; stable has MariaDB.
const debianSuite = "sid"

// ensureDebianBase makes the Debian base image if the engine does not have it,
// and returns its id: a new base means new images.
func (e *Engine) ensureDebianBase(ctx context.Context, progress func(string)) (string, error) {
	if id, err := e.imageID(ctx, debianBase); err != nil || id != "" {
		return id, err
	}
	progress("no container registry answers: making the Debian base from this machine's package mirror")
	if err := e.needDisk(minFreeBuilding); err != nil {
		return "", err
	}
	began := time.Now()
	if err := e.makeDebianBase(ctx, progress); err != nil {
		return "", fmt.Errorf("make the Debian base image: %w", err)
	}
	progress(fmt.Sprintf("made image %s in %.0f s", debianBase, time.Since(began).Seconds()))
	return e.imageID(ctx, debianBase)
}

func (e *Engine) makeDebianBase(ctx context.Context, progress func(string)) error {
	mirror, err := debianMirror(ctx)
	if err != nil {
		return err
	}
	tool, err := findMmdebstrap(ctx, progress)
	if err != nil {
		return err
	}
	mode := "--mode=auto"
	if os.Geteuid() == 0 {
		mode = "--mode=root" // auto would ask for things that root in a container may not
	}
	cmd := exec.CommandContext(ctx, tool, mode, "--variant=apt", "--include=passwd,ca-certificates", "--quiet",
		"--architectures="+e.Arch,
		// A mirror may be behind the date until which its suite's Release file is valid.
		`--aptopt=Acquire::Check-Valid-Until "false"`, debianSuite, "-", mirror)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	res, err := e.cli.ImageImport(ctx, client.ImageImportSource{Source: out, SourceName: "-"}, debianBase, client.ImageImportOptions{})
	if err == nil {
		_, err = io.Copy(io.Discard, res)
		_ = res.Close()
	}
	if werr := cmd.Wait(); werr != nil {
		// Its output was cut off, so what was imported is not whole.
		if id, _ := e.imageID(ctx, debianBase); id != "" {
			_, _ = e.cli.ImageRemove(context.WithoutCancel(ctx), id, client.ImageRemoveOptions{Force: true})
		}
		return lab.Hint(fmt.Errorf("mmdebstrap: %w\n    %s", werr, strings.ReplaceAll(strings.TrimSpace(stderr.String()), "\n", "\n    ")),
			"Is the Debian package mirror of this machine reachable? Try `apt-get update`.")
	}
	return err
}

// debianMirror is where this machine gets its own Debian packages from, or
// what INVENTARIO_DEBIAN_MIRROR says.
func debianMirror(ctx context.Context) (string, error) {
	if m := os.Getenv("INVENTARIO_DEBIAN_MIRROR"); m != "" {
		return m, nil
	}
	noBase := func(err error) error {
		return lab.Hint(fmt.Errorf("find a Debian mirror: %w", err),
			"No container registry answers, and without one the lab needs a machine with Debian packages. "+
				"Connect to a registry (`docker pull hello-world` tests it), or set INVENTARIO_DEBIAN_MIRROR to a Debian mirror's URL.")
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", noBase(err)
	}
	id, codename := osRelease(string(release), "ID"), osRelease(string(release), "VERSION_CODENAME")
	if id != "debian" {
		return "", noBase(fmt.Errorf("this machine is not Debian (/etc/os-release says %q)", id))
	}
	b, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(SITE)\t$(RELEASE)\t$(COMPONENT)", "Created-By: Packages").Output()
	if err != nil {
		return "", noBase(fmt.Errorf("apt-get indextargets: %w", err))
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 && f[2] == "main" && (f[1] == codename || f[1] == debianSuite) {
			return f[0], nil
		}
	}
	return "", noBase(fmt.Errorf("apt knows no source for %s main", codename))
}

// osRelease reads one value of an os-release file.
func osRelease(text, key string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}

// findMmdebstrap finds the tool that makes a Debian root, and installs it from
// the machine's own packages when it is missing.
func findMmdebstrap(ctx context.Context, progress func(string)) (string, error) {
	const tool = "mmdebstrap"
	if p, err := exec.LookPath(tool); err == nil {
		return p, nil
	}
	var prefix []string
	if os.Geteuid() != 0 {
		prefix = []string{"sudo", "-n"}
	}
	progress("installing the Debian package " + tool + ", which makes the base image")
	for _, args := range [][]string{{"apt-get", "update", "-q"}, {"apt-get", "install", "-y", "-q", "--no-install-recommends", tool}} {
		args = append(prefix[:len(prefix):len(prefix)], args...)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if b, err := cmd.CombinedOutput(); err != nil {
			lines := strings.Split(strings.TrimSpace(string(b)), "\n")
			return "", lab.Hint(fmt.Errorf("install %s: %w: %s", tool, err, lines[len(lines)-1]),
				"Install it by hand: sudo apt-get install "+tool)
		}
	}
	p, err := exec.LookPath(tool)
	if err != nil {
		return "", errors.New("installed " + tool + ", but it is not on the PATH")
	}
	return p, nil
}
