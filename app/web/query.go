package web

import (
	"net/url"
	"strconv"

	"inventariolab/app"
)

// The parameters of the product list, the same for the page and for the API.
const (
	paramSearch   = "q"
	paramCategory = "category"
	paramSort     = "sort"  // code, name, category or updated
	paramOrder    = "order" // asc or desc
	paramPage     = "page"
	paramSize     = "size"
)

// parseQuery reads the list's parameters. wrong names those that make no
// sense, with the key of a message; the page ignores them, the API refuses.
func parseQuery(values url.Values) (q app.Query, wrong map[string]string) {
	wrong = map[string]string{}
	q.Search = values.Get(paramSearch)
	q.Category = values.Get(paramCategory)
	switch key := app.SortKey(values.Get(paramSort)); key {
	case "", app.SortCode, app.SortName, app.SortCategory, app.SortUpdated:
		q.Sort = key
	default:
		wrong[paramSort] = "bad_sort"
	}
	switch values.Get(paramOrder) {
	case "", "asc":
	case "desc":
		q.Desc = true
	default:
		wrong[paramOrder] = "bad_order"
	}
	number := func(param string, max int) int {
		text := values.Get(param)
		if text == "" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || (max > 0 && n > max) {
			wrong[param] = "bad_number"
			return 0
		}
		return n
	}
	q.Page = number(paramPage, 0)
	q.Size = number(paramSize, app.MaxPageSize)
	return q.Normalize(), wrong
}

// listURL is the address of the list page that shows q, without parameters
// that only repeat a default.
func listURL(q app.Query) string {
	v := url.Values{}
	if q.Search != "" {
		v.Set(paramSearch, q.Search)
	}
	if q.Category != "" {
		v.Set(paramCategory, q.Category)
	}
	if q.Sort != "" && q.Sort != app.SortCode {
		v.Set(paramSort, string(q.Sort))
	}
	if q.Desc {
		v.Set(paramOrder, "desc")
	}
	if q.Page > 1 {
		v.Set(paramPage, strconv.Itoa(q.Page))
	}
	if q.Size > 0 && q.Size != app.DefaultPageSize {
		v.Set(paramSize, strconv.Itoa(q.Size))
	}
	if len(v) == 0 {
		return "/inventario"
	}
	return "/inventario?" + v.Encode()
}
