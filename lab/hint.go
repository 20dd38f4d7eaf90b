package lab

import "errors"

// HintError is an error with advice for the person who reads it.
type HintError struct {
	Err  error
	Hint string // one sentence: what to try
}

// Hint adds advice to err; nil stays nil.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &HintError{Err: err, Hint: hint}
}

// Error implements error; the hint is not part of it.
func (e *HintError) Error() string { return e.Err.Error() }

// Unwrap gives the error without the advice.
func (e *HintError) Unwrap() error { return e.Err }

// HintOf returns the outermost advice in err, or "".
func HintOf(err error) string {
	var h *HintError
	if errors.As(err, &h) {
		return h.Hint
	}
	return ""
}
