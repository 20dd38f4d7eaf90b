// Package app holds the domain of the inventory application: the types, the
// errors and the contracts of the services. It does no I/O and knows neither
// MySQL (app/store) nor HTTP (app/web); wiring happens in app/cmd/inventory.
package app

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Product is one registered article of the inventory.
type Product struct {
	ID          int64     `json:"id"`
	Code        string    `json:"code"`        // unique, 1–32 characters: letters, digits, dot, dash, underscore
	Name        string    `json:"name"`        // 1–120 characters
	Description string    `json:"description"` // 0–1000 characters
	Unit        string    `json:"unit"`        // 1–20 characters: "unidad", "kg", …
	Category    string    `json:"category"`    // 1–60 characters
	CreatedAt   time.Time `json:"created_at"`  // UTC
	UpdatedAt   time.Time `json:"updated_at"`  // UTC
}

// Draft is what a user typed for a product: not yet validated, not yet saved.
type Draft struct {
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Unit        string `json:"unit"`
	Category    string `json:"category"`
}

// Bounds of a Draft's fields, in characters (code points) after Normalize.
// Only the description may be empty.
const (
	MaxCode        = 32
	MaxName        = 120
	MaxDescription = 1000
	MaxUnit        = 20
	MaxCategory    = 60
)

// SortKey names a column by which the list can be sorted.
type SortKey string

// The columns by which the list can be sorted.
const (
	SortCode     SortKey = "code"
	SortName     SortKey = "name"
	SortCategory SortKey = "category"
	SortUpdated  SortKey = "updated"
)

// Defaults and bounds of the product list.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
	MaxPage         = 1_000_000
	MaxSearch       = 100 // characters; the rest is ignored
)

// Query selects one page of the product list. The zero value means: no filter,
// sorted by code ascending, first page, DefaultPageSize rows.
type Query struct {
	Search   string  // matched against code, name and description; "" for all
	Category string  // exact category; "" for all
	Sort     SortKey // "" means SortCode
	Desc     bool
	Page     int // 1-based; values below 1 mean 1
	Size     int // rows a page, at most MaxPageSize; values below 1 mean DefaultPageSize
}

// Page is one page of products, with what is needed to draw the pager.
type Page struct {
	Products []Product `json:"products"`
	Total    int       `json:"total"` // products that match the query, over all pages
	Page     int       `json:"page"`
	Size     int       `json:"size"`
}

// Op says what a Change did.
type Op string

// The kinds of change.
const (
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
)

// Change is one committed change to the inventory. Revisions grow by one with
// every change, in commit order, the same on every server: they are the event
// ids of the live stream, so a browser can resume at another instance.
type Change struct {
	Revision int64     `json:"revision"`
	Op       Op        `json:"op"`
	Product  Product   `json:"product"` // after the change; before it, for OpDelete
	At       time.Time `json:"at"`
}

// Position says how far a reader must see: the inventory up to and including
// what he saved last. It travels in the session cookie; the zero value asks
// for nothing.
type Position struct {
	Revision int64  `json:"r,omitempty"`
	GTID     string `json:"g,omitempty"` // the source's gtid_executed after the write
}

// Shown says how far a reader has seen.
type Shown struct {
	Revision int64 // the inventory up to this revision, at least

	// Behind: less than was asked for. The source is away, no server has got so
	// far, and this is the newest there is.
	Behind bool

	// Foreign: the source itself has not got as far as was asked for. The position
	// comes from an inventory that no longer exists.
	Foreign bool
}

// User is an account that may log in.
type User struct {
	ID           int64
	Name         string
	PasswordHash []byte // bcrypt
}

// Once makes a write safe to send again: of all writes of a user with the same
// key, however often and through whichever instance they come, at most one takes
// place, and the others get its answer. The zero value asks for nothing.
type Once struct {
	User int64  // keys of different users never meet
	Key  string // as the client chose it, at most MaxKey bytes; "" for none
}

// MaxKey is the longest Once.Key, in bytes.
const MaxKey = 128

// Products reads and changes the inventory.
//
// Reads go to a healthy replica that has reached min, else to the source, else to
// whoever has reached it. When nobody has in time, or no server is left, they fail
// with ECodeUnavailable: a reader is not shown less than min. Only while the source
// is really away, not just slow, the freshest replica answers all the same, and
// Shown.Behind says so. Writes go to the source; with no writable source they fail
// with ECodeUnavailable within a bounded time.
type Products interface {
	// List returns one page and how far it shows.
	List(ctx context.Context, q Query, min Position) (Page, Shown, error)
	// Get fails with ECodeNotFound; how far was seen is told then too.
	Get(ctx context.Context, id int64, min Position) (Product, Shown, error)
	// Categories lists the categories in use, sorted.
	Categories(ctx context.Context, min Position) ([]string, error)
	// Create fails with ECodeInvalid (Fields filled in) or ECodeDuplicate
	// (Existing filled in); also when two creates race. With a key that another
	// write has used it fails with ECodeKeyReused; so do Update and Delete.
	Create(ctx context.Context, d Draft, once Once) (Product, Position, error)
	// Update fails like Create, and with ECodeNotFound.
	Update(ctx context.Context, id int64, d Draft, once Once) (Product, Position, error)
	// Delete gives the product that it removed. It fails with ECodeNotFound.
	Delete(ctx context.Context, id int64, once Once) (Product, Position, error)
	// Changes returns up to limit changes after revision, oldest first, and
	// whether changes between were already forgotten (the reader must reload).
	Changes(ctx context.Context, after int64, limit int) (changes []Change, gap bool, err error)
	// Revision is the newest revision that a read now would show.
	Revision(ctx context.Context) (int64, error)
}

// Users finds accounts.
type Users interface {
	// ByName fails with ECodeNotFound.
	ByName(ctx context.Context, name string) (User, error)
}

// Server is the state of one database server as this instance sees it.
type Server struct {
	Name     string    `json:"name"`
	Role     string    `json:"role"` // "source", "replica" or "unknown"
	Healthy  bool      `json:"healthy"`
	Reason   string    `json:"reason,omitempty"` // why it is left out
	Since    time.Time `json:"since"`
	Revision int64     `json:"revision"`
	SemiSync string    `json:"semi_sync,omitempty"` // of the source: "on", "off", or "fallback": commits wait for no replica though they should
}

// Health reports the database servers for /readyz, /metrics and the pages.
type Health interface {
	Servers() []Server
}

// ECode classifies an Error; one place in app/web maps codes to HTTP status.
type ECode string

// The codes.
const (
	ECodeInvalid     ECode = "invalid"
	ECodeDuplicate   ECode = "duplicate"
	ECodeNotFound    ECode = "not_found"
	ECodeKeyReused   ECode = "key_reused"  // the key belongs to another write
	ECodeUnavailable ECode = "unavailable" // no server can do this now; trying again later may work
	ECodeInternal    ECode = "internal"
)

// Error is the domain's error. Message is for logs; what a user reads is
// chosen by code and language in app/web.
type Error struct {
	Code     ECode
	Message  string
	Fields   map[string]string // ECodeInvalid: field → message key
	Existing *Product          // ECodeDuplicate: the product that has the code; nil if it was gone again

	// Uncertain is set on a write's ECodeUnavailable when the connection broke
	// while committing, and it could not be found out afterwards: the change may
	// have been saved after all. The same key again tells.
	Uncertain bool

	Err error // the cause, if any
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Err)
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of err: "" for nil, ECodeInternal for errors that
// are not of the domain.
func CodeOf(err error) ECode {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ECodeInternal
}
