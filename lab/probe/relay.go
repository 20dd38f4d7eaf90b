package probe

import (
	"context"
	"fmt"
	"path"
)

// RelayFolder is the folder, inside the server's container, that holds what a
// replica has fetched from its source.
func (db *DB) RelayFolder(ctx context.Context) (string, error) {
	var base string
	if err := db.QueryRowContext(ctx, "SELECT COALESCE(@@GLOBAL.relay_log_basename, '')").Scan(&base); err != nil {
		return "", fmt.Errorf("ask %s for its relay log: %w", db.Name, err)
	}
	return path.Dir(base), nil
}
