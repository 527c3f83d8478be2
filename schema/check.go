package schema

import (
	"fmt"
	"math/big"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
)

// Bounds of what a schema may ask for.
const (
	maxProperties   = 1000
	maxCost         = 2_000_000 // of checking it all, with every $ref written out
	schemaCost      = 200       // of one schema, without those inside it
	maxPattern      = 1000      // characters
	maxInstructions = 20_000    // of all patterns, compiled
	maxOptions      = 500
)

var drafts = []string{
	"http://json-schema.org/draft-07/schema#",
	"http://json-schema.org/draft-06/schema#",
	"http://json-schema.org/draft-04/schema#",
	"http://json-schema.org/schema#",
}

// checker walks a document as schemas, once, and refuses what the compiler or a
// later validation could not stand.
type checker struct {
	root     *node
	allowRef bool
	plain    bool // not of traits

	problems     []problemAt
	refs         map[*node]*node // by the node that holds the $ref
	costs        map[*node]int   // of schemas walked; -1 while on the way
	uses         map[*node]extension
	live         map[*node]string // nodes with an extension that a value can reach, and where
	patterns     map[string]*regexp.Regexp
	later        []place // definitions, walked when the live ones are known
	properties   int
	instructions int
}

type place struct {
	n   *node
	ptr string
}

func (c *checker) refuse(ptr, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, problemAt{ptr, fmt.Sprintf(format, args...)})
	}
}

// document checks everything; what is wrong stands in c.problems afterwards.
func (c *checker) document() {
	c.refs, c.costs = map[*node]*node{}, map[*node]int{}
	c.uses, c.live, c.patterns = map[*node]extension{}, map[*node]string{}, map[string]*regexp.Regexp{}
	if c.root.kind != object {
		c.refuse("#", "is not a JSON object")
		return
	}
	if d := c.root.get("$schema"); d != nil && (d.kind != text || !slices.Contains(drafts, d.text)) {
		c.refuse("#/$schema", "is none of the known drafts: %s", strings.Join(drafts[:3], ", "))
	}
	cost := c.walk(c.root, "#")
	for n, use := range c.uses {
		c.live[n] = use.ptr
	}
	for len(c.later) > 0 {
		next := c.later[0]
		c.later = c.later[1:]
		cost += c.walk(next.n, next.ptr)
	}
	c.bound(cost)
	if len(c.problems) == 0 && !c.plain {
		c.traits()
	}
}

func (c *checker) bound(cost int) {
	if cost > maxCost {
		c.refuse("#", "has too many schemas, or too long lists (enum, required …), once every $ref is written out")
	}
	if c.properties > maxProperties {
		c.refuse("#", "has more than %d properties", maxProperties)
	}
	if c.instructions > maxInstructions {
		c.refuse("#", "has too many or too complex patterns")
	}
}

func (c *checker) traits() {
	ptr := "#/properties/traits"
	traits := c.follow(c.follow(c.root).get("properties").get("traits"))
	switch {
	case traits == nil:
		c.refuse("#/properties", `has no property "traits"`)
	case traits.str("type") != "object":
		c.refuse(ptr, `must have the type "object"`)
	case traits.get("properties") == nil || len(traits.get("properties").keys) == 0:
		c.refuse(ptr, "must have at least one property")
	}
}

// follow returns the schema a node stands for once its $ref is resolved.
func (c *checker) follow(n *node) *node {
	for n != nil && c.refs[n] != nil {
		n = c.refs[n]
	}
	return n
}

// walk checks the schema n and all below it, and estimates what it takes to
// check them against a meta-schema, as the compiler does at every $ref anew.
func (c *checker) walk(n *node, ptr string) int {
	if len(c.problems) >= maxProblems || n.kind == boolean {
		return 1
	}
	if n.kind != object {
		c.refuse(ptr, "is a %s where a schema is expected", kindNames[n.kind])
		return 1
	}
	switch cost := c.costs[n]; {
	case cost < 0:
		c.refuse(ptr, "is part of a $ref cycle")
		return 1
	case cost > 0:
		return cost
	}
	n.schema = true
	c.costs[n] = -1
	cost := schemaCost
	if ref := n.get("$ref"); ref != nil {
		cost += c.ref(n, ref, ptr)
	} else {
		for i, key := range n.keys {
			cost += c.keyword(n, key, n.vals[i], child(ptr, key))
		}
	}
	c.define(n, ptr)
	c.costs[n] = min(cost, maxCost+1)
	return c.costs[n]
}

