package store

import (
	"strings"

	"inventariolab/app"
)

// columns are those that scanProduct reads, in its order.
const columns = "id, code, name, description, unit, category, created_at, updated_at"

// orders are the ORDER BY clauses; "%" stands for the direction. Each ends with
// a unique column, so that pages do not overlap.
var orders = map[app.SortKey]string{
	app.SortCode:     "code %",
	app.SortName:     "name %, id %",
	app.SortCategory: "category %, code %",
	app.SortUpdated:  "updated_at %, id %",
}

// filter is the WHERE clause of a normalized query and its arguments.
//
// The search takes every word of the text by itself and wants each one in some
// column. LIKE with a leading wildcard reads the whole table: for the thousands
// of products of one inventory that costs milliseconds, and unlike a full-text
// index it finds parts of words and of codes.
func filter(q app.Query) (where string, args []any) {
	var all []string
	for word := range strings.FieldsSeq(q.Search) {
		all = append(all, "(code LIKE ? ESCAPE '!' OR name LIKE ? ESCAPE '!' OR description LIKE ? ESCAPE '!')")
		pattern := "%" + likeEscaper.Replace(word) + "%"
		args = append(args, pattern, pattern, pattern)
	}
	if q.Category != "" {
		all = append(all, "category = ?")
		args = append(args, q.Category)
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// likeEscaper makes text stand for itself in a LIKE pattern. The escape
// character is not MySQL's usual backslash, whose meaning inside a string
// depends on the SQL mode.
var likeEscaper = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// listQuery selects the rows of one page of a normalized query, each with the
// revision they belong to: one statement sees one state of the data.
func listQuery(q app.Query) (query string, args []any) {
	where, args := filter(q)
	direction := "ASC"
	if q.Desc {
		direction = "DESC"
	}
	query = "SELECT " + columns + ", (SELECT value FROM revision WHERE id = 1) FROM products" + where +
		" ORDER BY " + strings.ReplaceAll(orders[q.Sort], "%", direction) + " LIMIT ? OFFSET ?"
	return query, append(args, q.Size, (q.Page-1)*q.Size)
}

// countQuery counts the products that match a normalized query.
func countQuery(q app.Query) (query string, args []any) {
	where, args := filter(q)
	return "SELECT (SELECT value FROM revision WHERE id = 1), COUNT(*) FROM products" + where, args
}
