package lab

import "slices"

// What many requests have in common is kept once, when a record is read and
// while one is made.

// manyTexts is how many texts, or lists, are kept to be shared; more would be no
// sharing.
const manyTexts = 1 << 12

// triesBlock is in how many tries the lists are kept that nobody shares.
const triesBlock = 1 << 11

// tryLists keeps lists of tries. Nothing changes one later, so that lines may
// share it: a log counts in milliseconds, and most of its lists are of one try.
type tryLists struct {
	once map[Try][]Try // the lists of one try
	room []Try         // for the next ones
}

// keep is a copy of the list that stays.
func (t *tryLists) keep(few []Try) []Try {
	n := len(few)
	if n == 0 {
		return nil
	}
	if n == 1 {
		if list := t.once[few[0]]; list != nil {
			return list
		}
	}
	if len(t.room) < n {
		t.room = make([]Try, max(n, triesBlock))
	}
	list := t.room[:n:n]
	copy(list, few)
	t.room = t.room[n:]
	if n == 1 && len(t.once) < manyTexts {
		if t.once == nil {
			t.once = make(map[Try][]Try)
		}
		t.once[list[0]] = list
	}
	return list
}

// texts keeps texts that many lines have.
type texts map[string]string

func (t *texts) keep(s string) string {
	if s == "" {
		return s
	}
	if kept, ok := (*t)[s]; ok {
		return kept
	}
	if *t == nil {
		*t = make(texts)
	}
	if len(*t) < manyTexts {
		(*t)[s] = s
	}
	return s
}

// sharing is what one scenario's events have in common.
type sharing struct {
	texts texts
	tries tryLists
}

// share lets what is kept of an event share its texts and lists with the events
// before it. Ids are its own.
func (k *sharing) share(e *Event) {
	switch {
	case e.Request != nil:
		e.Request.Err = k.texts.keep(e.Request.Err)
	case e.Served != nil:
		e.Served.Tries = k.tries.keep(e.Served.Tries)
	}
}

// roomy is the list with room for another value. A full one gets room for as
// many as it has: append would give a long one a quarter more, and so copy each
// value five times in the end.
func roomy[T any](list []T) []T {
	if len(list) == cap(list) {
		return slices.Grow(list, max(len(list), 64))
	}
	return list
}
