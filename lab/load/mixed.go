package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"inventariolab/lab/probe"
)

// What users of the mixed profile do, of every 20 requests: most look, few
// write. Every user shuffles them anew each time, the same in every run.
const (
	MixBrowse   = 12 // a page of the inventory
	MixSearch   = 5  // the inventory, searched
	MixRegister = 1  // a new product
	MixEdit     = 2  // a change to one of the user's own products
)

// Tags of the mixed profile's samples.
const (
	TagBrowse   = "browse"
	TagSearch   = "search"
	TagRegister = "register"
	TagEdit     = "edit"
)

// browsed are the pages that are browsed. The parameters are the reference
// app's; an app that does not know them shows its list. Later pages are not
// asked for: one that is not there yet is a redirect, and a failure here.
var browsed = []string{"", "", "?sort=updated&order=desc", "?sort=name", "?size=20", "?order=desc"}

// searched are the words that are searched for, in turn with the user's own
// products.
var searched = []string{"prueba", "laboratorio", "caja", "zzz"}

// Mixed is the profile of people at work: each logged in with a session of his
// own, they browse, search, register products and edit what they registered.
// Of what they register nothing remains after CleanUp.
type Mixed struct {
	site   Site
	prefix string

	mu     sync.Mutex
	made   []probe.Product // acknowledged
	unsure []string        // codes of which no answer came
	unseen int
}

var _ Profile = (*Mixed)(nil)

// NewMixed makes the profile. Its codes begin with a prefix that no other run
// uses.
func NewMixed(s Site) *Mixed {
	return &Mixed{site: s, prefix: strings.ToUpper(probe.NewID("LAB-"))}
}

// Name implements Profile.
func (*Mixed) Name() string { return "mixed" }

// NewUser implements Profile.
func (m *Mixed) NewUser(ctx context.Context, i int) (User, error) {
	c, err := m.site.enter(ctx)
	if err != nil {
		return nil, err
	}
	return &worker{
		mixed: m, session: c, prefix: fmt.Sprintf("%s-%03d-", m.prefix, i),
		dice: rand.New(rand.NewPCG(1, uint64(i))),
	}, nil
}

// Created lists the products whose registration was acknowledged.
func (m *Mixed) Created() []probe.Product {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.made)
}

// Unseen counts the searches of a user that did not show his newest product
// although its registration had been acknowledged before.
func (m *Mixed) Unseen() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unseen
}

