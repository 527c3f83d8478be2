package hook

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"sync/atomic"
	"time"
)

// What an evaluation may cost. Loops inside loops, which nothing else bounds,
// count each of their steps and look at the time with each.
const (
	maxSteps   = 20_000
	maxLoops   = 25 * time.Millisecond
	maxPattern = 500      // instructions of a regular expression
	maxMatched = 16 << 10 // bytes that one is held against
)

// Names of ours that no condition can spell.
const (
	budgetName = "the budget"
	stepName   = "count a step"
	shortName  = "short enough"
)

var (
	errBudget = errors.New("it takes too many steps")
	errLong   = fmt.Errorf("a text of more than %d bytes is held against a pattern", maxMatched)
)

// budget is what is left to one evaluation.
type budget struct {
	steps int
	spent atomic.Bool
}

func (b *budget) spend() { b.spent.Store(true) }

// step counts a step of a loop.
func step(params ...any) (any, error) {
	b := params[0].(*budget)
	if b.steps--; b.steps < 0 || b.spent.Load() {
		return nil, errBudget
	}
	return true, nil
}

// short returns its argument unless it is too long a text for a pattern.
func short(params ...any) (any, error) {
	if text, ok := params[0].(string); ok && len(text) > maxMatched {
		return nil, errLong
	}
	return params[0], nil
}

// simple reports whether pattern can be held against every text in bounded time.
func simple(pattern string) bool {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return false
	}
	program, err := syntax.Compile(tree.Simplify())
	return err == nil && len(program.Inst) <= maxPattern
}
