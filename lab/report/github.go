package report

import (
	"bytes"
	"fmt"
	"os"

	"inventariolab/lab"
)

// JobSummaryVar is the environment variable in which GitHub Actions names the
// file that a step's summary is appended to.
const JobSummaryVar = "GITHUB_STEP_SUMMARY"

// jobSummaryLimit is the most that GitHub shows of one step's summary; of more
// it shows nothing.
const jobSummaryLimit = 1 << 20

// JobSummary appends the report's Markdown to the file of a GitHub Actions job
// summary. The pictures are left out, since a summary cannot show files; they
// are told in words, and are in the kept report. What would be too long becomes
// the summary for terminals.
func JobSummary(path string, run *lab.Run, opts ...Option) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	b, err := jobSummary(run, jobSummaryLimit-info.Size(), opts)
	if err != nil {
		return fmt.Errorf("render the job summary: %w", err)
	}
	if _, err := f.Write(b); err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	return nil
}

func jobSummary(run *lab.Run, limit int64, opts []Option) ([]byte, error) {
	doc, err := newDocument(run, newConfig(opts))
	if err != nil {
		return nil, err
	}
	doc.Bare = true
	b, err := markdown(doc)
	if err != nil || int64(len(b)) <= limit {
		return b, err
	}
	var short bytes.Buffer
	if err := Summary(&short, run, false, opts...); err != nil {
		return nil, err
	}
	text := []byte(fence(short.String()) + "\n")
	if int64(len(text)) <= limit {
		return text, nil
	}
	return []byte(inline(doc.Headline()) + "\n"), nil
}
