package stack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"time"

	"github.com/moby/moby/client"
)

// Follow implements lab.Stack. The engine keeps only so much of a log (max-size
// and max-file of its options) and begins a new file when one is full. Who
// follows a log gets all of it, unless he reads so slowly that whole files go by.
func (s *Stack) Follow(ctx context.Context, service string, since time.Time) (io.ReadCloser, error) {
	id, err := s.containerID(ctx, service)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx) // nothing else ends a stream on which nothing is printed
	raw, err := s.engine.logs(ctx, id, client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Since: sinceParam(since), Follow: true, Timestamps: true,
	})
	if err != nil {
		cancel()
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		err := eachOnce(w, raw)
		_ = raw.Close()
		_ = w.CloseWithError(err)
	}()
	return &followed{r, cancel}, nil
}

// followed ends its stream when it is closed.
type followed struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (f *followed) Close() error {
	f.cancel()
	return f.ReadCloser.Close()
}

// repeats is how far back a line is looked for that is told twice. Seen at a
// change of files were up to some dozens.
const repeats = 1 << 12

// eachOnce copies lines, without the time stamp at their beginning. Docker's
// follower may tell the last lines of a file again when it changes to the next
// (seen with Engine 20.10); a line with the same stamp, of nanoseconds, and the
// same text is the same line.
func eachOnce(w io.Writer, r io.Reader) error {
	in, seed := bufio.NewReaderSize(r, 1<<16), maphash.MakeSeed()
	last, known := make([]uint64, repeats), make(map[uint64]bool, repeats)
	for n := 0; ; {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			if sum := maphash.Bytes(seed, line); !known[sum] {
				delete(known, last[n])
				last[n], known[sum] = sum, true
				n = (n + 1) % repeats
				if _, text, stamped := bytes.Cut(line, []byte(" ")); stamped {
					line = text
				}
				if _, err := w.Write(line); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow log: %w", err)
		}
	}
}
