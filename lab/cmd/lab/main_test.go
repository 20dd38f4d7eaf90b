package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lab": func() { os.Exit(run()) }})
}

// TestTranscripts runs the command-line transcripts of testdata that need no
// running stack. UPDATE_TRANSCRIPTS=1 writes the outputs anew.
func TestTranscripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE_TRANSCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROOT", root)
			e.Setenv("INVENTARIO_STATE", filepath.Join(e.WorkDir, ".state"))
			e.Setenv("DOCKER_HOST", os.Getenv("DOCKER_HOST"))
			return nil
		},
	})
}
