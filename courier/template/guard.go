package template

import (
	"errors"
	"fmt"
	ht "html/template"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	tt "text/template"
	"text/template/parse"
)

// guarded is an override, made safe to run: it finds only data, a key that data
// lacks is empty instead of an error, and it ends within its budget.
type guarded struct {
	source Source

	mu     sync.Mutex // the functions belong to the template, and spend one budget
	budget *budget
	run    interface{ Execute(io.Writer, any) error }
}

// The functions that guard puts into a template's tree.
const (
	fieldFunc = "_field" // looks a chain of names up
	roundFunc = "_round" // pays for a round of a loop
	callFunc  = "_call"  // pays for the call of a template
)

// guard parses source. The others are templates that it may call by the name
// of their file.
func guard(source Source, others []Source) (*guarded, error) {
	g := &guarded{source: source, budget: &budget{}}
	funcs := g.budget.funcs()
	set := tt.New(source.From).Funcs(funcs)
	for _, s := range append(slices.Clone(others), source) {
		parsed, err := tt.New(s.From).Funcs(funcs).Parse(s.Text)
		if err != nil {
			return nil, located(err)
		}
		for _, t := range parsed.Templates() {
			name := t.Name()
			if name == s.From {
				name = s.file()
			}
			if err := add(set, name, t.Tree); err != nil {
				return nil, err
			}
		}
	}
	if set = set.Lookup(source.file()); set == nil || set.Tree == nil {
		return nil, fmt.Errorf("%s: is empty", source.From)
	}
	for _, t := range set.Templates() {
		r := rewriter{tree: t.Tree}
		r.body(t.Root, callFunc)
		for _, call := range r.calls {
			if called := set.Lookup(call.Name); called == nil || called.Tree == nil {
				at, _ := t.ErrorContext(call)
				return nil, fmt.Errorf("%s: template %q not defined", at, call.Name)
			}
		}
	}
	g.run = set
	if source.Part == HTML {
		page := ht.New(source.file()).Funcs(funcs)
		for _, t := range set.Templates() {
			if _, err := page.AddParseTree(t.Name(), t.Tree); err != nil {
				return nil, err
			}
		}
		g.run = page.Lookup(source.file())
	}
	return g, nil
}

// looked is a look-up of fields, as errors quote it.
var looked = regexp.MustCompile(`\(?` + fieldFunc + ` ([$.]\w*)((?: "\w+")+)\)?`)

// located is an error of the template packages, beginning with file and line,
// and quoting what the author wrote.
func located(err error) error {
	said := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/"), "template:")
	said = looked.ReplaceAllStringFunc(said, func(s string) string {
		m := looked.FindStringSubmatch(s)
		return strings.TrimSuffix(m[1], ".") + strings.ReplaceAll(strings.ReplaceAll(m[2], ` "`, "."), `"`, "")
	})
	return errors.New(strings.TrimSpace(strings.ReplaceAll(said, "error calling "+fieldFunc+": ", "")))
}

// place is where an override failed, without the reason: that may quote data,
// and data may be a code.
func place(err error) string {
	where, _, found := strings.Cut(err.Error(), ">: ")
	if found {
		return where + ">"
	}
	return where
}

func add(set *tt.Template, name string, tree *parse.Tree) error {
	if tree == nil || tree.Root == nil {
		return nil
	}
	_, err := set.AddParseTree(name, tree)
	return err
}

// execute runs the template. Its errors name file and line.
func (g *guarded) execute(v root) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget.left = maxWork
	var b strings.Builder
	limit := maxBody
	switch g.source.Part {
	case Subject:
		limit = maxSubject
	case SMS:
		limit = 4 * maxSMS
	}
	if err := g.run.Execute(&limited{&b, limit}, v); err != nil {
		if errors.Is(err, errTooLong) {
			return "", fmt.Errorf("%s: %w, more than %d bytes", g.source.From, err, limit)
		}
		return "", located(err)
	}
	// text/template says so for nil; html/template says nothing.
	out := strings.ReplaceAll(b.String(), "<no value>", "")
	if out = shown(out); g.source.Part == Subject {
		out = oneLine(out)
	}
	switch {
	case strings.TrimSpace(out) == "":
		return "", fmt.Errorf("%s: writes nothing", g.source.From)
	case g.source.Part == SMS && len([]rune(out)) > maxSMS:
		return "", fmt.Errorf("%s: %w, more than %d characters", g.source.From, errTooLong, maxSMS)
	}
	return out, nil
}

