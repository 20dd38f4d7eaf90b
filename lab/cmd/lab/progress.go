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
	"inventariolab/lab/phrasebook"
	"inventariolab/lab/report"
)

// progress shows what goes on. In a terminal the newest line is kept alive
// with a clock, so that nobody wonders whether a long step hangs; elsewhere
// every line is printed once.
type progress struct {
	w    io.Writer
	lang report.Lang
	book *phrasebook.Book // of what is shown; nil for as it is
	live bool
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	begin   time.Time
	current string
	since   time.Time
}

func newProgress(w io.Writer, lang report.Lang, book *phrasebook.Book) *progress {
	p := &progress{w: w, lang: lang, book: book, live: isTerminal(w), done: make(chan struct{}), begin: time.Now()}
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

// line begins a new line, in the language of the progress; the one before stays
// as it was.
func (p *progress) line(text string) { p.show(p.book.Text(text)) }

func (p *progress) show(text string) {
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
		p.show(e.Begin.Name + ": " + p.book.Text(e.Begin.Title))
	case lab.KindStep:
		p.show("  " + p.book.Text(e.Text))
	case lab.KindFault:
		p.show(fmt.Sprintf("  %s %s: %s", p.book.Text("fault"), e.Fault.FaultSpec, p.book.Text(strings.ReplaceAll(string(e.Fault.Phase), "_", " "))))
	case lab.KindCheck:
		if c := e.Check; c.Verdict != lab.Pass {
			p.show(fmt.Sprintf("  %s: %s: %s %s, %s %s", p.lang.Verdict(c.Verdict), p.book.Text(c.Name),
				p.book.Text("want"), p.book.Text(c.Want), p.book.Text("got"), p.book.Text(c.Got)))
		}
	case lab.KindEnd:
		text := e.Scenario + ": " + p.lang.Verdict(e.End.Verdict)
		if e.End.Reason != "" {
			text += ": " + p.book.Text(e.End.Reason)
		}
		p.show(text)
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
