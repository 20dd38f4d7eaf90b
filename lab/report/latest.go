package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/atomicwriter"
)

// LatestName is the entry of the reports directory that points to the newest
// run.
const LatestName = "latest"

// Latest makes reportsDir/latest point to runDir: a relative symbolic link,
// replaced in one step. Where links cannot be made (Windows without the
// right, some shared folders) it is a text file with the run's path relative
// to reportsDir.
func Latest(reportsDir, runDir string) error {
	target, err := relative(reportsDir, runDir)
	if err != nil {
		return fmt.Errorf("point %s to %s: %w", LatestName, runDir, err)
	}
	link := filepath.Join(reportsDir, LatestName)
	if fi, err := os.Lstat(link); err == nil && fi.IsDir() {
		return fmt.Errorf("point %s to %s: %s is a directory: move it away", LatestName, runDir, link)
	}
	linkErr := replaceLink(link, target)
	if linkErr == nil {
		return nil
	}
	if fi, err := os.Lstat(link); err == nil && fi.Mode()&os.ModeSymlink != 0 {
		if err := os.Remove(link); err != nil {
			return fmt.Errorf("point %s to %s: %w", LatestName, runDir, errors.Join(linkErr, err))
		}
	}
	if err := atomicwriter.WriteFile(link, []byte(target+"\n"), 0o644); err != nil {
		return fmt.Errorf("point %s to %s: %w", LatestName, runDir, errors.Join(linkErr, err))
	}
	return nil
}

// ResolveLatest returns the directory that reportsDir/latest points to, in
// either of its two forms.
func ResolveLatest(reportsDir string) (string, error) {
	link := filepath.Join(reportsDir, LatestName)
	fi, err := os.Stat(link)
	if err != nil {
		return "", fmt.Errorf("find the latest run: %w: run the lab first", err)
	}
	if fi.IsDir() {
		return link, nil
	}
	b, err := os.ReadFile(link)
	if err != nil {
		return "", fmt.Errorf("find the latest run: %w", err)
	}
	return filepath.Join(reportsDir, filepath.FromSlash(strings.TrimSpace(string(b)))), nil
}

// symlink is a variable so that the fallback can be tested where links work.
var symlink = os.Symlink

func replaceLink(link, target string) error {
	dir, err := os.MkdirTemp(filepath.Dir(link), ".latest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The link is made in a directory of its own, because a name that nobody
	// else uses cannot be reserved for a link; it is moved afterwards, and its
	// target counts from where it ends up.
	made := filepath.Join(dir, LatestName)
	if err := symlink(filepath.FromSlash(target), made); err != nil {
		return err
	}
	return os.Rename(made, link)
}

func relative(base, path string) (string, error) {
	b, err := filepath.Abs(base)
	if err != nil {
		return "", err
	}
	p, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	r, err := filepath.Rel(b, p)
	return filepath.ToSlash(r), err
}
