package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/moby/sys/atomicwriter"

	"inventariolab/lab"
)

// A wound is a fault in the journal: what is broken, and what must be known to
// mend it. The journal is a folder beside the stack's ledger entry, with a file
// per fault that is on the disk before the fault is injected and goes after the
// fault was proven to be gone. So any later process can mend what any earlier
// one broke, however that ended.
//
// The process that will heal a fault holds a lock on the file beside it; a
// wound that can be locked has nobody who would heal it.
type wound struct {
	ID    string        `json:"id"` // also in the names of what is made for the fault
	Spec  lab.FaultSpec `json:"spec"`
	Since time.Time     `json:"since"`
	// InEffect is written once the injection was proven: from then on no request
	// of it is under way in the engine any more.
	InEffect bool `json:"in_effect"`
	// Healing is written before the first step of the healing: whoever finds it
	// comes after a healing that was cut off, and requests of that may be under way.
	Healing bool   `json:"healing,omitempty"`
	Stays   bool   `json:"stays"` // broken on purpose until somebody heals it: `lab break`
	Project string `json:"project"`
	// Before is what the kind of fault must know to undo it, as it wrote it down.
	Before json.RawMessage `json:"before,omitempty"`

	dir  string
	lock *flock.Flock // nil when this process does not hold it
}

// note writes down what healing must know.
func (w *wound) note(before any) error {
	b, err := json.Marshal(before)
	if err != nil {
		return fmt.Errorf("write the fault down: %w", err)
	}
	w.Before = b
	return w.save()
}

// recall reads it back; what was not noted stays as it is.
func (w *wound) recall(before any) error {
	if len(w.Before) == 0 {
		return nil
	}
	if err := json.Unmarshal(w.Before, before); err != nil {
		return fmt.Errorf("read the fault's journal %s: %w", w.path(), err)
	}
	return nil
}

func (w *wound) path() string     { return filepath.Join(w.dir, w.ID+".json") }
func (w *wound) lockPath() string { return w.path() + ".lock" }

// save puts the wound on the disk: the file whole or not at all, and its name.
func (w *wound) save() error {
	b, err := json.MarshalIndent(w, "", "  ")
	if err == nil {
		err = os.MkdirAll(w.dir, 0o755)
	}
	if err == nil {
		err = atomicwriter.WriteFile(w.path(), append(b, '\n'), 0o644)
	}
	if err == nil {
		err = syncDir(w.dir)
	}
	if err != nil {
		return fmt.Errorf("write the fault down: %w", err)
	}
	return nil
}

// hold takes the wound's lock for this process and says whether it was free.
func (w *wound) hold() (bool, error) {
	if w.lock != nil {
		return true, nil
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return false, fmt.Errorf("lock the fault's journal: %w", err)
	}
	l := flock.New(w.lockPath())
	ok, err := l.TryLock()
	if err != nil {
		return false, fmt.Errorf("lock the fault's journal: %w", err)
	}
	if ok {
		w.lock = l
	}
	return ok, nil
}

// letGo gives up the lock and leaves the wound.
func (w *wound) letGo() error {
	if w.lock == nil {
		return nil
	}
	l := w.lock
	w.lock = nil
	return l.Unlock()
}

// close ends the wound: it is healed.
func (w *wound) close() error {
	err := errors.Join(removeIfThere(w.path()), w.letGo(), removeIfThere(w.lockPath()))
	_ = os.Remove(w.dir) // only when it is empty
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	// Not every system lets a folder be synced (Windows); the file itself is.
	_ = d.Sync()
	return d.Close()
}

// journalDir is the folder of a project's journal.
func journalDir(project string) (string, error) {
	dir, err := ledgerDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, project+".faults"), nil
}

// wounds reads a project's journal, the newest first. A file that cannot be
// read is an error: something is broken that nobody could mend by it.
func wounds(project string) ([]*wound, error) {
	dir, err := journalDir(project)
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("read the journal of faults: %w", err)
	}
	var all []*wound
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if errors.Is(err, os.ErrNotExist) {
			continue // healed in this moment
		}
		w := &wound{}
		if err == nil {
			err = json.Unmarshal(b, w)
		}
		if err != nil {
			return nil, lab.Hint(fmt.Errorf("read the journal of faults %s: %w", p, err),
				"`lab down` and `lab up` make the stack new; then remove the file.")
		}
		w.ID, w.dir, w.Project = strings.TrimSuffix(filepath.Base(p), ".json"), dir, project
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *wound) int { return b.Since.Compare(a.Since) })
	return all, nil
}

// forgetWounds removes the journal of a stack that is gone.
func forgetWounds(project string) error {
	dir, err := journalDir(project)
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// openWounds are those that this process has injected and not healed.
type openWounds struct {
	mu     sync.Mutex
	wounds []*wound
}

func (o *openWounds) add(w *wound) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wounds = append(o.wounds, w)
}

func (o *openWounds) remove(w *wound) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wounds = slices.DeleteFunc(o.wounds, func(x *wound) bool { return x == w })
}

func (o *openWounds) all() []*wound {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.wounds)
}
