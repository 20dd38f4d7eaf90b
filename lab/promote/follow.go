package promote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// follow makes a server a replica of source. A server that follows somebody
// already keeps its login.
func (c *Cluster) follow(ctx context.Context, p *peer, s Server, source string) error {
	change, args := "CHANGE REPLICATION SOURCE TO SOURCE_HOST = ?, SOURCE_PORT = ?, SOURCE_AUTO_POSITION = 1", []any{source, c.opt.Database.Port}
	if !s.Channel {
		change += ", SOURCE_USER = ?, SOURCE_PASSWORD = ?, SOURCE_SSL = 1, SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 604800, SOURCE_HEARTBEAT_PERIOD = 2"
		args = append(args, c.opt.Database.Replication.User, c.opt.Database.Replication.Password)
	}
	if err := p.run(ctx, "SET GLOBAL super_read_only = ON", "SET GLOBAL rpl_semi_sync_source_enabled = OFF", "STOP REPLICA"); err != nil {
		return err
	}
	if err := p.exec(ctx, stepTimeout, change, args...); err != nil {
		return err
	}
	if err := p.run(ctx, slices.Concat(replicaPace, []string{"START REPLICA"})...); err != nil {
		return err
	}
	c.tell("followed", p.name, "%s follows %s", p.name, source)
	return nil
}

// tellAgain is how long a replica may take to connect to the source.
const tellAgain = 2 * time.Second

