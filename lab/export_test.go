package lab

import "io"

// ParseRunPlain is ParseRun with every line through encoding/json.
func ParseRunPlain(r io.Reader) (*Run, error) { return parseRun(r, nil) }

// AppendLine is a line as the recorder writes it; usual says whether it took
// the way for frequent events.
func AppendLine(e *Event) (line []byte, usual bool, err error) {
	_, usual = appendFrequent(nil, e)
	line, err = appendLine(nil, e)
	return line, usual, err
}
