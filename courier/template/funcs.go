package template

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	tt "text/template"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// funcs are all functions of override templates beyond those of text/template
// itself, under the names and with the order of arguments that people know from
// sprig. None reads environment, files, network, clock or randomness; each
// takes values of any kind, so that a missing one is empty and no error; each
// pays for what it is given, and gives back at most a small multiple of it.
func (b *budget) funcs() tt.FuncMap {
	pay := func(n int) func() string {
		return func() string {
			b.spend(n)
			return ""
		}
	}
	all := tt.FuncMap{fieldFunc: b.field, roundFunc: pay(roundCost), callFunc: pay(callCost)}
	for _, some := range []tt.FuncMap{b.stringFuncs(), b.testFuncs(), b.listFuncs(), b.numberFuncs(), b.builtins()} {
		for name, f := range some {
			all[name] = f
		}
	}
	return all
}

func (b *budget) stringFuncs() tt.FuncMap {
	return tt.FuncMap{
		"upper":      func(s any) string { return strings.ToUpper(b.str(s)) },
		"lower":      func(s any) string { return strings.ToLower(b.str(s)) },
		"title":      func(s any) string { return cases.Title(language.Und, cases.NoLower).String(b.str(s)) },
		"trim":       func(s any) string { return strings.TrimSpace(b.str(s)) },
		"trimAll":    func(cut, s any) string { return strings.Trim(b.str(s), b.str(cut)) },
		"trimPrefix": func(prefix, s any) string { return strings.TrimPrefix(b.str(s), b.str(prefix)) },
		"trimSuffix": func(suffix, s any) string { return strings.TrimSuffix(b.str(s), b.str(suffix)) },
		"nospace":    func(s any) string { return strings.Join(strings.Fields(b.str(s)), "") },
		"squote":     func(s any) string { return "'" + b.str(s) + "'" },
		"quote":      func(s any) string { return strconv.Quote(b.str(s)) },
		"toString":   b.str,
		"replace":    b.replace,
		"trunc":      b.trunc,
	}
}

func (b *budget) testFuncs() tt.FuncMap {
	return tt.FuncMap{
		"contains":  func(part, s any) bool { return strings.Contains(b.str(s), b.str(part)) },
		"hasPrefix": func(prefix, s any) bool { return strings.HasPrefix(b.str(s), b.str(prefix)) },
		"hasSuffix": func(suffix, s any) bool { return strings.HasSuffix(b.str(s), b.str(suffix)) },
		"empty":     isEmpty,
		"default": func(otherwise any, v ...any) any {
			if len(v) == 0 || isEmpty(v[0]) {
				return otherwise
			}
			return v[0]
		},
		"coalesce": func(all ...any) any {
			if i := slices.IndexFunc(all, func(v any) bool { return !isEmpty(v) }); i >= 0 {
				return all[i]
			}
			return nil
		},
		"ternary": func(yes, no, v any) any {
			if isEmpty(v) {
				return no
			}
			return yes
		},
	}
}

func (b *budget) listFuncs() tt.FuncMap {
	return tt.FuncMap{
		"list": func(all ...any) []any {
			b.weigh(all)
			return all
		},
		"dict": b.dict,
		"get":  func(m, key any) any { return at(m, b.str(key)) },
		"hasKey": func(m, key any) bool {
			held, _ := m.(map[string]any)
			_, has := held[b.str(key)]
			return has
		},
		"first": func(v any) any { return end(v, func(n int) int { return 0 }) },
		"last":  func(v any) any { return end(v, func(n int) int { return n - 1 }) },
		"join":  b.join,
		"splitList": func(separator, s any) []any {
			return b.split(b.str(separator), b.str(s))
		},
		"split": func(separator, s any) map[string]any {
			m := map[string]any{}
			for i, part := range b.split(b.str(separator), b.str(s)) {
				m["_"+strconv.Itoa(i)] = part
			}
			return m
		},
	}
}

