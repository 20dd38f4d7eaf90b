package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"

	"inventariolab/lab"
	"inventariolab/lab/probe"
)

// products are those that a scenario has made and puts away at its end.
type products struct {
	mu    sync.Mutex
	made  []probe.Product
	doubt []string // codes of writes without an answer: they may be there
}

// addDoubt notes a code that may have been registered.
func (p *products) addDoubt(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubt = append(p.doubt, code)
}

func (p *products) add(made probe.Product) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = append(p.made, made)
}

// deleters is how many products are deleted at a time.
const deleters = 12

// delete makes a cleanup that deletes the products through the API, with the
// client's login, and closes the client.
func (p *products) delete(rec *lab.Recorder, c *probe.Client, path string) func(context.Context) error {
	return func(ctx context.Context) error {
		defer c.Close()
		p.mu.Lock()
		made, doubt := p.made, p.doubt
		p.mu.Unlock()
		for _, code := range doubt {
			found, _, err := c.List(ctx, path+"?code="+url.QueryEscape(code))
			if err != nil {
				return fmt.Errorf("look for %s: %w", code, err)
			}
			for _, one := range found {
				if one.Code == code { // an app that does not know ?code= lists others too
					made = append(made, one)
				}
			}
		}
		if len(made) == 0 {
			return nil
		}
		rec.Step("The %d products that were registered for this are deleted again.", len(made))
		var next atomic.Int64
		errs := make([]error, deleters)
		var wg sync.WaitGroup
		for k := range deleters {
			wg.Go(func() {
				twin := c.Twin()
				defer twin.Close()
				for i := int(next.Add(1)) - 1; i < len(made); i = int(next.Add(1)) - 1 {
					if errs[k] = twin.Delete(ctx, path, made[i].ID); errs[k] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("put the products away: %w", err)
		}
		return nil
	}
}