func (c *checker) ref(n, ref *node, ptr string) int {
	at := child(ptr, "$ref")
	if n.get(extensionKey) != nil {
		c.refuse(child(ptr, extensionKey), `stands beside a "$ref", where keywords have no effect`)
	}
	switch {
	case ref.kind != text:
		c.refuse(at, "is a %s, not a string", kindNames[ref.kind])
		return 1
	case !c.allowRef:
		c.refuse(at, "references are not allowed in identity schemas")
		return 1
	case ref.text == "" || ref.text == "#" || ref.text == "#/":
		c.refuse(at, "points to the document that holds it: a $ref cycle")
		return 1
	case !strings.HasPrefix(ref.text, "#/"):
		c.refuse(at, "%q points outside of the document; only \"#/…\" is allowed", web.Clip(ref.text))
		return 1
	}
	target := c.root.at(ref.text)
	if target == nil {
		c.refuse(at, "%q is not in the document", web.Clip(ref.text))
		return 1
	}
	if c.costs[target] < 0 {
		c.refuse(at, "%q leads back to itself: a $ref cycle", web.Clip(ref.text))
		return 1
	}
	c.refs[n] = target
	return c.walk(target, ref.text)
}

// define puts the definitions of n off until all live schemas are walked.
func (c *checker) define(n *node, ptr string) {
	for _, key := range []string{"definitions", "$defs"} {
		if all := n.get(key); all != nil && all.kind == object {
			for i, name := range all.keys {
				c.later = append(c.later, place{all.vals[i], child(child(ptr, key), name)})
			}
		}
	}
}

// keyword checks one member of a schema and walks the schemas inside it.
func (c *checker) keyword(n *node, key string, v *node, ptr string) int {
	switch key {
	case "properties", "patternProperties", "dependencies":
		return c.members(key, v, ptr)
	case "allOf", "anyOf", "oneOf":
		return c.items(v, ptr)
	case "items":
		if v.kind == array {
			return c.items(v, ptr)
		}
		return c.walk(v, ptr)
	case "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "additionalItems":
		return c.walk(v, ptr)
	case "pattern":
		if v.kind == text {
			c.pattern(v.text, ptr)
		}
	case "multipleOf":
		if value, ok := new(big.Rat).SetString(v.text); v.kind == number && (!ok || value.Sign() <= 0) {
			c.refuse(ptr, "must be greater than zero")
		}
	case "enum", "required", "type":
		// Their items are compared with each other.
		return min(len(v.vals)*v.weight(), maxCost+1)
	case extensionKey:
		use, problems := readExtension(v, ptr)
		for _, p := range problems {
			c.refuse(p.Pointer, "%s", p.Reason)
		}
		c.uses[n] = use
	}
	return 0
}

func (c *checker) members(key string, v *node, ptr string) int {
	cost := 0
	for i, name := range v.keys {
		switch key {
		case "properties":
			if c.properties++; c.properties > maxProperties {
				return cost
			}
		case "patternProperties":
			c.pattern(name, child(ptr, name))
		case "dependencies":
			if list := v.vals[i]; list.kind == array {
				cost += len(list.vals) * list.weight()
				continue
			}
		}
		cost += c.walk(v.vals[i], child(ptr, name))
	}
	return min(cost, maxCost+1)
}

func (c *checker) items(v *node, ptr string) int {
	cost := 0
	for i, item := range v.vals {
		if v.kind == array {
			cost += c.walk(item, child(ptr, strconv.Itoa(i)))
		}
	}
	return min(cost, maxCost+1)
}

func (c *checker) pattern(pattern, ptr string) {
	if len([]rune(pattern)) > maxPattern {
		c.refuse(ptr, "is a pattern of more than %d characters", maxPattern)
		return
	}
	if c.patterns[pattern] != nil || c.instructions > maxInstructions {
		return
	}
	var program *syntax.Prog
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err == nil {
		program, err = syntax.Compile(tree.Simplify())
	}
	if err != nil {
		c.refuse(ptr, "is no regular expression that Go understands (RE2): %v", err)
		return
	}
	if c.instructions += len(program.Inst); c.instructions <= maxInstructions {
		c.patterns[pattern] = regexp.MustCompile(pattern) // which has just been shown to work
	}
}
