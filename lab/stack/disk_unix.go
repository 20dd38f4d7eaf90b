//go:build unix

package stack

import "golang.org/x/sys/unix"

// freeBytes is the space that an unprivileged user may still fill at path; not
// ok when it cannot be seen from here.
func freeBytes(path string) (uint64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}
