package calibrate

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"time"

	"inventariolab/lab/check"
	"inventariolab/lab/load"
)

// ours is the lab's own generator, in a closed loop as the others are.
type ours struct{}

// Name implements Generator.
func (ours) Name() string { return Ours }

// Fresh implements Generator.
func (ours) Fresh() bool { return true }

// Run implements Generator.
func (ours) Run(ctx context.Context, j Job) (Measured, error) {
	runtime.GC() // what others left is not its work
	before := processTime()
	r, err := load.Start(ctx, load.Options{
		Name: "calibrate", URL: j.URL, Clients: j.Clients, Requests: j.Requests, Fresh: !j.KeepAlive, Limit: runLimit,
		UntilClosed: true, // the quantity that ab measures
	})
	if err != nil {
		return Measured{}, err
	}
	samples := r.Wait()
	cpu := processTime() - before
	if err := r.Err(); err != nil {
		return Measured{}, err
	}
	m := Measured{Kept: -1}
	var latencies []float64
	var first, last time.Time
	for _, s := range samples {
		if s.Err != nil || s.Status/100 != 2 {
			m.Failed++
			continue
		}
		latencies = append(latencies, s.Latency.Seconds())
		if first.IsZero() || s.Sent.Before(first) {
			first = s.Sent
		}
		if end := s.Sent.Add(s.Latency); end.After(last) {
			last = end
		}
	}
	return m.from(latencies, last.Sub(first)).with(cpu), nil
}

// heyLibrary is rakyll/hey's requester as scenario load uses it.
type heyLibrary struct{}

// Name implements Generator.
func (heyLibrary) Name() string { return HeyLibrary }

// Fresh implements Generator.
func (heyLibrary) Fresh() bool { return true }

// Run implements Generator.
func (heyLibrary) Run(ctx context.Context, j Job) (Measured, error) {
	runtime.GC()
	before := processTime()
	res, err := load.Hey(ctx, load.HeyOptions{
		Name: "calibrate", URL: j.URL, Header: http.Header{"Accept-Encoding": {"identity"}},
		Requests: j.Requests, Concurrency: j.Clients, KeepAlive: j.KeepAlive,
	})
	if err != nil {
		return Measured{}, err
	}
	cpu := processTime() - before
	m := Measured{Kept: -1, Failed: res.Total() - len(res.Samples)}
	var latencies []float64
	for _, s := range res.Samples {
		if s.Status/100 != 2 {
			m.Failed++
			continue
		}
		latencies = append(latencies, s.Latency.Seconds())
	}
	return m.from(latencies, res.Took).with(cpu), nil
}

// from fills a result in from latencies in seconds.
func (m Measured) from(latencies []float64, took time.Duration) Measured {
	m.Answered = len(latencies)
	if m.Answered == 0 {
		return m
	}
	slices.Sort(latencies)
	seconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	m.P50, m.P99 = seconds(check.Quantile(latencies, 0.50)), seconds(check.Quantile(latencies, 0.99))
	m.Rate = float64(m.Answered) / took.Seconds()
	return m
}
