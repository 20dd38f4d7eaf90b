package stack

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// inputs is everything that an image is made from: its Dockerfile, the files
// that the Dockerfile copies, the build arguments. Nothing else is sent to the
// builder, so a change elsewhere rebuilds nothing.
type inputs struct {
	dockerfile string // relative to root
	root       string
	files      []string // relative to root, sorted, slashes
	hash       string
}

func readInputs(b *types.BuildConfig) (inputs, error) {
	in := inputs{root: b.Context, dockerfile: filepath.ToSlash(b.Dockerfile)}
	if in.dockerfile == "" {
		in.dockerfile = "Dockerfile"
	}
	if filepath.IsAbs(b.Dockerfile) {
		rel, err := filepath.Rel(b.Context, b.Dockerfile)
		if err != nil {
			return in, err
		}
		in.dockerfile = filepath.ToSlash(rel)
	}
	text, err := os.ReadFile(filepath.Join(in.root, in.dockerfile))
	if err != nil {
		return in, err
	}
	patterns, err := copied(text, b.Target)
	if err != nil {
		return in, fmt.Errorf("read %s: %w", in.dockerfile, err)
	}
	if in.files, err = expand(in.root, append(patterns, in.dockerfile)); err != nil {
		return in, err
	}
	in.hash, err = in.sum(b)
	return in, err
}

// copied lists the sources of the COPY and ADD instructions of a Dockerfile, up
// to the target stage.
func copied(dockerfile []byte, target string) ([]string, error) {
	ast, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		return nil, err
	}
	var patterns []string
	for _, st := range stages {
		for _, cmd := range st.Commands {
			switch c := cmd.(type) {
			case *instructions.CopyCommand:
				if c.From == "" {
					patterns = append(patterns, c.SourcePaths...)
				}
			case *instructions.AddCommand:
				patterns = append(patterns, c.SourcePaths...)
			}
		}
		if target != "" && strings.EqualFold(st.Name, target) {
			return patterns, nil
		}
	}
	if target != "" {
		return nil, fmt.Errorf("it has no stage %q", target)
	}
	return patterns, nil
}

// expand turns patterns into the files that they match, folders into what is
// in them.
func expand(root string, patterns []string) ([]string, error) {
	found := make(map[string]bool)
	for _, pat := range patterns {
		matches, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pat)))
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pat, err)
		}
		if len(matches) == 0 {
			return nil, fmt.Errorf("%q, which the Dockerfile copies, does not exist", pat)
		}
		for _, m := range matches {
			err := filepath.WalkDir(m, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				rel, err := filepath.Rel(root, path)
				if err != nil {
					return err
				}
				if strings.HasPrefix(rel, "..") {
					return fmt.Errorf("%q is outside of the build context", pat)
				}
				found[filepath.ToSlash(rel)] = true
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	files := make([]string, 0, len(found))
	for f := range found {
		files = append(files, f)
	}
	sort.Strings(files)
	return files, nil
}

// sum hashes names, modes and content of the files, the target and the build
// arguments.
func (in inputs) sum(b *types.BuildConfig) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "target %q\n", b.Target)
	for _, k := range sortedKeys(b.Args) {
		v := "<unset>"
		if b.Args[k] != nil {
			v = *b.Args[k]
		}
		fmt.Fprintf(h, "arg %q=%q\n", k, v)
	}
	err := in.each(func(name string, mode fs.FileMode, size int64, r io.Reader) error {
		fmt.Fprintf(h, "file %q %o %d\n", name, mode.Perm()&0o111, size)
		_, err := io.Copy(h, r)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// tar writes the files as a build context. Times are left out and modes
// reduced to "executable or not", so that a fresh clone gives the same layers.
func (in inputs) tar(w io.Writer) error {
	tw := tar.NewWriter(w)
	err := in.each(func(name string, mode fs.FileMode, size int64, r io.Reader) error {
		h := &tar.Header{Name: name, Size: size, Mode: 0o644, Typeflag: tar.TypeReg}
		if mode&0o111 != 0 {
			h.Mode = 0o755
		}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		_, err := io.Copy(tw, r)
		return err
	})
	return errors.Join(err, tw.Close())
}

func (in inputs) each(do func(name string, mode fs.FileMode, size int64, r io.Reader) error) error {
	for _, name := range in.files {
		f, err := os.Open(filepath.Join(in.root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		st, err := f.Stat()
		if err == nil {
			err = do(name, st.Mode(), st.Size(), f)
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
