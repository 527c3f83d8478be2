package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Bounds of a condition. What the values in ctx are, strangers decide.
const (
	maxConditionSource = 4 << 10 // bytes
	maxConditionNodes  = 256     // of its syntax tree
)

// variables are what a condition may name. A zero value says no more than its type.
var variables = map[string]any{
	"flow":            map[string]any{},
	"identity":        map[string]any{},
	"session":         map[string]any{},
	"request_headers": map[string]any{},
	"request_method":  "",
	"request_url":     "",
	"request_cookies": map[string]any{},
}

// functions are the built-in ones that a condition may call. None makes more of
// what it is given, none reaches outside.
var functions = []string{"all", "any", "count", "none", "one", "len", "lower", "trim", "upper"}

// Condition is an expression over a hook's ctx that says whether the hook is
// called. It is safe for use by many callers at once. A nil Condition holds
// always.
//
// The language is that of expr-lang.org without variables, ranges, loops inside
// loops and most functions. What ctx does not have is nil, and so is every field
// of it; an absent list is an empty one. nil equals nothing but nil, contains
// nothing and matches nothing. It is an error to order it (<), to calculate with
// it or to measure it: `?? 0` says what to take instead. In place of true or
// false it is false. Numbers are float64.
type Condition struct {
	program *vm.Program
	names   []string // of the variables it uses
}

// CompileCondition reads a condition. An error begins with the place, as in
// "condition:1:5: ", and contains no text that the condition has in quotes.
func CompileCondition(source string) (*Condition, error) {
	if len(source) > maxConditionSource {
		return nil, fmt.Errorf("condition: it has %d bytes, at most %d are allowed", len(source), maxConditionSource)
	}
	c := &Condition{}
	guard := &guard{condition: c}
	options := []expr.Option{
		expr.Env(variables), expr.AsBool(), expr.MaxNodes(maxConditionNodes), expr.Patch(guard), expr.DisableAllBuiltins(),
	}
	for _, name := range functions {
		options = append(options, expr.EnableBuiltin(name))
	}
	var err error
	c.program, err = expr.Compile(source, options...)
	if guard.err != nil { // what the compiler makes of a refused node is no news
		return nil, at(guard.err.Bind(file.NewSource(source)), guard.err.Message)
	}
	if err != nil {
		return nil, at(err, compileReason(err))
	}
	return c, nil
}

// Holds evaluates the condition over ctx, whose values may be whatever
// encoding/json can marshal, in time that is linear in their size. An error names
// the place in the condition and quotes no value.
func (c *Condition) Holds(env map[string]any) (bool, error) {
	if c == nil {
		return true, nil
	}
	known := map[string]any{}
	for _, name := range c.names {
		raw, err := json.Marshal(env[name])
		if err != nil { // its text may quote the value
			return false, fmt.Errorf("condition: ctx.%s cannot be JSON (%T)", name, env[name])
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return false, fmt.Errorf("condition: ctx.%s cannot be read back as JSON", name)
		}
		if zero, text := variables[name].(string); text && value == nil {
			value = zero // which the compiler counts on
		}
		known[name] = value
	}
	result, err := (&vm.VM{}).Run(c.program, known)
	if err != nil {
		return false, at(err, runReason(err))
	}
	holds, ok := result.(bool)
	if !ok {
		return false, errors.New("condition: its result is neither true nor false")
	}
	return holds, nil
}

// at puts the place of a fault before its reason.
func at(err error, reason string) error {
	if f := (*file.Error)(nil); errors.As(err, &f) && f.Line > 0 {
		return fmt.Errorf("condition:%d:%d: %s", f.Line, f.Column+1, reason)
	}
	return fmt.Errorf("condition: %s", reason)
}

var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")

// compileReason is the compiler's own, on one line and without what the
// condition has in quotes, which may be secret.
func compileReason(err error) string {
	message := err.Error()
	if f := (*file.Error)(nil); errors.As(err, &f) {
		message = f.Message
	}
	first, _, _ := strings.Cut(quoted.ReplaceAllString(message, "…"), "\n")
	if strings.ContainsAny(first, "\"`") {
		return "it cannot be read"
	}
	return first
}

// runReason says why an evaluation failed, in words of ours: the interpreter's
// hold values.
func runReason(err error) string {
	f := (*file.Error)(nil)
	if !errors.As(err, &f) {
		return "it cannot be evaluated"
	}
	for _, known := range []struct{ begins, reason string }{
		{"cannot fetch", "a field is asked of what has none"},
		{"index out of range", "the list has no such entry"},
		{"invalid operation", "the operator does not fit its operands: nothing, or another type"},
		{"interface conversion", "the operator does not fit its operands: nothing, or another type"},
		{"reflect:", "something other than a list or text stands where one is needed"},
	} {
		if strings.HasPrefix(f.Message, known.begins) {
			return known.reason
		}
	}
	return "it cannot be evaluated with these values"
}

// guard notes what a condition uses and refuses what could take long, while it
// is compiled.
type guard struct {
	condition *Condition
	err       *file.Error // the first refusal
}

// Visit is called for every node after those below it.
func (g *guard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		if _, known := variables[n.Value]; known && !slices.Contains(g.condition.names, n.Value) {
			g.condition.names = append(g.condition.names, n.Value)
		} else if n.Value == "$env" {
			g.refuse(n, "$env is not allowed")
		}
	case *ast.MemberNode:
		n.Optional = true // of what is absent every field is absent
		ast.Patch(node, &ast.ChainNode{Node: n})
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			n.Node = orElse(n.Node, &ast.BoolNode{})
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "..":
			g.refuse(n, "ranges are not allowed: compare with >= and <=")
		case "and", "&&", "or", "||":
			n.Left, n.Right = orElse(n.Left, &ast.BoolNode{}), orElse(n.Right, &ast.BoolNode{})
		}
	case *ast.BuiltinNode:
		g.builtin(n)
	case *ast.CallNode:
		g.refuse(n, "there is no such function")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		g.refuse(n, "variables and sequences are not allowed")
	}
}

// builtin takes an absent list for an empty one. The compiler knows functions
// with loops that were not enabled.
func (g *guard) builtin(n *ast.BuiltinNode) {
	if !slices.Contains(functions, n.Name) {
		g.refuse(n, "there is no such function")
		return
	}
	loop, ok := n.Arguments[len(n.Arguments)-1].(*ast.PredicateNode)
	if !ok {
		return
	}
	n.Arguments[0], loop.Node = orElse(n.Arguments[0], &ast.ArrayNode{}), orElse(loop.Node, &ast.BoolNode{})
	if inner := ast.Find(loop.Node, func(n ast.Node) bool { _, loops := n.(*ast.PredicateNode); return loops }); inner != nil {
		g.refuse(inner, "a loop inside a loop is not allowed")
	}
}

func (g *guard) refuse(n ast.Node, why string) {
	if g.err == nil {
		g.err = &file.Error{Location: n.Location(), Message: why}
	}
}

// orElse is n, or otherwise where n is nil.
func orElse(n, otherwise ast.Node) ast.Node {
	or := &ast.BinaryNode{Operator: "??", Left: n, Right: otherwise}
	or.SetLocation(n.Location())
	return or
}