// repair sees to it that every server that answers follows the source, and waits
// until it does. Servers that do not answer are told in the notes: when they
// start, they find the source by themselves.
func (c *Cluster) repair(ctx context.Context, at int) (notes []string, err error) {
	source := c.peers[at]
	end := time.Now().Add(verifyTimeout)
	asked := map[string]time.Time{}
	for {
		servers := c.Look(ctx)
		now := servers[at]
		if !now.Up() || !now.Writable {
			return notes, fmt.Errorf("%s ceased to be the source while its replicas were looked after", source.name)
		}
		var waiting, silent []string
		for i, s := range servers {
			switch {
			case i == at:
			case !s.Up():
				silent = append(silent, s.Name)
			case followsWell(s, now):
			default:
				waiting = append(waiting, s.Name+": "+troubleOf(s, now))
				if _, told := asked[s.Name]; !told && s.Follows == now.Name {
					asked[s.Name] = time.Now() // it is told already, and may be about to connect
				}
				if time.Since(asked[s.Name]) < tellAgain && s.Follows == now.Name {
					continue
				}
				if err := c.bring(ctx, c.peers[i], s, source); err != nil {
					return notes, err
				}
				asked[s.Name] = time.Now()
			}
		}
		switch {
		case len(waiting) == 0:
			for _, name := range silent {
				notes = append(notes, name+" does not answer; when it starts it will follow "+source.name)
			}
			now = source.look(ctx) // later than the others: what they have from it is in it
			for i, s := range servers {
				if extra := s.Executed.Minus(now.Executed); i != at && s.Up() && now.Up() && extra.Count() > 0 {
					notes = append(notes, fmt.Sprintf("%s has %d transactions that %s lacks (%s)", s.Name, extra.Count(), source.name, extra))
				}
			}
			c.tell("verified", source.name, "%d replicas follow %s", len(servers)-1-len(silent), source.name)
			return notes, c.semiSync(ctx, source)
		case time.Now().After(end) || ctx.Err() != nil:
			return notes, errors.Join(fmt.Errorf("not every replica follows %s: %v", source.name, waiting), ctx.Err())
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// semiSync switches the waiting for a replica on, if there is one.
func (c *Cluster) semiSync(ctx context.Context, source *peer) error {
	if n, err := source.confirming(ctx); err != nil || n == 0 {
		return err
	}
	return source.run(ctx, "SET GLOBAL rpl_semi_sync_source_enabled = ON")
}

// followsWell: read-only, in touch with the source, applying, and with nothing
// that the source lacks.
func followsWell(s, source Server) bool { return troubleOf(s, source) == "" }

// troubleOf is what is wrong with a replica, "" for nothing.
func troubleOf(s, source Server) string {
	switch {
	case s.Writable:
		return "it is writable"
	case !s.Channel:
		return "it follows nobody"
	case s.Follows != source.Name:
		return "it follows " + s.Follows
	case s.Receiver != "ON":
		return "receiver " + s.Receiver + " " + s.Trouble
	case s.FollowsID != source.UUID:
		return "it follows another server by that name"
	case s.Applier != "ON":
		return "applier " + s.Applier + " " + s.Trouble
	}
	return ""
}

// bring makes a server follow the source; one that has something which the source
// lacks is rebuilt from it.
func (c *Cluster) bring(ctx context.Context, p *peer, s Server, source *peer) error {
	if s.Writable {
		if err := c.fenceBySQL(ctx, p); err != nil {
			return err
		}
		s = p.look(ctx)
		if !s.Up() {
			return nil // the next look will tell
		}
	}
	now := source.look(ctx) // later than s: what s has from the source is in it
	if !now.Up() {
		return fmt.Errorf("%s: %w", source.name, now.Err)
	}
	if extra := s.Executed.Minus(now.Executed); extra.Count() > 0 {
		return c.rebuild(ctx, p, source, extra)
	}
	return c.follow(ctx, p, s, source.name)
}

// rebuildTimeout is how long a copy of the data may take.
const rebuildTimeout = 5 * time.Minute

// rebuild replaces everything a server has by a copy of the source's data. What it
// alone had is gone then: under semi-synchronous replication nobody was ever told
// that it was saved.
func (c *Cluster) rebuild(ctx context.Context, p, source *peer, extra GTIDs) error {
	if extra.Count() > 0 {
		c.tell("note", p.name, "%s has %d transactions that %s lacks (%s): it is rebuilt, and they are discarded", p.name, extra.Count(), source.name, extra)
	}
	ctx, cancel := context.WithTimeout(ctx, rebuildTimeout)
	defer cancel()
	donor := fmt.Sprintf("%s:%d", source.name, c.opt.Database.Port)
	// CLONE writes, so it needs a server that is read-only for others only. After the
	// restart it is read-only for everybody again.
	if err := p.run(ctx, "STOP REPLICA", "SET GLOBAL read_only = ON", "SET GLOBAL super_read_only = OFF"); err != nil {
		return err
	}
	if err := p.exec(ctx, stepTimeout, "SET GLOBAL clone_valid_donor_list = ?", donor); err != nil {
		return err
	}
	op := c.opt.Database.Operator
	err := p.exec(ctx, rebuildTimeout, fmt.Sprintf("CLONE INSTANCE FROM ?@?:%d IDENTIFIED BY ? REQUIRE SSL", c.opt.Database.Port), op.User, source.name, op.Password)
	if number(err) != 0 { // else the connection has ended, because the server restarts
		_ = p.run(context.WithoutCancel(ctx), "SET GLOBAL super_read_only = ON")
		return fmt.Errorf("rebuild from %s: %w", source.name, err)
	}
	for {
		s := p.look(ctx)
		if s.Up() && !s.Channel || s.Up() && s.Follows == source.name {
			if s.Executed.Has(extra) && s.Executed.Minus(source.look(ctx).Executed).Count() > 0 {
				pause(ctx, 100*time.Millisecond) // it has not restarted yet
				continue
			}
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for %s to come back after it was rebuilt: %w", p.name, ctx.Err())
		}
		pause(ctx, 100*time.Millisecond)
	}
	c.tell("rebuilt", p.name, "%s has been rebuilt from %s", p.name, source.name)
	return c.followOnce(ctx, p, source.name)
}

// followOnce makes a rebuilt server follow, unless it has begun to by itself.
func (c *Cluster) followOnce(ctx context.Context, p *peer, source string) error {
	s := p.look(ctx)
	if !s.Up() || s.Channel {
		return nil // the next look will tell
	}
	return c.follow(ctx, p, s, source)
}

// Rebuild replaces everything that a replica has by a copy of the source's data,
// while the source goes on, and makes it follow the source again. It returns when
// the replica does.
func (c *Cluster) Rebuild(ctx context.Context, name string) error {
	p := c.named(name)
	if p == nil {
		return fmt.Errorf("rebuild: no database server %q", name)
	}
	release, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	at := Source(c.Look(ctx))
	if at < 0 || c.peers[at] == p {
		return fmt.Errorf("rebuild %s: there is no other source to copy", name)
	}
	if err := c.rebuild(ctx, p, c.peers[at], GTIDs{}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rebuildTimeout)
	defer cancel()
	for {
		state, err := p.cloned(ctx)
		switch {
		case err == nil && state == "Completed":
			_, err := c.repair(ctx, at)
			return err
		case err == nil && state == "Failed":
			return fmt.Errorf("rebuild %s: the copy failed, its log says why", name)
		case ctx.Err() != nil:
			return errors.Join(fmt.Errorf("wait for the copy at %s (%s)", name, state), err)
		}
		pause(ctx, 100*time.Millisecond)
	}
}
