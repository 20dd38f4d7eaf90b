package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"inventariolab/lab"
)

// progress shows what goes on. In a terminal the newest line is kept alive
// with a clock, so that nobody wonders whether a long step hangs; elsewhere
// every line is printed once.
type progress struct {
	w    io.Writer
	live bool
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	begin   time.Time
	current string
	since   time.Time
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, live: isTerminal(w), done: make(chan struct{}), begin: time.Now()}
	if p.live {
		go p.tick()
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (p *progress) tick() {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-t.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// draw writes the current line over itself, cut to the terminal's width.
func (p *progress) draw() {
	if p.current == "" {
		return
	}
	line := clock(p.since.Sub(p.begin)) + "  " + p.current
	if d := time.Since(p.since); d >= time.Second {
		line += fmt.Sprintf(" (%.0f s)", d.Seconds())
	}
	if f, ok := p.w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 1 {
			if r := []rune(line); len(r) >= width {
				line = string(r[:width-1])
			}
		}
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// line begins a new line; the one before stays as it was.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live {
		fmt.Fprintf(p.w, "%s  %s\n", clock(time.Since(p.begin)), text)
		return
	}
	if p.current != "" {
		p.draw()
		fmt.Fprintln(p.w)
	}
	p.current, p.since = text, time.Now()
	p.draw()
}

// event shows the events of a run that a watcher wants to see.
func (p *progress) event(e lab.Event) {
	switch e.Kind {
	case lab.KindBegin:
		p.line(e.Begin.Name + ": " + e.Begin.Title)
	case lab.KindStep:
		p.line("  " + e.Text)
	case lab.KindFault:
		p.line(fmt.Sprintf("  fault %s: %s", e.Fault.FaultSpec, strings.ReplaceAll(string(e.Fault.Phase), "_", " ")))
	case lab.KindCheck:
		if e.Check.Verdict != lab.Pass {
			p.line(fmt.Sprintf("  %s: %s: want %s, got %s", strings.ToUpper(string(e.Check.Verdict)), e.Check.Name, e.Check.Want, e.Check.Got))
		}
	case lab.KindEnd:
		text := e.Scenario + ": " + strings.ToUpper(string(e.End.Verdict))
		if e.End.Reason != "" {
			text += ": " + e.End.Reason
		}
		p.line(text)
	}
}

// stop ends the living line; more than once does nothing.
func (p *progress) stop() {
	p.once.Do(func() {
		close(p.done)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.live && p.current != "" {
			p.draw()
			fmt.Fprintln(p.w)
		}
	})
}
