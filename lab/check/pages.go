package check

import (
	"fmt"

	"inventariolab/lab"
)

// PageProbe is one look at the pages that will be put under load.
type PageProbe struct {
	Home      int // status of the home page
	Anonymous int // status of the inventory without a login
	Member    int // status of the inventory with a login
	Codes     int // products that the API lists on its first page
	Shown     int // of those, the ones whose code stands on the inventory with a login
	Least     int // products that the page must show to be worth measuring
}

// Pages checks that the pages to be put under load are the real ones: the
// inventory is shown to a member with its products, and not to a stranger.
// Otherwise a fast error or login page would be measured.
func Pages(name string, p PageProbe) lab.Check {
	want := fmt.Sprintf("home page 2xx, inventory refused without a login, 2xx with one and showing %d products", p.Least)
	got := fmt.Sprintf("home page %d, inventory %d without a login, %d with one, showing %d of the %d products of the API's first page",
		p.Home, p.Anonymous, p.Member, p.Shown, p.Codes)
	ok := func(status int) bool { return status >= 200 && status <= 299 }
	switch {
	case !ok(p.Home) || !ok(p.Member):
		return fail(name, want, got, "a page does not answer well even without load: open it in a browser, and look at the app's log")
	case ok(p.Anonymous):
		return fail(name, want, got, "the inventory is open to strangers, or it answers an error page with status 200: look at it in a browser without logging in")
	case p.Shown == 0:
		return fail(name, want, got, "the page is not the inventory, or it shows other products than the API lists: open it in a browser")
	case p.Shown < p.Least:
		return unknown(name, want, got, "the page is smaller than the one that is to be measured: look at the page size of the list and of the API")
	}
	return pass(name, want, got)
}
