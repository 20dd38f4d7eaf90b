package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// Site is what the users of a profile visit.
type Site struct {
	Base     string        // URL of the balancer, http://127.0.0.1:PORT
	Topology *lab.Topology // its paths and its login
}

// Home is the profile of strangers who open the home page, again and again.
func Home(s Site) Profile { return home{s} }

type home struct{ site Site }

// Name implements Profile.
func (home) Name() string { return "home" }

// NewUser implements Profile.
func (h home) NewUser(context.Context, int) (User, error) {
	return stranger{Request{Method: http.MethodGet, URL: h.site.Base + h.site.Topology.Paths.Home}}, nil
}

type stranger struct{ request Request }

// Next implements User.
func (s stranger) Next() Request { return s.request }

// See implements User.
func (stranger) See(Sample) {}

// Inventory is the profile of users who look at the first page of the
// inventory, each logged in with a session of his own.
func Inventory(s Site) Profile { return inventory{s} }

type inventory struct{ site Site }

// Name implements Profile.
func (inventory) Name() string { return "inventory" }

// NewUser implements Profile.
func (v inventory) NewUser(ctx context.Context, _ int) (User, error) {
	c, err := v.site.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &reader{session: c, url: v.site.Base + v.site.Topology.Paths.Inventory}, nil
}

type reader struct {
	session *probe.Client
	url     string
}

// Next implements User.
func (r *reader) Next() Request {
	return Request{Method: http.MethodGet, URL: r.url, Header: http.Header{"Cookie": {r.session.Cookie()}}}
}

// See implements User.
func (r *reader) See(s Sample) { r.session.Keep(s.Header) }

// enter logs in through the JSON API. The client keeps the session; the
// connection is closed, since a load brings its own.
func (s Site) enter(ctx context.Context) (*probe.Client, error) {
	if s.Topology.Login == nil {
		return nil, errors.New("log in: the topology names no login")
	}
	c, err := probe.NewClient(s.Base, s.Topology.Balancer.IdentityHeader, DefaultTimeout)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Login(ctx, *s.Topology.Login); err != nil {
		return nil, lab.Hint(err, fmt.Sprintf("Does %s with this password exist? After wrong passwords the app makes everybody at this address wait.", s.Topology.Login.User))
	}
	return c, nil
}
