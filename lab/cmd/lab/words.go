package main

import (
	"sync"

	"inventariolab/lab/phrasebook"
	"inventariolab/lab/report"
	"inventariolab/lab/stack"
	"inventariolab/scenarios"
)

// spanish is the book for everything that the catalogue and the stack say.
var spanish = sync.OnceValues(func() (*phrasebook.Book, error) {
	return phrasebook.Read(append(scenarios.Spanish(), stack.Spanish)...)
})

// words is a language with the book for it: nil for English, in which
// everything is recorded.
func words(lang string) (report.Lang, *phrasebook.Book, error) {
	l, err := report.ParseLang(lang)
	if err != nil || l == report.English {
		return l, nil, err
	}
	book, err := spanish()
	return l, book, err
}
