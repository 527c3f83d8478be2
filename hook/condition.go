package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

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
var functions = []string{
	"all", "any", "count", "filter", "find", "none", "one",
	"abs", "first", "hasPrefix", "hasSuffix", "last", "len", "lower", "trim", "upper",
}

// Condition is an expression over a hook's ctx that says whether the hook is
// called. It is safe for use by many callers at once. A nil Condition holds
// always.
//
// The language is that of expr-lang.org without variables, maps, ranges and
// most functions. What ctx does not have is nil, and so is every field of it;
// an absent list is an empty one. nil equals nothing but nil, contains nothing
// and matches nothing. It is an error to order it (<), to calculate with it, to
// measure it or to spell it: `?? 0` says what to take instead. In place of true
// or false it is false. request_method and request_url are never nil, but "".
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
	env := map[string]any{budgetName: (*budget)(nil)}
	for name, zero := range variables {
		env[name] = zero
	}
	c := &Condition{}
	guard := &guard{condition: c}
	options := []expr.Option{
		expr.Env(env), expr.AsBool(), expr.MaxNodes(maxConditionNodes), expr.Patch(guard),
		expr.Function(stepName, step, new(func(*budget) bool)),
		expr.Function(shortName, short, new(func(any) any)),
		expr.DisableAllBuiltins(),
	}
	for _, name := range functions {
		options = append(options, expr.EnableBuiltin(name))
	}
	var err error
	c.program, err = expr.Compile(source, options...)
	if guard.err != nil { // what the compiler makes of a refused node is no news
		guard.err.Bind(file.NewSource(source))
		return nil, at(guard.err, guard.err.Message)
	}
	if err != nil {
		return nil, at(err, compileReason(err))
	}
	return c, nil
}

// Holds evaluates the condition over ctx, whose values may be whatever
// encoding/json can marshal; numbers are compared as int or float64. An error
// names the place in the condition and quotes no value. It takes time that is
// linear in the size of ctx, and 50 ms at most for what runs over lists.
func (c *Condition) Holds(env map[string]any) (bool, error) {
	if c == nil {
		return true, nil
	}
	b := &budget{steps: maxSteps}
	timer := time.AfterFunc(maxLoops, b.spend)
	defer timer.Stop()
	known := map[string]any{budgetName: b}
	for _, name := range c.names {
		v, err := plain(name, env[name])
		if err != nil {
			return false, fmt.Errorf("condition: %w", err)
		}
		if text, ok := variables[name].(string); ok && v == nil {
			v = text
		}
		known[name] = arithmetic(v)
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

// arithmetic turns the numbers of a plain value into what can be calculated with.
func arithmetic(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, _ := v.Float64() // beyond its range it is infinite
		return f
	case map[string]any:
		for name, one := range v {
			v[name] = arithmetic(one)
		}
	case []any:
		for i, one := range v {
			v[i] = arithmetic(one)
		}
	}
	return v
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
	if errors.Is(err, errBudget) || errors.Is(err, errLong) {
		return errors.Unwrap(err).Error()
	}
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
		{"memory budget", errBudget.Error()},
	} {
		if strings.HasPrefix(f.Message, known.begins) {
			return known.reason
		}
	}
	return "it cannot be evaluated with these values"
}

const noFunction = "there is no such function"

// guard makes a condition harmless while it is compiled: it refuses what can
// grow without bound, and has loops counted.
type guard struct {
	condition *Condition
	err       *file.Error // the first refusal
}

// Visit is called for every node after those below it.
func (g *guard) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ConstantNode,
		*ast.ChainNode, *ast.SliceNode, *ast.PointerNode, *ast.ConditionalNode:
	case *ast.IdentifierNode:
		g.identifier(n)
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			n.Node = located(&ast.BinaryNode{Operator: "??", Left: n.Node, Right: &ast.BoolNode{}}, n.Node.Location())
		}
	case *ast.MemberNode:
		n.Optional = true // of what is absent every field is absent
		ast.Patch(node, &ast.ChainNode{Node: n})
	case *ast.BinaryNode:
		g.binary(n)
	case *ast.ArrayNode:
		g.array(n)
	case *ast.PredicateNode:
		n.Node = &ast.SequenceNode{Nodes: []ast.Node{call(stepName, &ast.IdentifierNode{Value: budgetName}, n.Location()), n.Node}}
	case *ast.BuiltinNode:
		g.builtin(n)
	case *ast.CallNode:
		g.refuse(n, noFunction)
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		g.refuse(n, "variables and sequences are not allowed")
	case *ast.MapNode, *ast.PairNode:
		g.refuse(n, "maps are not allowed")
	default:
		g.refuse(n, "this is not allowed")
	}
}

func (g *guard) identifier(n *ast.IdentifierNode) {
	switch _, known := variables[n.Value]; {
	case known && !slices.Contains(g.condition.names, n.Value):
		g.condition.names = append(g.condition.names, n.Value)
	case n.Value == "$env":
		g.refuse(n, "$env is not allowed")
	}
}

func (g *guard) binary(n *ast.BinaryNode) {
	switch n.Operator {
	case "..":
		g.refuse(n, "ranges are not allowed: compare with >= and <=")
	case "matches":
		pattern, ok := n.Right.(*ast.StringNode)
		switch {
		case !ok:
			g.refuse(n, "a pattern must be written as text")
		case !simple(pattern.Value):
			g.refuse(n, "the pattern cannot be read, or is too complex")
		default:
			n.Left = call(shortName, n.Left, n.Left.Location())
		}
	}
}

// builtin takes an absent list for an empty one, and refuses those of the
// functions with loops that the compiler knows although they were not enabled.
func (g *guard) builtin(n *ast.BuiltinNode) {
	if !slices.Contains(functions, n.Name) {
		g.refuse(n, noFunction)
		return
	}
	if list := &n.Arguments[0]; len(n.Arguments) == 2 {
		if _, loops := n.Arguments[1].(*ast.PredicateNode); loops {
			*list = located(&ast.BinaryNode{Operator: "??", Left: *list, Right: &ast.ArrayNode{}}, (*list).Location())
		}
	}
}

// array lets lists of constants be, such as those on the right of "in". Lists of
// lists could hold more than can be looked at.
func (g *guard) array(n *ast.ArrayNode) {
	for _, one := range n.Nodes {
		switch one.(type) {
		case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.UnaryNode:
		default:
			g.refuse(one, "a list holds numbers, texts, true and false only")
		}
	}
}

func (g *guard) refuse(n ast.Node, why string) {
	if g.err == nil {
		g.err = &file.Error{Location: n.Location(), Message: why}
	}
}

// call is a call of a function of ours.
func call(name string, argument ast.Node, where file.Location) ast.Node {
	return located(&ast.CallNode{Callee: located(&ast.IdentifierNode{Value: name}, where), Arguments: []ast.Node{argument}}, where)
}

func located(n ast.Node, where file.Location) ast.Node {
	n.SetLocation(where)
	return n
}
