// Package compare says which metrics of recorded runs differ beyond the noise
// within the runs. It compares samples by a test, never two numbers by eye; a
// number without samples behind it is shown without a claim. It does no I/O.
//
// # The test
//
// Neighbouring requests are alike: they meet the same queue and the same
// garbage collection. Taken as independent, thousands of them make every
// hiccup "significant". So each stream of samples is cut, in the order of time,
// into blocks of equal size (batch means, with quantiles for means), a
// quantile is taken of each, and the blocks' values are compared by the
// two-sided Mann-Whitney U test, which assumes no distribution
// (golang.org/x/perf/benchmath). The p-values are adjusted for the number of
// tests (Holm), so that Alpha is the probability of even one false alarm in
// the whole comparison, as far as blocks are independent.
//
// What this test cannot know is how much two sittings differ when nothing was
// changed, since each run is one sitting. With repeated runs on a side (Groups)
// it can be known: then every run gives one value, and the same U test compares
// the values of the runs. That takes runs, since of three a side not even the
// clearest difference has a p below 0.1; LeastRuns says how many.
package compare
