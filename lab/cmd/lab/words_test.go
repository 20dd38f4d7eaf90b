package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"inventariolab/lab"
)

// The progress says in Spanish what a run says: steps, faults, checks, ends and
// what the stack tells while it comes up.
func TestProgressInSpanish(t *testing.T) {
	lang, book, err := words("es")
	require.NoError(t, err)
	var out bytes.Buffer
	p := newProgress(&out, lang, book)
	defer p.stop()
	p.line("ready after 6.4 s")
	p.event(lab.Event{Kind: lab.KindBegin, Begin: &lab.Begin{Name: "headers", Title: "The app learns who is asking, and cannot be lied to"}})
	p.event(lab.Event{Kind: lab.KindStep, Text: "Now: kill app."})
	p.event(lab.Event{Kind: lab.KindFault, Fault: &lab.FaultEvent{FaultSpec: lab.FaultSpec{Kind: "kill", Service: "app"}, Phase: lab.FaultInEffect}})
	p.event(lab.Event{Kind: lab.KindCheck, Check: &lab.Check{
		Name: "no read failed", Verdict: lab.Fail, Want: "0 failed reads (no answer, or a status other than 2xx)", Got: "3 of 1200 failed: status 502 (3)",
	}})
	p.event(lab.Event{Kind: lab.KindEnd, Scenario: "headers", End: &lab.End{Verdict: lab.Unknown, Reason: "not finished within its limit of 2m0s"}})
	for _, line := range []string{
		"listo tras 6.4 s",
		"headers: La aplicación sabe quién pregunta, y no se la puede engañar",
		"  Ahora: kill app.",
		"  fallo kill app: en efecto",
		"  FALLIDO: no falló ninguna lectura: esperado 0 lecturas fallidas (sin respuesta, o con un estado distinto de 2xx), obtenido 3 de 1\u00a0200 fallidas: estado 502 (3)",
		"headers: NO CONCLUYENTE: no terminó dentro de su límite de 2 min",
	} {
		assert.Contains(t, out.String(), "  "+line+"\n")
	}
}

func TestWords(t *testing.T) {
	_, book, err := words("en")
	require.NoError(t, err)
	assert.Nil(t, book, "English is what is recorded")
	_, _, err = words("fr")
	assert.ErrorContains(t, err, `use "en" or "es"`)
}
