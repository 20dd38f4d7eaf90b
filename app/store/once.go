package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"inventariolab/app"
)

// writeKey is what tells one write from another.
type writeKey struct {
	hash        string // of the user and his key, in hexadecimal: statements stay text that tools can show
	fingerprint string // of what is to be written, likewise
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// newWriteKey makes the key of a write. Without one of the client's it is random:
// then it cannot tell two requests apart, but it still tells after a broken
// COMMIT whether that took place.
func newWriteKey(once app.Once, op app.Op, id int64, d app.Draft) writeKey {
	name := fmt.Sprintf("client %d %s", once.User, once.Key)
	if once.Key == "" {
		name = "random " + rand.Text()
	}
	what, _ := json.Marshal(d) // a struct of strings always encodes
	return writeKey{
		hash:        digest([]byte(name)),
		fingerprint: digest(fmt.Appendf(nil, "%s %d %s", op, id, what)),
	}
}

// errKeyUsed: a write with this key has been committed.
var errKeyUsed = errors.New("the key has been used")

// claim writes the key beside its write. While another transaction with the same
// key is open it waits for its end, so of two at the same time only one commits.
func (k writeKey) claim(ctx context.Context, t transaction, change app.Change) error {
	product, err := json.Marshal(change.Product)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	_, err = t.exec(ctx, "INSERT INTO write_keys (hash, fingerprint, op, product, at) VALUES (UNHEX(?), UNHEX(?), ?, ?, ?)",
		k.hash, k.fingerprint, string(change.Op), string(product), change.At)
	if number(err) == erDuplicate {
		return errKeyUsed
	}
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

// decided says that err may be the work of an earlier write with the same key:
// its code is taken, its product is gone. Nobody looks for the key before.
func decided(err error) bool {
	code := app.CodeOf(err)
	return errors.Is(err, errKeyUsed) || code == app.ECodeDuplicate || code == app.ECodeNotFound
}

// replay looks for an earlier write with the same key. It fails with
// app.ECodeKeyReused if that was to write something else.
func (k writeKey) replay(ctx context.Context, conn *sql.Conn) (product app.Product, pos app.Position, found bool, err error) {
	var fingerprint string
	var encoded []byte
	// The position is the source's present one, which is not before that write.
	err = conn.QueryRowContext(ctx, `SELECT LOWER(HEX(fingerprint)), product, (`+readRevision+`), @@global.gtid_executed FROM write_keys WHERE hash = UNHEX(?)`, k.hash).
		Scan(&fingerprint, &encoded, &pos.Revision, &pos.GTID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return product, app.Position{}, false, nil
	case err != nil:
		return product, app.Position{}, false, fmt.Errorf("look for the key: %w", err)
	case fingerprint != k.fingerprint:
		return product, app.Position{}, false, &app.Error{Code: app.ECodeKeyReused, Message: "the key belongs to another write"}
	}
	if err := json.Unmarshal(encoded, &product); err != nil {
		return product, app.Position{}, false, fmt.Errorf("decode answer: %w", err)
	}
	pos.GTID = strings.ReplaceAll(pos.GTID, "\n", "")
	return product, pos, true, nil
}