// field follows names into v. Only at the root an unknown name is an error:
// there it can only be a misspelling.
func (b *budget) field(v any, names ...string) (any, error) {
	if r, ok := v.(root); ok {
		if _, known := r[names[0]]; !known {
			return nil, fmt.Errorf("there is no .%s; there are %s", names[0], strings.Join(slices.Sorted(maps.Keys(r)), ", "))
		}
	}
	for _, name := range names {
		v = at(v, name)
	}
	return v, nil
}

// rewriter puts the guards into a parsed template: .a.b becomes a call that
// looks the names up, and what may be repeated begins with paying for itself.
type rewriter struct {
	tree  *parse.Tree
	calls []*parse.TemplateNode // those met
}

func (r *rewriter) body(l *parse.ListNode, pay string) {
	if l == nil {
		return
	}
	r.list(l)
	pos := l.Position()
	l.Nodes = append([]parse.Node{&parse.ActionNode{NodeType: parse.NodeAction, Pos: pos, Pipe: &parse.PipeNode{
		NodeType: parse.NodePipe, Pos: pos,
		Decl: []*parse.VariableNode{{NodeType: parse.NodeVariable, Pos: pos, Ident: []string{"$_"}}},
		Cmds: []*parse.CommandNode{{NodeType: parse.NodeCommand, Pos: pos, Args: []parse.Node{r.name(pay, pos)}}},
	}}}, l.Nodes...)
}

func (r *rewriter) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			r.pipe(n.Pipe)
		case *parse.TemplateNode:
			r.calls = append(r.calls, n)
			r.pipe(n.Pipe)
		case *parse.IfNode:
			r.branch(&n.BranchNode)
		case *parse.WithNode:
			r.branch(&n.BranchNode)
		case *parse.RangeNode:
			r.pipe(n.Pipe)
			r.body(n.List, roundFunc)
			r.list(n.ElseList)
		}
	}
}

func (r *rewriter) branch(b *parse.BranchNode) {
	r.pipe(b.Pipe)
	r.list(b.List)
	r.list(b.ElseList)
}

func (r *rewriter) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for i, arg := range c.Args {
			c.Args[i] = r.value(arg, p.Line)
		}
	}
}

func (r *rewriter) value(n parse.Node, line int) parse.Node {
	pos := n.Position()
	switch n := n.(type) {
	case *parse.PipeNode:
		r.pipe(n)
	case *parse.FieldNode:
		return r.lookup(&parse.DotNode{NodeType: parse.NodeDot, Pos: pos}, n.Ident, pos, line)
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			return r.lookup(&parse.VariableNode{NodeType: parse.NodeVariable, Pos: pos, Ident: n.Ident[:1]}, n.Ident[1:], pos, line)
		}
	case *parse.ChainNode:
		return r.lookup(r.value(n.Node, line), n.Field, pos, line)
	}
	return n
}

func (r *rewriter) lookup(of parse.Node, names []string, pos parse.Pos, line int) parse.Node {
	args := []parse.Node{r.name(fieldFunc, pos), of}
	for _, name := range names {
		args = append(args, &parse.StringNode{NodeType: parse.NodeString, Pos: pos, Quoted: `"` + name + `"`, Text: name})
	}
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Line: line, Cmds: []*parse.CommandNode{{NodeType: parse.NodeCommand, Pos: pos, Args: args}}}
}

func (r *rewriter) name(name string, pos parse.Pos) *parse.IdentifierNode {
	return parse.NewIdentifier(name).SetPos(pos).SetTree(r.tree)
}
