package load

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Profile is a kind of visitor. It serves both loops: in a closed one every
// client is a user, in an open one whoever is free sends what is due.
type Profile interface {
	Name() string // of the stream in the record: "home", "inventory", "mixed"
	// NewUser makes the i-th user (from 0), logged in if that kind of visitor is.
	NewUser(ctx context.Context, i int) (User, error)
}

// User is one virtual user: he makes a request, sees its answer, and makes the
// next. One goroutine at a time uses him.
type User interface {
	Next() Request
	// See is told what came of the request, with the answer's header, and with
	// its body if the request asked for that.
	See(Sample)
}

// loginsAtATime bounds the logins under way. Passwords are slow to check, and
// an app may have a queue for them that times out.
const loginsAtATime = 4

// MakeUsers makes n users of a profile.
func MakeUsers(ctx context.Context, p Profile, n int) ([]User, error) {
	if n < 1 || n > MaxClients {
		return nil, fmt.Errorf("make %d users of %q: choose 1 to %d", n, p.Name(), MaxClients)
	}
	users := make([]User, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(loginsAtATime)
	for i := range users {
		g.Go(func() (err error) {
			users[i], err = p.NewUser(ctx, i)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("make %d users of %q: %w", n, p.Name(), err)
	}
	return users, nil
}
