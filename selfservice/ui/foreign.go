package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxForeign bounds the text of a foreign message, in bytes.
const MaxForeign = 2 << 10

// Foreign is a problem on a node, "" for the whole form, in words that are not
// ours: a web_hook's. It keeps its id, ErrGeneric for 0, and its context, nil for
// none, which has to be JSON. Of text MaxForeign bytes count, controls as blanks.
// A kind other than error, info and success is info.
func Foreign(node string, id int, text, kind string, context map[string]any) Problem {
	if id == 0 {
		id = ErrGeneric
	}
	if kind != "error" && kind != "success" {
		kind = "info"
	}
	with := map[string]any{"text": plain(text), "type": kind}
	if len(context) > 0 {
		with["context"] = context
	}
	return Problem{Node: node, ID: id, Context: with, Foreign: true}
}

// plain is a text in characters that a person reads, cut to MaxForeign.
func plain(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")))
	if len(text) <= MaxForeign {
		return text
	}
	end := MaxForeign
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// message is p in words: the catalogue's, or its own.
func (p Problem) message(c Catalogue, locale string) Message {
	if !p.Foreign {
		return c.Message(locale, p.ID, p.Context)
	}
	m := Message{ID: p.ID}
	m.Text, _ = p.Context["text"].(string)
	m.Type, _ = p.Context["type"].(string)
	m.Context, _ = p.Context["context"].(map[string]any)
	return m
}
