package report

import "slices"

// binned holds values by bin in one piece of memory, made at its final size:
// first every value is announced, then put. A run may have millions of them.
type binned struct {
	ends   []int // of each bin in values; while values are announced, their numbers
	values []int64
}

func newBinned(bins int) *binned { return &binned{ends: make([]int, bins)} }

// announce counts a value that will be put into a bin.
func (b *binned) announce(bin int) { b.ends[bin]++ }

// makeRoom ends the announcing.
func (b *binned) makeRoom() {
	all := 0
	for i, n := range b.ends {
		b.ends[i] = all // where the bin begins, and where its next value goes
		all += n
	}
	b.values = make([]int64, all)
}

// put adds a value that was announced.
func (b *binned) put(bin int, v int64) {
	b.values[b.ends[bin]] = v
	b.ends[bin]++
}

// sort ends the putting: every bin is sorted.
func (b *binned) sort() {
	for i := range b.ends {
		slices.Sort(b.of(i))
	}
}

// of is the values of a bin.
func (b *binned) of(bin int) []int64 {
	from := 0
	if bin > 0 {
		from = b.ends[bin-1]
	}
	return b.values[from:b.ends[bin]:b.ends[bin]]
}
