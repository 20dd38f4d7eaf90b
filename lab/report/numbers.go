package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Numbers are written with a decimal point in every language, as the recorded
// sentences have it; thousands are set off by a comma in English and by a
// space in Spanish, never by a point.

// percentiles writes quantiles of sorted values, "p50 3.1 ms, p99 12 ms, ", with
// unit values to a millisecond; those that the values are too few for are left
// out.
func (l Lang) percentiles(sorted []int64, unit float64, qs ...float64) string {
	var b strings.Builder
	for _, q := range qs {
		if enoughFor(q, len(sorted)) {
			b.WriteString("p" + strconv.FormatFloat(100*q, 'f', -1, 64) + " " + l.ms(float64(quantile(sorted, q))/unit) + ", ")
		}
	}
	return b.String()
}

// count writes a whole number.
func (l Lang) count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sep := ","
	if l == Spanish {
		sep = "\u00a0"
	}
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(r)
	}
	if neg {
		return "-" + b.String()
	}
	return b.String()
}

// number writes v with three significant digits, whole when it is whole or at
// least a hundred.
func (l Lang) number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return notMeasured
	case a >= 1e15:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case v == math.Trunc(v) || a >= 99.95:
		return l.count(int64(math.Round(v)))
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a >= 0.0005:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// ms writes milliseconds with their unit, seconds from ten seconds on.
func (l Lang) ms(v float64) string {
	if math.IsNaN(v) {
		return notMeasured
	}
	if math.Abs(v) >= 10_000 {
		return l.number(v/1000) + " s"
	}
	return l.number(v) + " ms"
}

// seconds writes a duration with its unit, as people say it.
func (l Lang) seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return l.ms(milliseconds(d.Round(time.Millisecond)))
	case d < 100*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	d = d.Round(time.Second)
	if d < time.Hour {
		return strconv.Itoa(int(d.Minutes())) + " min " + strconv.Itoa(int(d.Seconds())%60) + " s"
	}
	return strconv.Itoa(int(d.Hours())) + " h " + strconv.Itoa(int(d.Minutes())%60) + " min"
}

// moment writes a time since some start, in seconds with two decimals.
func moment(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s" }

// percent writes a part of one with one decimal.
func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }

// value writes a metric's value with its unit.
func (l Lang) value(v float64, u unit) string {
	switch u {
	case unitMS:
		return l.ms(v)
	case unitShare:
		return percent(v)
	case unitNone:
		return l.number(v)
	case unitRPS:
		return l.number(v) + "/s"
	}
	return l.number(v) + " " + string(u)
}
