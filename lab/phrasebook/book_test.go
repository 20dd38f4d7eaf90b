package phrasebook_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab/phrasebook"
)

const table = `# a comment
%d of %d failed
	%d de %d {fallida|fallidas}
, one rotation for all
	una sola rotación para todos
%s has %d transactions that %s lacks
	a %[3]s le {falta|faltan} %[2]d {transacción|transacciones} de %[1]s
at least %.0f %% within %v
	al menos el %.0f %% en %v
after %v: %s
	tras %v: %e
the band: %s
	la banda: %s
no band
	sin banda
port %d of %s
	puerto %s de %s
the others are right
	las demás están bien
heal: %w
	reparar: %w
%n idle
	%n en reposo
%n %d
	%n %d
Host was %q, sent %q
	Host era %q, se envió %q
all of it
	todo
%s %s %d rows, p50 %.1f ms
	%n %n %d {fila|filas}, p50 %.1f ms
Good. All of it.
	Bien. Todo.
`

func book(t testing.TB, texts ...string) (*phrasebook.Book, error) {
	t.Helper()
	files := fstest.MapFS{}
	for i, text := range texts {
		files[string(rune('a'+i))+".txt"] = &fstest.MapFile{Data: []byte(text)}
	}
	return phrasebook.Read(files)
}

func TestTranslate(t *testing.T) {
	b, err := book(t, table)
	require.NoError(t, err)
	for _, c := range []struct{ sentence, en, es string }{
		{"numbers are grouped", "1200 of 7000 failed", "1\u00a0200 de 7\u00a0000 fallidas"},
		{"forms agree with the number before them", "0 of 1 failed", "0 de 1 fallida"},
		{"parts change places, and forms with them", "slave1 has 1 transactions that maestro1 lacks", "a maestro1 le falta 1 transacción de slave1"},
		{"more than one", "slave1 has 12 transactions that maestro1 lacks", "a maestro1 le faltan 12 transacciones de slave1"},
		{"per cent and a duration", "at least 90 % within 1m30.5s", "al menos el 90 % en 1 min 30.5 s"},
		{"whole minutes", "at least 90 % within 2m0s", "al menos el 90 % en 2 min"},
		{"a quotation may be anything", "after 20ms: dial tcp: connection refused", "tras 20 ms: dial tcp: connection refused"},
		{"a quotation that is a phrase is one", "after 20ms: no band", "tras 20 ms: sin banda"},
		{"a part that must be known, is", "the band: no band", "la banda: sin banda"},
		{"a part that must be known, is not", "the band: something else", ""},
		{"a number that is a name", "port 13306 of slave1", "puerto 13306 de slave1"},
		{"joined parts", "3 of 9 failed; no band, one rotation for all", "3 de 9 fallidas; sin banda, una sola rotación para todos"},
		{"joined, one of them unknown: nothing is translated", "3 of 9 failed; nobody knows why", ""},
		{"a list of names with numbers", "app 300, app1 200", "app 300, app1 200"},
		{"a list of numbers: none is the name of the next", "2075, 3200", "2075, 3200"},
		{"a list of known parts", "slave1 idle and slave2 idle", "slave1 en reposo y slave2 en reposo"},
		{"a sentence of joined parts", "no band; the others are right.", "sin banda; las demás están bien."},
		{"a list of phrases that begin with words", "a x 1 rows, p50 2.0 ms, b x 2 rows, p50 3.0 ms, c x 3 rows, p50 4.0 ms", "a x 1 fila, p50 2.0 ms, b x 2 filas, p50 3.0 ms, c x 3 filas, p50 4.0 ms"},
		{"lines", "heal: exit status 1\nno band", "reparar: exit status 1\nsin banda"},
		{"sentences", "Good. All of it. slave1 has 2 transactions that slave2 lacks.", "Bien. Todo. a slave2 le faltan 2 transacciones de slave1."},
		{"an error is a quotation", "heal: exit status 1", "reparar: exit status 1"},
		{"quotes", `Host was "a b", sent "c\"d"`, `Host era "a b", se envió "c\"d"`},
		{"a list of quotes", `Host was ["a" "b"], sent []`, `Host era ["a" "b"], se envió []`},
		{"a name in small letters", "app 3e11fa47-71ca-11e1-9e33-c80aa9429562:1, b aaaa-1", "app 3e11fa47-71ca-11e1-9e33-c80aa9429562:1, b aaaa-1"},
		{"space around stays", "  no band ", "  sin banda "},
		{"an unknown sentence", "the cat sat on the mat", ""},
		{"an unknown sentence that looks like a phrase", "the cat of 3 failed", ""},
		{"a name", "slave1", "slave1"},
		{"nothing", "", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			got, ok := b.Translate(c.en)
			if c.es == "" && c.en != "" {
				assert.False(t, ok)
				assert.Equal(t, c.en, got)
				assert.Equal(t, c.en, b.Text(c.en))
				return
			}
			assert.True(t, ok)
			assert.Equal(t, c.es, got)
		})
	}
}

func TestBadBooks(t *testing.T) {
	for _, c := range []struct{ sentence, text, wants string }{
		{"twice", "a\n\tb\na\n\tc\n", `a.txt:3: "a" stands there twice`},
		{"no translation", "a\nb\n\tc\n", `a.txt:1: "a" has no translation`},
		{"no translation at the end", "a\n\tb\nb\n", `a.txt:3: "b" has no translation`},
		{"a translation of nothing", "\tb\n", "a.txt:1: a translation of nothing"},
		{"a verb is missing", "%d of %d\n\t%d\n", "the translation has verb 2 0 times"},
		{"a verb too many", "%d\n\t%d de %d\n", "has no verb 2"},
		{"another verb", "%d of %s\n\t%s de %d\n", "verb 2 is %s, the translation has %d"},
		{"another precision", "%.1f\n\t%.2f\n", "the translation has %.2f"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := book(t, c.text)
			assert.ErrorContains(t, err, c.wants)
		})
	}
	_, err := book(t, "a\n\tb\n", "a\n\tb\n")
	assert.ErrorContains(t, err, "twice", "also in another file")
}

func TestNoBook(t *testing.T) {
	var b *phrasebook.Book
	assert.Equal(t, "as it is", b.Text("as it is"))
	assert.False(t, b.Has("as it is"))
}

func TestHas(t *testing.T) {
	b, err := book(t, table)
	require.NoError(t, err)
	assert.True(t, b.Has("%d of %d failed"))
	assert.True(t, b.Has(", one rotation for all"), "marks at the ends do not count")
	assert.False(t, b.Has("3 of 9 failed"))
}

func TestGroup(t *testing.T) {
	for in, want := range map[string]string{
		"7": "7", "-1200": "-1\u00a0200", "1234567": "1\u00a0234\u00a0567", "1250.55": "1\u00a0250.55", "NaN": "NaN", "1e+06": "1e+06",
	} {
		assert.Equal(t, want, phrasebook.Group(in))
	}
}
