package check

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// ordered are some of a list of requests, in the order of time. It holds their
// places, four bytes each, since a request is some hundred bytes and a run may
// have millions of them.
type ordered struct {
	reqs   []Req
	places []int32
}

// inOrder picks requests and puts them in the order in which they were sent;
// those of the same moment stay as they stand in the list.
func inOrder(reqs []Req, keep func(*Req) bool) ordered {
	n := 0
	for i := range reqs {
		if keep(&reqs[i]) {
			n++
		}
	}
	o := ordered{reqs, make([]int32, 0, n)}
	sorted, latest := true, time.Duration(0)
	for i := range reqs {
		if keep(&reqs[i]) {
			o.places = append(o.places, int32(i))
			sorted, latest = sorted && reqs[i].At >= latest, reqs[i].At
		}
	}
	if !sorted {
		slices.SortFunc(o.places, func(a, b int32) int {
			return cmp.Or(cmp.Compare(reqs[a].At, reqs[b].At), cmp.Compare(a, b))
		})
	}
	return o
}

func (o ordered) len() int { return len(o.places) }

func (o ordered) at(i int) *Req { return &o.reqs[o.places[i]] }

// position is the index of the first request sent at a moment or later.
func (o ordered) position(at time.Duration) int {
	i, _ := slices.BinarySearchFunc(o.places, at, func(p int32, at time.Duration) int { return cmp.Compare(o.reqs[p].At, at) })
	return i
}

// between are the requests sent in [from, to).
func (o ordered) between(from, to time.Duration) ordered {
	first := o.position(from)
	return ordered{o.reqs, o.places[first:max(o.position(to), first)]}
}

// all goes through the requests.
func (o ordered) all() iter.Seq[*Req] {
	return o.where(func(*Req) bool { return true })
}

// where goes through those that are wanted.
func (o ordered) where(want func(*Req) bool) iter.Seq[*Req] {
	return func(yield func(*Req) bool) {
		for _, p := range o.places {
			if r := &o.reqs[p]; want(r) && !yield(r) {
				return
			}
		}
	}
}

// count is how many a sequence goes through.
func count[T any](seq iter.Seq[T]) int {
	n := 0
	for range seq {
		n++
	}
	return n
}
