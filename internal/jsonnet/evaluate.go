package jsonnet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	gojsonnet "github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
	"github.com/google/go-jsonnet/toolutils"
)

var errImport = errors.New("imports are not allowed")

// evaluate does in the child what a request asks for. The result is compact and
// at most limit bytes.
func evaluate(r request, limit int) (a answer) {
	defer func() {
		if recover() != nil { // the parser's; the interpreter recovers its own
			a = answer{Stop: stopCrash}
		}
	}()
	program, err := gojsonnet.SnippetToAST(r.Name, r.Source)
	if err != nil {
		return answer{Fault: fault(err, r)}
	}
	if at := findImport(program); at != nil {
		return answer{Fault: &Error{Line: at.Begin.Line, Column: at.Begin.Column, Reason: errImport.Error()}}
	}
	if r.Check {
		return answer{}
	}
	raw, err := machine(r).Evaluate(program)
	if err != nil {
		if strings.HasPrefix(err.Error(), "(CRASH)") {
			return answer{Stop: stopCrash}
		}
		return answer{Fault: fault(err, r)}
	}
	var result bytes.Buffer
	if err := json.Compact(&result, []byte(raw)); err != nil {
		return answer{Fault: &Error{Reason: "the result is not JSON"}}
	}
	switch {
	case result.Len() > limit:
		return answer{Stop: stopLarge}
	case r.Object && result.Bytes()[0] != '{':
		return answer{Fault: &Error{Reason: "the result is not an object"}}
	}
	return answer{Result: result.Bytes()}
}

// machine is an interpreter that holds the request's arguments and nothing else.
//
// Values arrive as text that the interpreter's JSON reader takes in, not as
// Jsonnet: its parser overflows the stack on what JSON may well nest, and values
// come from strangers.
func machine(r request) *gojsonnet.VM {
	vm := gojsonnet.MakeVM()
	vm.Importer(refuse{})
	vm.SetTraceOut(io.Discard)
	read := func(text string, value json.RawMessage) string {
		vm.ExtVar(text, string(value))
		name, _ := json.Marshal(text) // a string always marshals, and a JSON string is a Jsonnet one
		return "std.parseJson(std.extVar(" + string(name) + "))"
	}
	for name, value := range r.Args {
		vm.TLACode(name, read("json of argument "+name, value))
	}
	for name, value := range r.Vars {
		vm.ExtCode(name, read("json of variable "+name, value))
	}
	return vm
}

// refuse is the importer that has nothing. Programs are searched for imports
// before they run; should one be missed, it meets this.
type refuse struct{}

// Import implements the interpreter's Importer.
func (refuse) Import(string, string) (gojsonnet.Contents, string, error) {
	return gojsonnet.Contents{}, "", errImport
}

// findImport returns where a program imports, nil if it does not.
func findImport(node ast.Node) *ast.LocationRange {
	switch node.(type) {
	case *ast.Import, *ast.ImportStr, *ast.ImportBin:
		return node.Loc()
	}
	for _, child := range toolutils.Children(node) {
		if at := findImport(child); at != nil {
			return at
		}
	}
	return nil
}