func (b *budget) numberFuncs() tt.FuncMap {
	return tt.FuncMap{
		"int": func(v any) (int64, error) { return b.int(v) },
		"add": func(all ...any) (sum int64, err error) {
			for _, v := range all {
				n, err := b.int(v)
				if err != nil {
					return 0, err
				}
				sum += n
			}
			return sum, nil
		},
		"sub": func(v, less any) (int64, error) {
			x, err := b.int(v)
			if err != nil {
				return 0, err
			}
			y, err := b.int(less)
			return x - y, err
		},
	}
}

// builtins replace those of text/template that could write without end.
func (b *budget) builtins() tt.FuncMap {
	paid := func(f func(...any) string) func(...any) string {
		return func(all ...any) string {
			b.weigh(all)
			for i, v := range all {
				if v == nil {
					all[i] = ""
				}
			}
			return f(all...)
		}
	}
	return tt.FuncMap{
		"print": paid(fmt.Sprint), "println": paid(fmt.Sprintln), "printf": b.printf,
		"html": paid(tt.HTMLEscaper), "js": paid(tt.JSEscaper), "urlquery": paid(tt.URLQueryEscaper),
	}
}

func (b *budget) replace(old, with, in any) string {
	o, w, s := b.str(old), b.str(with), b.str(in)
	b.spend(strings.Count(s, o) * len(w))
	return strings.ReplaceAll(s, o, w)
}

// trunc keeps the first n characters, or the last -n.
func (b *budget) trunc(n, v any) (string, error) {
	keep, err := b.int(n)
	if err != nil {
		return "", err
	}
	s := []rune(b.str(v))
	switch size := int64(len(s)); {
	case keep >= 0 && keep < size:
		s = s[:keep]
	case keep < 0 && -keep < size && keep != math.MinInt64:
		s = s[size+keep:]
	}
	return string(s), nil
}

func (b *budget) dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict takes keys and values in turn")
	}
	b.weigh(pairs)
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[text(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

func (b *budget) split(separator, s string) []any {
	parts := strings.Split(s, separator)
	b.spend(24 * len(parts))
	all := make([]any, len(parts))
	for i, p := range parts {
		all[i] = p
	}
	return all
}

func (b *budget) join(separator, v any) string {
	all, ok := v.([]any)
	if !ok {
		return b.str(v)
	}
	with := b.str(separator)
	b.spend(len(with) * len(all))
	parts := make([]string, len(all))
	for i, one := range all {
		parts[i] = b.str(one)
	}
	return strings.Join(parts, with)
}

// printf refuses what sets a width by an argument, and pays for widths.
func (b *budget) printf(format any, all ...any) (string, error) {
	f := b.str(format)
	b.weigh(all)
	for verb := range strings.SplitSeq(f, "%") {
		end := strings.IndexFunc(verb, unicode.IsLetter)
		flags := verb[:max(end, 0)]
		if strings.ContainsAny(flags, "*[") {
			return "", errors.New("printf takes no width from an argument")
		}
		for number := range strings.FieldsFuncSeq(flags, func(r rune) bool { return r < '0' || r > '9' }) {
			n, err := strconv.Atoi(number)
			if err != nil {
				return "", fmt.Errorf("printf: width %s is too large", number)
			}
			b.spend(n)
		}
	}
	return fmt.Sprintf(f, all...), nil
}

func (b *budget) int(v any) (int64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		return int64(v), nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	}
	s := strings.TrimSpace(b.str(v))
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no whole number", s)
	}
	return n, nil
}

func isEmpty(v any) bool {
	truth, _ := tt.IsTrue(v)
	return !truth
}

func end(v any, which func(int) int) any {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			return v[which(len(v))]
		}
	case string:
		if r := []rune(v); len(r) > 0 {
			return string(r[which(len(r))])
		}
	}
	return nil
}

// at is the value of a map's key, and nil where v is no map or has no such key.
func at(v any, key string) any {
	switch m := v.(type) {
	case root:
		return m[key]
	case map[string]any:
		return m[key]
	}
	return nil
}
