package probe

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// TableHash is the content of one table, in a form that can be compared.
type TableHash struct {
	Table string
	Rows  int
	Hash  string // SHA-256 over the definition's columns and all rows in the order of the primary key
}

// Content hashes every table of the schema from one consistent snapshot. The
// same statements run on every server, and the rows are hashed here, not
// there: two servers with the same content give the same hashes.
func (db *DB) Content(ctx context.Context) ([]TableHash, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the content of %s: %w", db.Name, err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return nil, fmt.Errorf("read the content of %s: %w", db.Name, err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	tables, err := db.tables(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", db.Name, err)
	}
	hashes := make([]TableHash, 0, len(tables))
	for _, t := range tables {
		h, err := db.hash(ctx, conn, t)
		if err != nil {
			return nil, fmt.Errorf("read table %s of %s: %w", t.name, db.Name, err)
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// table is a table and how its rows are put in order.
type table struct {
	name    string
	columns []string
	order   []string // the primary key, or every column where there is none
}

func (db *DB) tables(ctx context.Context, conn *sql.Conn) ([]table, error) {
	rows, err := conn.QueryContext(ctx, `SELECT c.TABLE_NAME, c.COLUMN_NAME, COALESCE(k.ORDINAL_POSITION, 0)
		FROM information_schema.COLUMNS c
		JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME AND t.TABLE_TYPE = 'BASE TABLE'
		LEFT JOIN information_schema.KEY_COLUMN_USAGE k ON k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME
			AND k.COLUMN_NAME = c.COLUMN_NAME AND k.CONSTRAINT_NAME = 'PRIMARY'
		WHERE c.TABLE_SCHEMA = ? ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`, db.schema)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []table
	keys := make(map[string]map[int]string)
	for rows.Next() {
		var name, column string
		var place int
		if err := rows.Scan(&name, &column, &place); err != nil {
			return nil, err
		}
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
			keys[name] = make(map[int]string)
		}
		t := &tables[len(tables)-1]
		t.columns = append(t.columns, column)
		if place > 0 {
			keys[name][place] = column
		}
	}
	for i := range tables {
		t := &tables[i]
		t.order = t.columns
		if k := keys[t.name]; len(k) > 0 {
			t.order = nil
			for place := 1; place <= len(k); place++ {
				t.order = append(t.order, k[place])
			}
		}
	}
	return tables, rows.Err()
}

func (db *DB) hash(ctx context.Context, conn *sql.Conn, t table) (TableHash, error) {
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s.%s ORDER BY %s",
		quoteAll(t.columns), quote(db.schema), quote(t.name), quoteAll(t.order)))
	if err != nil {
		return TableHash{}, err
	}
	defer rows.Close()
	sum := sha256.New()
	var size [8]byte
	// The length stands before every value, and a NULL has one of its own, so
	// that different rows can never give the same bytes.
	put := func(b []byte) {
		n := uint64(len(b)) + 1
		if b == nil {
			n = 0
		}
		binary.BigEndian.PutUint64(size[:], n)
		sum.Write(size[:])
		sum.Write(b)
	}
	for _, c := range t.columns {
		put([]byte(c))
	}
	values := make([]sql.RawBytes, len(t.columns))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	h := TableHash{Table: t.name}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return TableHash{}, err
		}
		for _, v := range values {
			put(v)
		}
		h.Rows++
	}
	h.Hash = hex.EncodeToString(sum.Sum(nil))
	return h, rows.Err()
}

// CountRows counts, for each of the values, the rows in which a column has it.
// Values that stand nowhere are left out.
func (db *DB) CountRows(ctx context.Context, c Column, values []string) (map[string]int, error) {
	found := make(map[string]int, len(values))
	const batch = 500
	for len(values) > 0 {
		some := values[:min(batch, len(values))]
		values = values[len(some):]
		args := make([]any, len(some))
		for i, v := range some {
			args[i] = v
		}
		rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT %[2]s FROM %[1]s WHERE %[2]s IN (%[3]s)",
			quote(db.schema)+"."+quote(c.Table), quote(c.Name), strings.TrimSuffix(strings.Repeat("?,", len(some)), ",")), args...)
		if err != nil {
			return nil, fmt.Errorf("look for codes in %s.%s of %s: %w", c.Table, c.Name, db.Name, err)
		}
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				rows.Close()
				return nil, fmt.Errorf("look for codes in %s.%s of %s: %w", c.Table, c.Name, db.Name, err)
			}
			found[v]++
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("look for codes in %s.%s of %s: %w", c.Table, c.Name, db.Name, err)
		}
		rows.Close()
	}
	return found, nil
}

// Column is a column of a table of the schema.
type Column struct{ Table, Name string }

// FindColumn finds the text column in which a value stands, by looking through
// the schema: the lab does not know how an app names its tables. False when it
// stands nowhere.
func (db *DB) FindColumn(ctx context.Context, value string) (Column, bool, error) {
	rows, err := db.QueryContext(ctx, `SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = ? AND DATA_TYPE IN ('char', 'varchar', 'text') ORDER BY COLUMN_KEY = 'UNI' DESC, TABLE_NAME, ORDINAL_POSITION`, db.schema)
	if err != nil {
		return Column{}, false, fmt.Errorf("list the columns of %s: %w", db.Name, err)
	}
	var columns []Column
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Table, &c.Name); err != nil {
			rows.Close()
			return Column{}, false, fmt.Errorf("list the columns of %s: %w", db.Name, err)
		}
		columns = append(columns, c)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return Column{}, false, fmt.Errorf("list the columns of %s: %w", db.Name, err)
	}
	for _, c := range columns {
		found, err := db.CountRows(ctx, c, []string{value})
		if err != nil {
			return Column{}, false, err
		}
		if found[value] > 0 {
			return c, true, nil
		}
	}
	return Column{}, false, nil
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}
