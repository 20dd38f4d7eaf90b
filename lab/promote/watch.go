package promote

import (
	"context"
	"errors"
	"time"
)

// WatchOptions say how closely to watch. The zero value takes the defaults.
type WatchOptions struct {
	Every time.Duration // between two looks; 0 means DefaultEvery
	Rule  Rule          // when the source is really gone
}

// rejoinPatience is how long a server that comes back may take to find the source
// by itself, before the watcher does it.
const rejoinPatience = 3 * time.Second

// Watch looks at the servers until ctx ends, and promotes when the source is
// really gone. A server that comes back is made to follow the new source, and
// rebuilt if it must be. It tells what it sees and does through Options.Event and
// goes on after an error, which it tells as well. It returns nil when ctx ends.
func (c *Cluster) Watch(ctx context.Context, opt WatchOptions) error {
	if opt.Every == 0 {
		opt.Every = DefaultEvery
	}
	if opt.Rule.Misses == 0 {
		opt.Rule.Misses = DefaultMisses
	}
	if opt.Rule.Stuck == 0 {
		opt.Rule.Stuck = DefaultStuck
	}
	w := &watcher{Cluster: c, opt: opt, before: Healthy, astray: map[string]time.Time{}}
	tick := time.NewTicker(opt.Every)
	defer tick.Stop()
	for {
		w.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type watcher struct {
	*Cluster
	opt    WatchOptions
	memory Memory
	before Diagnosis
	told   string               // the last complaint, so that it is told once
	astray map[string]time.Time // servers that answer and do not follow the source, since when
	rest   time.Time            // no further try before this
}

// look is one turn.
func (w *watcher) look(ctx context.Context) {
	servers := w.Look(ctx)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	diagnosis, why := w.opt.Rule.Judge(&w.memory, servers, now)
	if diagnosis != w.before || diagnosis == Healthy && w.told == "" {
		w.report(diagnosis, why)
	}
	w.before = diagnosis
	switch {
	case now.Before(w.rest):
	case diagnosis == Gone, diagnosis == Unfinished:
		w.promote(ctx)
	case diagnosis == Healthy:
		w.gather(ctx, servers, now)
	}
}

func (w *watcher) report(d Diagnosis, why string) {
	switch d {
	case Healthy:
		w.told = w.memory.Source
		w.tell("back", w.memory.Source, "%s is the source and answers", w.memory.Source)
	case Gone:
		w.tell("gone", w.memory.Source, "%s", why)
	default:
		w.tell("lost", w.memory.Source, "%s", why)
	}
}

// tryAgain is how long the watcher rests after something failed.
const tryAgain = time.Second

func (w *watcher) promote(ctx context.Context) {
	if _, err := w.Promote(ctx, ""); err != nil && ctx.Err() == nil {
		w.tell("note", "", "%v", err)
		w.rest = time.Now().Add(tryAgain)
	}
}

// gather brings back who has gone astray: first by patience, then by hand.
func (w *watcher) gather(ctx context.Context, servers []Server, now time.Time) {
	at := Source(servers)
	late := false
	for i, s := range servers {
		if i == at || !s.Up() || !strayed(s, servers[at]) {
			if _, was := w.astray[s.Name]; was && s.Up() {
				w.tell("back", s.Name, "%s follows %s", s.Name, servers[at].Name)
				delete(w.astray, s.Name)
			}
			continue
		}
		if since, known := w.astray[s.Name]; !known {
			w.astray[s.Name] = now
			w.tell("note", s.Name, "%s is there: %s", s.Name, troubleOf(s, servers[at]))
		} else if now.Sub(since) > rejoinPatience {
			late = true
		}
	}
	if !late {
		return
	}
	if _, err := w.Promote(ctx, ""); err != nil && ctx.Err() == nil { // repairs, since there is a source
		if !errors.Is(err, context.Canceled) {
			w.tell("note", "", "%v", err)
		}
		w.rest = time.Now().Add(tryAgain)
	}
}

// strayed: it needs to be told whom to follow. A replica of the source that is
// only out of touch, or broken, finds back by itself, or needs a person.
func strayed(s, source Server) bool { return s.Writable || !s.Channel || s.Follows != source.Name }
