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
	var user app.User
	err := u.cluster.lookup(ctx, app.Position{}, func(ctx context.Context, conn *sql.Conn) error {
		err := conn.QueryRowContext(ctx, "SELECT id, name, password_hash FROM users WHERE name = ?", name).
			Scan(&user.ID, &user.Name, &user.PasswordHash)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("no such user")
		}
		return err
	})
	if err != nil {
		return app.User{}, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}

// lookup reads one thing by its key. What a replica does not find the source
// may have: it was made a moment ago, through another instance.
func (c *Cluster) lookup(ctx context.Context, min app.Position, fn func(context.Context, *sql.Conn) error) error {
	var asked *server
	err := c.read(ctx, freshness{min: min}, func(ctx context.Context, s *session) error {
		asked = s.server
		return fn(ctx, s.conn)
	})
	source := c.view.Load().source
	if app.CodeOf(err) != app.ECodeNotFound || source == nil || source == asked {
		return err
	}
	again := c.attempt(ctx, step{server: source}, app.Position{}, attemptTimeout, func(ctx context.Context, s *session) error {
		return fn(ctx, s.conn)
	})
	if again != nil && elsewhere(again) {
		return err // the source has just gone: the replica's word stands
	}
	return again
}