// CleanUp deletes what the users registered, also what was never acknowledged
// but happened all the same, and returns how many products that were. Call it
// after the load has ended.
func (m *Mixed) CleanUp(ctx context.Context) (int, error) {
	m.mu.Lock()
	made, unsure := slices.Clone(m.made), slices.Clone(m.unsure)
	m.mu.Unlock()
	if len(made)+len(unsure) == 0 {
		return 0, nil
	}
	c, err := m.site.enter(ctx)
	if err != nil {
		return 0, fmt.Errorf("clean up: %w", err)
	}
	defer c.Close()
	path := m.site.Topology.Paths.Products
	for _, code := range unsure {
		found, _, err := c.List(ctx, path+"?code="+url.QueryEscape(code))
		if err != nil {
			return 0, fmt.Errorf("clean up: look for %s: %w", code, err)
		}
		for _, p := range found {
			if p.Code == code { // an app that does not know ?code= lists others too
				made = append(made, p)
			}
		}
	}
	var errs []error
	deleted := 0
	for _, p := range made {
		if err := c.Delete(ctx, path, p.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		deleted++
	}
	if len(errs) > 0 {
		return deleted, fmt.Errorf("clean up: %d of %d products remain: %w", len(errs), len(made), errs[0])
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made, m.unsure = nil, nil
	return deleted, nil
}

// worker is a user of the mixed profile.
type worker struct {
	mixed   *Mixed
	session *probe.Client
	prefix  string // of his products' codes
	dice    *rand.Rand
	hand    []string // what he will do next, from the end
	count   int      // products he registered or tried to
	edits   int
	turn    int // of browsed and searched
	mine    []probe.Product

	code string // of the product under way
	seek string // code that the search under way must show
}

// Next implements User.
func (w *worker) Next() Request {
	if len(w.hand) == 0 {
		w.deal()
	}
	what := w.hand[len(w.hand)-1]
	w.hand = w.hand[:len(w.hand)-1]
	if what == TagEdit && len(w.mine) == 0 {
		what = TagRegister // his first registration failed: there is nothing to edit
	}
	w.code, w.seek = "", ""
	paths := w.mixed.site.Topology.Paths
	q := Request{Method: http.MethodGet, Header: http.Header{"Cookie": {w.session.Cookie()}}, Tag: what}
	var path string
	switch what {
	case TagBrowse:
		path = paths.Inventory + browsed[w.turn%len(browsed)]
	case TagSearch:
		path = paths.Inventory + "?q=" + url.QueryEscape(w.word())
		q.KeepBody = w.seek != ""
	case TagRegister:
		w.count++
		w.code = fmt.Sprintf("%s%04d", w.prefix, w.count)
		path = paths.Products
		q.Method, q.Body, q.KeepBody = http.MethodPost, productBody(w.code, 0), true
	case TagEdit:
		w.edits++
		p := w.mine[w.dice.IntN(len(w.mine))]
		path = fmt.Sprintf("%s/%d", strings.TrimRight(paths.Products, "/"), p.ID)
		q.Method, q.Body = http.MethodPut, productBody(p.Code, w.edits)
	}
	if q.Body != nil {
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Accept", "application/json")
	}
	w.turn++
	q.URL = w.mixed.site.Base + path
	return q
}

// word is what he searches for: every second time his own products. The
// last digit is left out, because the page repeats what was searched for: only
// a row of the list has the whole code.
func (w *worker) word() string {
	if len(w.mine) > 0 && w.turn%2 == 0 {
		w.seek = w.mine[len(w.mine)-1].Code
		return w.seek[:len(w.seek)-1]
	}
	return searched[w.dice.IntN(len(searched))]
}

// deal shuffles the next 20 requests. The first registration comes before the
// first edit.
func (w *worker) deal() {
	for what, n := range map[string]int{TagBrowse: MixBrowse, TagSearch: MixSearch, TagRegister: MixRegister, TagEdit: MixEdit} {
		for range n {
			w.hand = append(w.hand, what)
		}
	}
	slices.Sort(w.hand) // a map has no order
	w.dice.Shuffle(len(w.hand), func(i, j int) { w.hand[i], w.hand[j] = w.hand[j], w.hand[i] })
	if len(w.mine) > 0 {
		return
	}
	// The hand is played from its end.
	for i := len(w.hand) - 1; i >= 0; i-- {
		if w.hand[i] == TagRegister {
			return
		}
		if w.hand[i] == TagEdit {
			j := slices.Index(w.hand, TagRegister)
			w.hand[i], w.hand[j] = w.hand[j], w.hand[i]
			return
		}
	}
}

// See implements User.
func (w *worker) See(s Sample) {
	w.session.Keep(s.Header)
	switch {
	case w.code != "":
		w.registered(s)
	case w.seek != "" && s.Err == nil && s.Status == http.StatusOK && !bytes.Contains(s.Body, []byte(w.seek)):
		w.mixed.mu.Lock()
		w.mixed.unseen++
		w.mixed.mu.Unlock()
	}
}

func (w *worker) registered(s Sample) {
	p, err := probe.ParseProduct(s.Body)
	w.mixed.mu.Lock()
	defer w.mixed.mu.Unlock()
	switch {
	case s.Err == nil && s.Status == http.StatusCreated && err == nil:
		w.mixed.made = append(w.mixed.made, p)
		w.mine = append(w.mine, p)
	case s.Err != nil || s.Status >= http.StatusInternalServerError || s.Status == http.StatusCreated:
		// It may have happened all the same.
		w.mixed.unsure = append(w.mixed.unsure, w.code)
	}
}

// productBody is the JSON of a product, as it was registered (0) or edited so
// many times.
func productBody(code string, edits int) []byte {
	b, err := json.Marshal(map[string]string{
		"code": code, "name": "Producto de prueba " + code,
		"description": fmt.Sprintf("creado por el laboratorio, %d cambios", edits),
		"unit":        "unidad", "category": "laboratorio",
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}
