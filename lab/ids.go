package lab

import "hash/maphash"

// IDs finds places in a list by the id that stands there. It holds no copy of
// the ids and six to twelve bytes a place: a run may have millions of them.
type IDs struct {
	id    func(i int) string
	slots []int32 // 1 + place; 0 where there is none
	seed  maphash.Seed
	n     int // places that are indexed
	again map[int]int
}

// IndexIDs indexes the places 0 to n-1 of a list, of which id tells the ids.
// They must stay as they are as long as the index is used. A place whose id is
// empty is not in the index.
func IndexIDs(n int, id func(i int) string) *IDs {
	x := roomForIDs(n, id)
	x.extend(n)
	return x
}

// roomForIDs is an index of a list that is going to have n places.
func roomForIDs(n int, id func(i int) string) *IDs {
	size := 4
	for size < n*3/2 {
		size *= 2
	}
	return &IDs{id: id, slots: make([]int32, size), seed: maphash.MakeSeed()}
}

// extend indexes the places up to n-1 that have come since.
func (x *IDs) extend(n int) {
	if n*3/2 > len(x.slots) { // more than there was to be room for
		larger := roomForIDs(2*n, x.id)
		larger.extend(x.n)
		*x = *larger
	}
	for ; x.n < n; x.n++ {
		id := x.id(x.n)
		if id == "" { // as many as there are, they would be one id's
			continue
		}
		switch slot := x.slot(id); {
		case x.slots[slot] == 0:
			x.slots[slot] = int32(x.n) + 1
		case x.again == nil:
			x.again = make(map[int]int)
			fallthrough
		default:
			x.again[x.n] = int(x.slots[slot]) - 1
		}
	}
}

// slot is where an id is, or where it would be. That two ids share a hash does
// no harm: it is the id that is compared.
func (x *IDs) slot(id string) int {
	mask := len(x.slots) - 1
	at := int(maphash.String(x.seed, id)) & mask
	for x.slots[at] != 0 && x.id(int(x.slots[at]-1)) != id {
		at = (at + 1) & mask
	}
	return at
}

// First is the first place with an id, -1 without one.
func (x *IDs) First(id string) int { return int(x.slots[x.slot(id)]) - 1 }

// Again are the places whose id stands at an earlier place too, with the first
// such place.
func (x *IDs) Again() map[int]int { return x.again }
