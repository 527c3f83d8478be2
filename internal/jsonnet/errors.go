package jsonnet

import (
	"errors"
	"fmt"
)

// Why there is no result although the program may be without fault. Errors that
// wrap them begin with the program's name.
var (
	// ErrTimeout means the evaluation took longer than Pool.Timeout or Pool.CPU.
	ErrTimeout = errors.New("the evaluation took too long")
	// ErrMemory means the evaluation needed more than Pool.Memory.
	ErrMemory = errors.New("the evaluation needs too much memory")
	// ErrDepth means the program recurses or nests without end.
	ErrDepth = errors.New("the program recurses or nests too deeply")
	// ErrTooLarge means program and arguments exceed Pool.MaxInput, or the result Pool.MaxOutput.
	ErrTooLarge = errors.New("too large")
	// ErrCrashed means the child ended for another reason, or answered nonsense.
	ErrCrashed = errors.New("the evaluating process ended unexpectedly")
	// ErrClosed means the pool was closed, before or meanwhile.
	ErrClosed = errors.New("the pool is closed")
)

// Error is a fault of a program: it does not parse, fails at run time, calls
// `error`, or its result is not what was asked for.
type Error struct {
	// Name is the program's, as given.
	Name string `json:"-"`
	// Line and Column count from 1, columns in characters. Both are 0 where the
	// fault has no place in the program, such as a missing top-level argument.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Reason is one line. For `error "cancel"` it is `cancel`. What is neither
	// written in the program nor the interpreter's own wording stands as "…".
	Reason string `json:"reason"`
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Name, e.Reason)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Reason)
}

// Final reports whether err is of a program that would fail again with the same
// arguments.
func Final(err error) bool {
	fault := (*Error)(nil)
	return errors.As(err, &fault) || errors.Is(err, ErrDepth) || errors.Is(err, ErrMemory) || errors.Is(err, ErrTooLarge)
}
