package promote

// Server is what one look at a database server has shown.
type Server struct {
	Name string // of the service
	Err  error  // why nothing else is known; nil when it answered

	UUID      string
	Writable  bool   // neither read_only nor super_read_only
	Term      int64  // the newest promotion that it knows; 0 for none
	Holder    string // the uuid of that promotion's source
	Channel   bool   // it is set up to follow somebody
	Follows   string // … whom, by host name
	FollowsID string // … and by uuid; "" before it ever connected
	Receiver  string // "ON", "CONNECTING" or "OFF"; "" without a channel
	Applier   string // "ON" or "OFF"; "" without a channel
	Trouble   string // the last error of its replication; "" for none
	Executed  GTIDs  // what it shows
	Received  GTIDs  // what it shows and what waits in its relay log
}

// Up says whether the server answered.
func (s Server) Up() bool { return s.Err == nil }

// hears says whether the server is in touch with its source.
func (s Server) hears() bool { return s.Up() && s.Channel && s.Receiver == "ON" }

// ended says that no receiver of the server runs or tries to.
func (s Server) ended() bool { return s.Up() && (!s.Channel || s.Receiver == "OFF") }

// Source finds the server that is the source by right: writable, and of the
// newest promotion that anybody knows. Its index, or -1.
func Source(servers []Server) int {
	term, holder := newestTerm(servers)
	for i, s := range servers {
		if s.Up() && s.Writable && !s.Channel && s.Term == term && s.UUID == holder {
			return i
		}
	}
	return -1
}

// newestTerm is the newest promotion that anybody who answers knows, and the uuid
// of its source.
func newestTerm(servers []Server) (term int64, holder string) {
	for _, s := range servers {
		if s.Up() && s.Term > term {
			term, holder = s.Term, s.Holder
		}
	}
	return term, holder
}

// formerSource names the server that is, or was last, the source: the holder of
// the newest term if it answers, else whom most of the others follow, else given.
func formerSource(servers []Server, given string) string {
	_, holder := newestTerm(servers)
	votes := map[string]int{}
	for _, s := range servers {
		if s.Up() && s.UUID == holder {
			return s.Name
		}
		if s.Up() && s.Channel && s.Follows != "" {
			votes[s.Follows]++
		}
	}
	best := given
	for _, s := range servers { // in their order, so that a tie is always decided alike
		if votes[s.Name] > votes[best] {
			best = s.Name
		}
	}
	return best
}

// suspects names the servers that may be writable without answering, and so must
// be proven not to run before another one is opened. If it is not known which of
// the silent ones was the source of the newest promotion, that is all of them.
func suspects(servers []Server) []string {
	_, holder := newestTerm(servers)
	named, silent := "", []string(nil)
	for _, s := range servers {
		switch {
		case !s.Up():
			silent = append(silent, s.Name)
		case s.UUID == holder:
			return nil
		case s.FollowsID == holder:
			named = s.Follows
		}
	}
	if named != "" {
		return []string{named}
	}
	return silent
}
