package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	cerrdefs "github.com/containerd/errdefs"
	"github.com/gofrs/flock"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"inventariolab/lab"
)

// imagePrefix begins the names of the images that the lab makes itself; images
// of other names are left to Compose, which builds or pulls them.
const imagePrefix = "inventario/"

// Bases are the two families of base images.
const (
	baseNone     = ""
	baseOfficial = "official" // mysql, nginx, phpmyadmin from a container registry
	baseDebian   = "debian"   // Debian, made on the spot from its packages
)

// baseVars are the variables of the Compose file that choose the base images.
var baseVars = []string{"MYSQL_BASE", "NGINX_BASE", "PMA_BASE"}

// parallelBuilds is how many images are built at once: they wait for the
// network about as long as they compute.
const parallelBuilds = 2

// prepareImages makes those reference images of the project that are missing
// or whose inputs changed. It returns which base they stand on ("" if the
// project has none of them) and adds to env what Compose must know.
func (e *Engine) prepareImages(ctx context.Context, opt Options, env map[string]string, p *types.Project) (string, error) {
	if len(ownImages(p)) == 0 {
		return "", nil
	}
	unlock, err := lockImages(ctx, opt.Progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	base, err := e.chooseBase(ctx, p)
	if err != nil {
		return "", err
	}
	switch base {
	case baseNone:
	case baseOfficial:
		opt.Progress("base images: the official ones")
	case baseDebian:
		opt.Progress("base images: Debian, made here (no container registry needed)")
		id, err := e.ensureDebianBase(ctx, opt.Progress)
		if err != nil {
			return "", err
		}
		for _, v := range baseVars {
			if !userSet(p, opt, v) {
				env[v] = id
			}
		}
	}
	if usesApp(p) && !userSet(p, opt, "APP_TARGET") {
		env["APP_TARGET"] = "prebuilt"
		if err := e.compileApp(ctx, p.WorkingDir, opt.Progress); err != nil {
			return "", err
		}
	}
	if p, err = load(ctx, opt, env); err != nil { // again, with the bases chosen
		return "", err
	}
	images := ownImages(p)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelBuilds)
	// The engine's root has room for one check, not one an image.
	var disk sync.Once
	var diskErr error
	for _, name := range sortedKeys(images) {
		g.Go(func() error {
			in, err := readInputs(images[name])
			if err != nil {
				return fmt.Errorf("make image %s: %w", name, err)
			}
			if have, err := e.label(gctx, name, inputsLabel); err != nil || have == in.hash {
				return err
			}
			if disk.Do(func() { diskErr = e.needDisk(minFreeBuilding) }); diskErr != nil {
				return diskErr
			}
			labels := map[string]string{inputsLabel: in.hash}
			if _, ok := images[name].Args["BASE"]; ok {
				labels[baseLabel] = base
			}
			return e.build(gctx, name, images[name], in, labels, opt.Progress)
		})
	}
	return base, g.Wait()
}

// ownImages are the reference images of a project with their build sections.
func ownImages(p *types.Project) map[string]*types.BuildConfig {
	images := make(map[string]*types.BuildConfig)
	for _, svc := range p.Services {
		if svc.Build != nil && strings.HasPrefix(svc.Image, imagePrefix) {
			images[svc.Image] = svc.Build
		}
	}
	return images
}

// usesApp says whether the project runs the inventory app.
func usesApp(p *types.Project) bool {
	for name := range ownImages(p) {
		if strings.HasPrefix(name, imagePrefix+"app:") {
			return true
		}
	}
	return false
}

// lockImages keeps two processes (packages under `go test ./...`) from making
// the same images side by side.
func lockImages(ctx context.Context, progress func(string)) (unlock func(), err error) {
	dir, err := ledgerDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("lock the images: %w", err)
	}
	l := flock.New(filepath.Join(dir, "images.lock"))
	if ok, err := l.TryLock(); err == nil && ok {
		return func() { _ = l.Unlock() }, nil
	}
	progress("waiting for another process that makes the images")
	if _, err := l.TryLockContext(ctx, pollEvery); err != nil {
		return nil, fmt.Errorf("lock the images: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// registryTimeout is how long a registry may take to answer before the lab
// does without it.
const registryTimeout = 6 * time.Second

// chooseBase decides where the base images come from: what INVENTARIO_BASE
// says; else what the images that are here already stand on, so that a lab once
// set up never waits for a registry again; else the official ones if the engine
// has them or its registry answers for them; else Debian.
func (e *Engine) chooseBase(ctx context.Context, p *types.Project) (string, error) {
	switch v := os.Getenv("INVENTARIO_BASE"); v {
	case baseOfficial, baseDebian:
		return v, nil
	case "", "auto":
	default:
		return "", lab.Hint(fmt.Errorf("choose the base images: INVENTARIO_BASE is %q", v), "It may be auto, official or debian.")
	}
	for name := range ownImages(p) {
		if base, err := e.label(ctx, name, baseLabel); err != nil || base == baseOfficial || base == baseDebian {
			return base, err
		}
	}
	if !hasBase(p) {
		return baseNone, nil
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, b := range ownImages(p) {
		ref, ok := b.Args["BASE"]
		if !ok || ref == nil {
			continue
		}
		g.Go(func() error { return e.available(ctx, *ref) })
	}
	if g.Wait() != nil {
		return baseDebian, nil
	}
	return baseOfficial, nil
}

// hasBase says whether an image of the project takes its base as an argument.
func hasBase(p *types.Project) bool {
	for _, b := range ownImages(p) {
		if _, ok := b.Args["BASE"]; ok {
			return true
		}
	}
	return false
}

// available says whether an image is here or its registry answers for it.
func (e *Engine) available(ctx context.Context, ref string) error {
	if _, err := e.cli.ImageInspect(ctx, ref); err == nil {
		return nil
	}
	_, err := e.cli.DistributionInspect(ctx, ref, client.DistributionInspectOptions{})
	return err
}

// Labels that the lab puts on the images it makes.
const (
	inputsLabel = "inventariolab.inputs" // the hash of what it was made from
	baseLabel   = "inventariolab.base"   // baseOfficial or baseDebian; not on images without a base
)

// label reads a label of an image; "" when it has none or is not there.
func (e *Engine) label(ctx context.Context, image, key string) (string, error) {
	res, err := e.cli.ImageInspect(ctx, image)
	switch {
	case cerrdefs.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look at image %s: %w", image, err)
	case res.Config == nil:
		return "", nil
	}
	return res.Config.Labels[key], nil
}

// imageID is the id of a local image, or "" if there is none.
func (e *Engine) imageID(ctx context.Context, ref string) (string, error) {
	res, err := e.cli.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at image %s: %w", ref, err)
	}
	return res.ID, nil
}

var errNoGo = errors.New("the go command is not on the PATH")
