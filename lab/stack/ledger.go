package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"inventariolab/lab"
)

// The ledger is a folder with one file per stack that the lab has brought up.
// It is written before the first container is made. While a process uses the
// stack it holds a lock on the file, which the kernel drops when the process
// ends in whatever way; so a file that can be locked and is not marked as kept
// belongs to a run that was killed, and its stack is swept.
type entry struct {
	Project string    `json:"project"`
	Keep    bool      `json:"keep"` // outlives its process: `lab up`
	Files   []string  `json:"files"`
	Created time.Time `json:"created"`
	Host    string    `json:"host"` // of the engine: another engine's stacks are not ours to sweep
	// Foreign is a stack that the lab did not bring up but has broken; it is
	// never swept, and forgotten when it is whole again.
	Foreign bool `json:"foreign,omitempty"`

	path string
	lock *flock.Flock
}

// ledgerDir can be moved by INVENTARIO_STATE, for tests.
func ledgerDir() (string, error) {
	if dir := os.Getenv("INVENTARIO_STATE"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		// No home directory (some CI systems): any folder that the next run finds again.
		cache = os.TempDir()
	}
	return filepath.Join(cache, "inventariolab", "stacks"), nil
}

// claim writes the entry and locks it for this process.
func claim(e entry) (*entry, error) {
	dir, err := ledgerDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("note the stack down: %w", err)
	}
	e.path = filepath.Join(dir, e.Project+".json")
	e.lock = flock.New(e.path + ".lock")
	ok, err := e.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("note the stack down: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("note the stack down: stack %s is in use by another process", e.Project)
	}
	if err := e.save(); err != nil {
		_ = e.lock.Unlock()
		return nil, err
	}
	return &e, nil
}

func (e *entry) save() error {
	b, err := json.MarshalIndent(e, "", "  ")
	if err == nil {
		err = os.WriteFile(e.path, append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("note the stack down: %w", err)
	}
	return nil
}

// take locks the entry of a project that runs, waiting for others that work with
// it, and makes one if the lab did not bring it up.
func take(ctx context.Context, project, host string, progress func(string)) (*entry, error) {
	dir, err := ledgerDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("note the stack down: %w", err)
	}
	path := filepath.Join(dir, project+".json")
	e := &entry{path: path, lock: flock.New(path + ".lock")}
	if ok, err := e.lock.TryLock(); err != nil || !ok {
		progress("waiting for another lab command that works with stack " + project)
		wait, cancel := context.WithTimeout(ctx, attachTimeout)
		defer cancel()
		if err := e.relock(wait); err != nil {
			return nil, err
		}
	}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Foreign, e.Keep, e.Created, e.Host = true, true, time.Now().UTC(), host
	case err != nil:
		return nil, errors.Join(fmt.Errorf("read the ledger of stacks: %w", err), e.release())
	default:
		_ = json.Unmarshal(b, e)
	}
	e.Project = project
	if e.Foreign {
		if err := e.save(); err != nil {
			return nil, errors.Join(err, e.release())
		}
	}
	return e, nil
}

// relock takes the lock again, when nobody else has it.
func (e *entry) relock(ctx context.Context) error {
	ok, err := e.lock.TryLockContext(ctx, pollEvery)
	if errors.Is(err, context.DeadlineExceeded) {
		return lab.Hint(fmt.Errorf("wait for stack %s: it is in use by another process", strings.TrimSuffix(filepath.Base(e.path), ".json")), "Wait for the end of the other lab command.")
	}
	if err != nil || !ok {
		return fmt.Errorf("lock the ledger of stacks: %w", err)
	}
	return nil
}

// release gives up the lock and leaves the entry: the stack is kept.
func (e *entry) release() error {
	if ws, err := wounds(e.Project); e.Foreign && err == nil && len(ws) == 0 || !exists(e.path) {
		return e.forget()
	}
	return e.lock.Unlock()
}

// forget removes the entry: the stack is gone.
func (e *entry) forget() error {
	// The entry goes while the lock is held; the lock file goes last.
	err := os.Remove(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, forgetWounds(e.Project), e.lock.Unlock(), removeIfThere(e.path+".lock"))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// entries reads the ledger. A file that cannot be read as an entry (cut off by
// a full disk, say) still names its project in its file name.
func entries() ([]*entry, error) {
	dir, err := ledgerDir()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("read the ledger of stacks: %w", err)
	}
	es := make([]*entry, 0, len(paths))
	for _, p := range paths {
		e := &entry{}
		b, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner has just removed it
		}
		if err == nil {
			_ = json.Unmarshal(b, e)
		}
		e.Project = strings.TrimSuffix(filepath.Base(p), ".json")
		e.path, e.lock = p, flock.New(p+".lock")
		es = append(es, e)
	}
	return es, nil
}

// Sweep removes the stacks of runs that were killed and returns their project
// names. With kept, it also removes those that `lab up` left running. Stacks
// that a living process uses are never touched.
func (e *Engine) Sweep(ctx context.Context, kept bool) ([]string, error) {
	es, err := entries()
	if err != nil {
		return nil, err
	}
	var swept []string
	var errs []error
	for _, en := range es {
		if en.Keep && !kept || en.Foreign || en.Host != "" && en.Host != e.cli.DaemonHost() {
			continue
		}
		if ok, err := en.lock.TryLock(); err != nil || !ok {
			continue // in use
		}
		rctx, cancel := context.WithTimeout(ctx, removeTimeout)
		err := e.Remove(rctx, en.Project)
		cancel()
		if err != nil {
			errs = append(errs, err, en.release())
			continue
		}
		errs = append(errs, en.forget())
		swept = append(swept, en.Project)
	}
	return swept, errors.Join(errs...)
}

// RemoveProject removes one project with its data, whether or not the ledger
// knows it, and says whether there was anything. A project that a living process
// uses is an error.
func (e *Engine) RemoveProject(ctx context.Context, project string) (bool, error) {
	there, err := e.anything(ctx, project)
	if err != nil || !there {
		return false, err
	}
	en, err := claim(entry{Project: project, Host: e.cli.DaemonHost(), Created: time.Now().UTC()})
	if err != nil {
		return false, err
	}
	rctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	if err := e.Remove(rctx, project); err != nil {
		return false, errors.Join(err, en.release())
	}
	return true, en.forget()
}

// Kept lists the projects that `lab up` left running, with their Compose files.
func Kept() (map[string][]string, error) {
	es, err := entries()
	if err != nil {
		return nil, err
	}
	kept := make(map[string][]string)
	for _, e := range es {
		if e.Keep && !e.Foreign {
			kept[e.Project] = e.Files
		}
	}
	return kept, nil
}
