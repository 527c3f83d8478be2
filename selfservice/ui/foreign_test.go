package ui_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// stored is problems after a flow has kept them.
func stored(t *testing.T, problems []ui.Problem) (out []ui.Problem) {
	t.Helper()
	raw, err := json.Marshal(problems)
	require.NoError(t, err)
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	require.NoError(t, d.Decode(&out))
	return out
}

// What a web_hook says is shown in its words, in whatever language the flow is
// read, beside what it is about.
func TestForeign(t *testing.T) {
	problems := []ui.Problem{
		ui.Foreign("traits.a", 1234, "Not {n} again.", "error", map[string]any{"n": 1}),
		ui.Foreign("traits.a", -7, "Well.", "info", nil),
		ui.Foreign("traits.gone", 1, "Where?", "success", nil),
		ui.Foreign("traits.kept", 2, "Unseen.", "error", nil),
		ui.Foreign("", 0, "All of it.", "warning", map[string]any{}),
		{Node: "traits.a", ID: 1, Context: map[string]any{"n": 2}},
		{Node: "traits.kept", ID: 1, Context: map[string]any{"n": 3}},
	}
	for _, problems := range [][]ui.Problem{problems, stored(t, problems)} {
		f := ui.Form{Nodes: []ui.Node{
			ui.NewInput("password", ui.Input{Name: "traits.a", Type: ui.InputText}),
			ui.NewInput("password", ui.Input{Name: "traits.kept", Type: ui.InputHidden}),
		}}
		f.Place(problems, catalogue, "de")
		raw, err := json.Marshal(f.Nodes[0].Messages)
		require.NoError(t, err)
		require.JSONEq(t, `[{"id":1234,"text":"Not {n} again.","type":"error","context":{"n":1}},
			{"id":-7,"text":"Well.","type":"info"},
			{"id":1,"text":"eins 2","type":"info","context":{"n":2}}]`, string(raw), "nothing is filled in, nothing of ours added")
		require.Len(t, f.Nodes[1].Messages, 1, "our own stay where they were")
		require.Equal(t, []ui.Message{
			{ID: 1, Text: "Where?", Type: "success"},
			{ID: 2, Text: "Unseen.", Type: "error"}, // nobody sees a hidden node
			{ID: ui.ErrGeneric, Text: "All of it.", Type: "info"},
		}, f.Messages)
	}
}

// A foreign text is plain and no longer than it may be.
func TestForeignIsBounded(t *testing.T) {
	text := func(given string) string {
		f := ui.Form{}
		f.Place([]ui.Problem{ui.Foreign("", 1, given, "error", nil)}, catalogue, "en")
		return f.Messages[0].Text
	}
	require.Equal(t, "a b  c d \uFFFD", text("\x00a\nb\r\nc\u0085d \xff\x7f"))
	require.Equal(t, "<b>&amp;", text("<b>&amp;"), "markup is for whoever draws it to escape")
	require.Equal(t, strings.Repeat("a", ui.MaxForeign), text(strings.Repeat("a", ui.MaxForeign)))
	long := text("a" + strings.Repeat("\u00e9", ui.MaxForeign))
	require.Len(t, long, ui.MaxForeign-1, "no character is cut")
	require.True(t, utf8.ValidString(long))
}

// What flows keep already reads as before, and our own problems are kept as before.
func TestForeignLeavesOldRowsAsTheyAre(t *testing.T) {
	const old = `[{"node":"traits.a","id":1,"context":{"n":1}}]`
	var problems []ui.Problem
	require.NoError(t, json.Unmarshal([]byte(old), &problems))
	require.False(t, problems[0].Foreign)
	raw, err := json.Marshal(problems)
	require.NoError(t, err)
	require.Equal(t, old, string(raw))
}
