package stack

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCopied(t *testing.T) {
	const dockerfile = `ARG BASE=x
FROM scratch AS prebuilt
COPY dist/app /app
FROM ${BASE} AS build
COPY go.mod go.sum ./
RUN make
FROM scratch
COPY --from=build /out /out
ADD a b /dir/
`
	for _, tc := range []struct {
		target string
		want   []string
	}{
		{"prebuilt", []string{"dist/app"}},
		{"build", []string{"dist/app", "go.mod", "go.sum"}},
		{"", []string{"dist/app", "go.mod", "go.sum", "a", "b"}},
	} {
		got, err := copied([]byte(dockerfile), tc.target)
		require.NoError(t, err)
		assert.Equal(t, tc.want, got, "copied(…, %q)", tc.target)
	}
	_, err := copied([]byte(dockerfile), "nosuch")
	assert.ErrorContains(t, err, `no stage "nosuch"`)
	_, err = copied([]byte("FRUM x"), "")
	assert.Error(t, err)
}

// TestInputsHash: what an image is made from changes its hash, anything else
// does not.
func TestInputsHash(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		p := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, []byte(text), mode))
		require.NoError(t, os.Chmod(p, mode))
	}
	write("web/Dockerfile", "ARG BASE\nFROM $BASE\nCOPY web/conf /etc/\n", 0o644)
	write("web/conf/a.conf", "a", 0o644)
	write("other.txt", "o", 0o644)
	base := "debian"
	b := &types.BuildConfig{Context: dir, Dockerfile: "web/Dockerfile", Args: types.MappingWithEquals{"BASE": &base}}
	hash := func() string {
		in, err := readInputs(b)
		require.NoError(t, err)
		assert.Equal(t, []string{"web/Dockerfile", "web/conf/a.conf"}, in.files[:2])
		return in.hash
	}
	first := hash()
	assert.Equal(t, first, hash())
	write("other.txt", "changed", 0o644)
	assert.Equal(t, first, hash(), "a file that is not copied")
	write("web/conf/a.conf", "a", 0o600)
	assert.Equal(t, first, hash(), "a mode that a clone may change")

	seen := map[string]string{first: "nothing"}
	for _, step := range []struct { // one after the other: each builds on the one before
		what   string
		change func()
	}{
		{"a copied file", func() { write("web/conf/a.conf", "b", 0o644) }},
		{"a new file", func() { write("web/conf/b.conf", "", 0o644) }},
		{"an executable", func() { write("web/conf/b.conf", "", 0o755) }},
		{"the Dockerfile", func() { write("web/Dockerfile", "ARG BASE\nFROM $BASE\nCOPY web/conf /opt/\n", 0o644) }},
		{"a build argument", func() { base = "official" }},
		{"an argument less", func() { delete(b.Args, "BASE") }},
	} {
		step.change()
		h := hash()
		assert.NotContains(t, seen, h, "%s changed, the hash did not", step.what)
		seen[h] = step.what
	}

	write("web/Dockerfile", "FROM scratch\nCOPY nowhere /\n", 0o644)
	_, err := readInputs(b)
	assert.ErrorContains(t, err, `"nowhere", which the Dockerfile copies, does not exist`)
}

func TestInputsTarIsTheSameFromEveryClone(t *testing.T) {
	pack := func(mode os.FileMode) []byte {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY run.sh /\n"), mode&0o666))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"), mode))
		require.NoError(t, os.Chmod(filepath.Join(dir, "run.sh"), mode))
		in, err := readInputs(&types.BuildConfig{Context: dir, Dockerfile: "Dockerfile"})
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, in.tar(&b))
		return b.Bytes()
	}
	a, b := pack(0o755), pack(0o700)
	assert.Equal(t, a, b)
	tr := tar.NewReader(bytes.NewReader(a))
	var names []string
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	assert.Equal(t, []string{"Dockerfile", "run.sh"}, names)
}

// TestDotEnvCounts: what stands in the .env file beside the Compose file is
// what the lab logs in with, and the process's own variables win over it.
func TestDotEnvCounts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "docker-compose.yml")
	require.NoError(t, os.WriteFile(file, []byte("services: {one: {image: \"x:${TAG:-1}\"}}\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("TAG=2\nINVENTARIO_TEST_USER=ada\nINVENTARIO_TEST_PORT=1\n"), 0o644))
	t.Setenv("INVENTARIO_TEST_PORT", "2")
	p, err := load(t.Context(), Options{Files: []string{file}, Project: "x"}, map[string]string{"FROM_OPTIONS": "3"})
	require.NoError(t, err)
	assert.Equal(t, "x:2", p.Services["one"].Image)
	s := Stack{env: p.Environment}
	assert.Equal(t, "ada", s.Getenv("INVENTARIO_TEST_USER"))
	assert.Equal(t, "2", s.Getenv("INVENTARIO_TEST_PORT"))
	assert.Equal(t, "3", s.Getenv("FROM_OPTIONS"))
	assert.Empty(t, s.Getenv("INVENTARIO_TEST_NOBODY"))
}
