package template

import (
	"errors"
	"fmt"
	"io"
)

// What one execution of an override may cost. The shipped mails cost a
// hundredth of it.
const (
	maxBody    = 256 << 10 // bytes
	maxSubject = 1 << 10   // bytes
	maxSMS     = 1000      // characters
	maxWork    = 4 << 20   // bytes that functions look at, and what rounds and calls cost
	roundCost  = 256
	callCost   = 4096 // calls may go deep, which takes memory
)

// MaxSource is how long an override may be, in bytes.
const MaxSource = 256 << 10

var (
	errTooMuch = errors.New("does too much: loops, or templates that call each other, go on for too long")
	errTooLong = errors.New("writes too much")
)

// budget is what is left of one execution's work. Functions spend it by the
// size of what they are given, so that no loop can build up more than a small
// multiple of it.
type budget struct{ left int }

// spend panics when nothing is left: text/template turns a function's panic
// into an error of the execution.
func (b *budget) spend(n int) {
	b.left -= n
	if n < 0 || b.left < 0 {
		panic(errTooMuch)
	}
}

// weigh spends what it takes to write v, lists and maps in it included: the
// same list may be in a list many times over.
func (b *budget) weigh(v any) {
	switch v := v.(type) {
	case string:
		b.spend(len(v) + 1)
	case []any:
		b.spend(8)
		for _, one := range v {
			b.weigh(one)
		}
	case map[string]any:
		b.spend(8)
		for key, value := range v {
			b.spend(len(key))
			b.weigh(value)
		}
	case root:
		b.weigh(map[string]any(v))
	default:
		b.spend(24)
	}
}

// str is v as text, paid for.
func (b *budget) str(v any) string {
	b.weigh(v)
	return text(v)
}

// text is v as people read it; nothing for nothing.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// limited refuses what goes beyond left bytes.
type limited struct {
	io.Writer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		return 0, errTooLong
	}
	l.left -= len(p)
	return l.Writer.Write(p)
}
