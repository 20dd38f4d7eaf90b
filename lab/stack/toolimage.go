package stack

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/types"
)

// toolsImage holds the tools of the network faults.
const toolsImage = imagePrefix + "faults:local"

// toolsOfficial is its base where a registry answers.
const toolsOfficial = "debian:stable-slim"

//go:embed faulttools/Dockerfile
var toolsDockerfile []byte

// ensureTools makes the image of the network tools if it is missing or its
// Dockerfile changed. Its base is not looked at again: any will do.
func (e *Engine) ensureTools(ctx context.Context, progress func(string)) (err error) {
	dir, err := os.MkdirTemp("", "inventariolab-faults-")
	if err != nil {
		return fmt.Errorf("make image %s: %w", toolsImage, err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), toolsDockerfile, 0o644); err != nil {
		return fmt.Errorf("make image %s: %w", toolsImage, err)
	}
	b := &types.BuildConfig{Context: dir}
	in, err := readInputs(b)
	if err != nil {
		return fmt.Errorf("make image %s: %w", toolsImage, err)
	}
	made := func() bool {
		have, err := e.label(ctx, toolsImage, inputsLabel)
		return err == nil && have == in.hash
	}
	if made() {
		return nil
	}
	unlock, err := lockImages(ctx, progress)
	if err != nil {
		return err
	}
	defer unlock()
	if made() { // by whoever had the lock
		return nil
	}
	base, err := e.toolsBase(ctx, progress)
	if err != nil {
		return err
	}
	b.Args = types.MappingWithEquals{"BASE": &base}
	return e.build(ctx, toolsImage, b, in, map[string]string{inputsLabel: in.hash}, progress)
}

// toolsBase chooses the base as chooseBase does.
func (e *Engine) toolsBase(ctx context.Context, progress func(string)) (string, error) {
	switch os.Getenv("INVENTARIO_BASE") {
	case baseOfficial:
		return toolsOfficial, nil
	case baseDebian:
		return e.ensureDebianBase(ctx, progress)
	}
	if id, err := e.imageID(ctx, debianBase); err != nil || id != "" {
		return id, err
	}
	asked, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	if e.available(asked, toolsOfficial) == nil {
		return toolsOfficial, nil
	}
	return e.ensureDebianBase(ctx, progress)
}
