package calibrate

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fields finds "name: number" lines in a tool's output.
type fields map[string]string

var fieldLine = regexp.MustCompile(`^\s*([A-Za-z0-9/ -]+):\s+([0-9.]+)`)

func readFields(text string) fields {
	f := make(fields)
	for line := range strings.Lines(text) {
		if m := fieldLine.FindStringSubmatch(line); m != nil {
			if _, twice := f[m[1]]; !twice { // ab has two "Time per request": the first counts
				f[m[1]] = m[2]
			}
		}
	}
	return f
}

func (f fields) number(name string) (float64, error) {
	text, ok := f[name]
	if !ok {
		return 0, fmt.Errorf("its output has no line %q", name)
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("its line %q: %w", name, err)
	}
	return v, nil
}

// optional is number, or 0 for a line that is printed only when it is not 0.
func (f fields) optional(name string) int {
	v, err := f.number(name)
	if err != nil {
		return 0
	}
	return int(v)
}

// parseAB reads the output of ab and the file that it writes with -e. The
// percentiles of the output are whole milliseconds; the file has microseconds.
func parseAB(out string, percentiles io.Reader) (Measured, error) {
	f := readFields(out)
	done, err := f.number("Complete requests")
	if err != nil {
		return Measured{}, err
	}
	rate, err := f.number("Requests per second")
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Rate: rate, Kept: -1, Failed: f.optional("Failed requests") + f.optional("Non-2xx responses")}
	m.Answered = int(done) - m.Failed
	if kept, err := f.number("Keep-Alive requests"); err == nil {
		m.Kept = int(kept)
	}
	rows, err := csv.NewReader(percentiles).ReadAll()
	if err != nil {
		return m, fmt.Errorf("read its percentiles: %w", err)
	}
	for _, r := range rows {
		ms, err := strconv.ParseFloat(r[1], 64)
		if err != nil {
			continue // the heading
		}
		switch r[0] {
		case "50":
			m.P50 = millis(ms)
		case "99":
			m.P99 = millis(ms)
		}
	}
	if m.P50 == 0 || m.P99 == 0 {
		return m, errors.New("its percentiles have no 50 or no 99")
	}
	return m, nil
}

func millis(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }

var (
	wrkPercent  = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([0-9.]+)(us|ms|s|m|h)$`)
	wrkRequests = regexp.MustCompile(`(?m)^\s*([0-9]+) requests in `)
	wrkErrors   = regexp.MustCompile(`(?m)^\s*Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)`)
)

// parseWrk reads the output of wrk --latency.
func parseWrk(out string) (Measured, error) {
	f := readFields(out)
	rate, err := f.number("Requests/sec")
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Rate: rate, Kept: -1, Failed: f.optional("Non-2xx or 3xx responses")}
	if e := wrkErrors.FindStringSubmatch(out); e != nil {
		for _, n := range e[1:] {
			v, _ := strconv.Atoi(n)
			m.Failed += v
		}
	}
	if n := wrkRequests.FindStringSubmatch(out); n != nil {
		m.Answered, _ = strconv.Atoi(n[1])
	}
	for _, p := range wrkPercent.FindAllStringSubmatch(out, -1) {
		d, err := time.ParseDuration(p[2] + p[3])
		if err != nil {
			return m, fmt.Errorf("its percentiles: %w", err)
		}
		if p[1] == "50" {
			m.P50 = d
		} else {
			m.P99 = d
		}
	}
	if m.P50 == 0 || m.P99 == 0 {
		return m, errors.New("its output has no 50 % or no 99 %")
	}
	return m, nil
}

var (
	heyPercent = regexp.MustCompile(`^\s+(50|99)%+ in ([0-9.]+) secs`)
	heyCount   = regexp.MustCompile(`^\s+\[([0-9]+)\]\s+([0-9]+) responses`)
	heyError   = regexp.MustCompile(`^\s+\[([0-9]+)\]\s+\S`)
)

// parseHey reads the output of the command hey. Its percentiles have a tenth of
// a millisecond.
func parseHey(out string) (Measured, error) {
	rate, err := readFields(out).number("Requests/sec")
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Rate: rate, Kept: -1}
	lines := bufio.NewScanner(strings.NewReader(out))
	section := ""
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, " ") {
			section, _, _ = strings.Cut(line, ":")
			continue
		}
		switch section {
		case "Latency distribution":
			if p := heyPercent.FindStringSubmatch(line); p != nil {
				secs, _ := strconv.ParseFloat(p[2], 64)
				if p[1] == "50" {
					m.P50 = millis(secs * 1000)
				} else {
					m.P99 = millis(secs * 1000)
				}
			}
		case "Status code distribution":
			if c := heyCount.FindStringSubmatch(line); c != nil {
				n, _ := strconv.Atoi(c[2])
				if strings.HasPrefix(c[1], "2") {
					m.Answered += n
				} else {
					m.Failed += n
				}
			}
		case "Error distribution":
			if e := heyError.FindStringSubmatch(line); e != nil {
				n, _ := strconv.Atoi(e[1])
				m.Failed += n
			}
		}
	}
	if m.Failed == 0 && (m.P50 == 0 || m.P99 == 0) {
		return m, errors.New("its output has no 50 % or no 99 %")
	}
	return m, nil
}
