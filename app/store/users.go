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
	user, err := lookup(ctx, u.cluster, app.Position{}, func(ctx context.Context, conn *sql.Conn) (user app.User, err error) {
		err = conn.QueryRowContext(ctx, "SELECT id, name, password_hash FROM users WHERE name = ?", name).
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
// may have: it was made a moment ago, through another instance.
func lookup[T any](ctx context.Context, c *Cluster, min app.Position, fn func(context.Context, *sql.Conn) (T, error)) (T, error) {
	ask := func(ctx context.Context, s *session) (T, error) { return fn(ctx, s.conn) }
	found, err := read(ctx, c, freshness{min: min}, ask)
	source := c.view.Load().source
	if app.CodeOf(err) != app.ECodeNotFound || source == nil {
		return found, err
	}
	again, sourceErr := attempt(ctx, step{server: source}, app.Position{}, false, ask)
	if sourceErr != nil && elsewhere(sourceErr) {
		return found, err // the source has just gone: the replica's word stands
	}
	return again, sourceErr
}
