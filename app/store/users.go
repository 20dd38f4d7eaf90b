package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"inventariolab/app"
)

// Users are the accounts in MySQL.
type Users struct{ cluster *Cluster }

var _ app.Users = (*Users)(nil)

// NewUsers makes the service on top of a cluster.
func NewUsers(c *Cluster) *Users { return &Users{c} }

// ByName implements app.Users. Names ignore case.
func (u *Users) ByName(ctx context.Context, name string) (app.User, error) {
	user, _, err := lookup(ctx, u.cluster, app.Position{}, func(ctx context.Context, s *session) (user app.User, err error) {
		err = s.conn.QueryRowContext(ctx, "SELECT id, name, password_hash FROM users WHERE name = ?", name).
			Scan(&user.ID, &user.Name, &user.PasswordHash)
		if errors.Is(err, sql.ErrNoRows) {
			err = notFound("no such user")
		}
		return user, err
	})
	if err != nil {
		return app.User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}

// lookup reads one thing by its key. What a replica does not find the source
// may have: it was made a moment ago, through another instance. A replica that
// lacks what the reader has saved cannot say that there is no such thing.
func lookup[T any](ctx context.Context, c *Cluster, min app.Position, fn func(context.Context, *session) (T, error)) (T, app.Shown, error) {
	found, shown, err := read(ctx, c, freshness{min: min}, fn)
	if app.CodeOf(err) != app.ECodeNotFound {
		return found, shown, err
	}
	if shown.Behind {
		return found, shown, unavailable("the server that could answer has not got as far as the reader", err)
	}
	source := c.view.Load().source
	if source == nil {
		return found, shown, err
	}
	a := attempt(ctx, step{server: source, source: true}, app.Position{}, false, fn)
	if a.err != nil && elsewhere(a.err) {
		return found, shown, err // the source has just gone: the replica's word stands
	}
	shown.Revision = max(shown.Revision, a.floor)
	return a.value, shown, a.err
}
