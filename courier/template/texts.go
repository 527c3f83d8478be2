package template

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed texts/*.json
var languages embed.FS

// fallback is the language of whoever asks for one that is not shipped.
const fallback = "en"

// texts is what one language says. Values hold {placeholders}, never markup.
type texts struct {
	Common   map[string]string            `json:"common"`
	Messages map[string]map[string]string `json:"messages"`
}

// placeholders are what a text may hold.
var placeholders = []string{"brand", "code", "duration", "n"}

// commonKeys are the texts that several messages share.
var commonKeys = []string{
	"code_label", "code_validity", "link_validity", "both_validity", "link_note", "link_fallback", "keep_code", "keep_link", "help",
	"minute_one", "minute_other", "hour_one", "hour_other", "day_one", "day_other",
}

// keys are the texts a message has in every language.
func (m message) keys() []string {
	keys := []string{"subject", "preheader", "heading", "intro", "outro"}
	if m.linked() {
		keys = append(keys, "button")
	}
	if m.code != "" && m.url != "" {
		keys = append(keys, "link_intro")
	}
	if m.sms {
		keys = append(keys, "sms")
	}
	return keys
}

// shipped reads the languages that come with the program.
func shipped() (map[string]texts, error) {
	files, err := languages.ReadDir("texts")
	if err != nil {
		return nil, err
	}
	all := map[string]texts{}
	for _, f := range files {
		raw, err := languages.ReadFile(path.Join("texts", f.Name()))
		if err != nil {
			return nil, err
		}
		t, err := parseTexts(raw)
		if err != nil {
			return nil, fmt.Errorf("texts/%s: %w", f.Name(), err)
		}
		all[strings.TrimSuffix(f.Name(), ".json")] = t
	}
	return all, nil
}

// parseTexts refuses a language that lacks a text, or has one nobody reads.
func parseTexts(raw []byte) (t texts, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&t); err != nil {
		return t, err
	}
	if err := exactly("common", t.Common, commonKeys); err != nil {
		return t, err
	}
	for _, m := range messages {
		if err := exactly(m.name, t.Messages[m.name], m.keys()); err != nil {
			return t, err
		}
	}
	if len(t.Messages) != len(messages) {
		return t, fmt.Errorf("%d messages, but there are %d", len(t.Messages), len(messages))
	}
	return t, nil
}

func exactly(where string, have map[string]string, want []string) error {
	for _, key := range want {
		if have[key] == "" {
			return fmt.Errorf("%s has no %s", where, key)
		}
		for _, p := range placeholdersOf(have[key]) {
			if !slices.Contains(placeholders, p) {
				return fmt.Errorf("%s, %s: nothing is called {%s}", where, key, p)
			}
		}
	}
	for key := range have {
		if !slices.Contains(want, key) {
			return fmt.Errorf("nothing uses %s of %s", key, where)
		}
	}
	return nil
}

func placeholdersOf(text string) (all []string) {
	for {
		_, rest, found := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return all
		}
		all = append(all, name)
		text = after
	}
}

// fill puts values in place of {placeholders}, once: what a value holds is
// never looked at again. The result is still no markup.
func fill(text string, values map[string]string) string {
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// duration says a number of minutes in the largest unit that divides it.
func (t texts) duration(minutes int) string {
	n, unit := minutes, "minute"
	switch {
	case minutes%(24*60) == 0:
		n, unit = minutes/(24*60), "day"
	case minutes%60 == 0:
		n, unit = minutes/60, "hour"
	}
	form := "_other"
	if n == 1 {
		form = "_one"
	}
	return fill(t.Common[unit+form], map[string]string{"n": strconv.Itoa(n)})
}
