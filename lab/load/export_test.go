package load

// IdleCheck is the break from which on a kept connection is looked at.
const IdleCheck = idleCheck

// Goroutines lets a load run as it does on systems that have no loops.
func Goroutines(o Options) Options {
	o.goroutines = true
	return o
}
