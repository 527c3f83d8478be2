package template_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier/template"
)

func TestBombsEndInAnError(t *testing.T) {
	chain := strings.Builder{}
	for i := range 60 {
		a, b := string(rune('A'+i)), string(rune('A'+i+1))
		chain.WriteString(`{{define "` + a + `"}}{{template "` + b + `"}}{{template "` + b + `"}}{{end}}`)
	}
	last := string(rune('A' + 60))
	chain.WriteString(`{{define "` + last + `"}}{{end}}{{template "A"}}`)
	for name, text := range map[string]string{
		"endless recursion":     `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`,
		"doubling recursion":    `{{define "a"}}{{template "a" .}}{{template "a" .}}{{end}}{{template "a" .}}`,
		"mutual recursion":      `{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{template "a" .}}{{end}}{{template "a" .}}`,
		"doubling definitions":  chain.String(),
		"silent loop":           `x{{range 1000000000000}}{{end}}`,
		"nested silent loops":   `x{{range 10000}}{{range 10000}}{{range 10000}}{{end}}{{end}}{{end}}`,
		"loop that continues":   `x{{range 1000000000000}}{{continue}}{{end}}`,
		"much output":           `{{range 16000}}0123456789012345678901234567890123456789{{end}}`,
		"doubling text":         `{{$s := "0123456789"}}{{range 60}}{{$s = print $s $s}}{{end}}{{$s}}`,
		"doubling by printf":    `{{$s := "0123456789"}}{{range 60}}{{$s = printf "%s%s" $s $s}}{{end}}{{$s}}`,
		"doubling by replace":   `{{$s := "aa"}}{{range 60}}{{$s = replace "a" "aa" $s}}{{end}}{{$s}}`,
		"doubling by join":      `{{$s := "0123456789"}}{{range 60}}{{$s = join $s (list $s $s)}}{{end}}{{$s}}`,
		"doubling by quote":     `{{$s := "\\"}}{{range 60}}{{$s = quote $s}}{{end}}{{$s}}`,
		"doubling by js":        `{{$s := "\\"}}{{range 60}}{{$s = js $s}}{{end}}{{$s}}`,
		"doubling by html":      `{{$s := "&"}}{{range 16000}}{{$s = html $s $s}}{{end}}{{$s}}`,
		"lists of lists":        `{{$l := list "0123456789"}}{{range 60}}{{$l = list $l $l}}{{end}}{{$l}}`,
		"maps of maps":          `{{$l := dict "a" "0123456789"}}{{range 60}}{{$l = dict "a" $l "b" $l}}{{end}}{{$l}}`,
		"width":                 `{{printf "%1000000000d" 1}}`,
		"precision":             `{{printf "%.1000000000f" 1.0}}`,
		"width beyond numbers":  `{{printf "%99999999999999999999d" 1}}`,
		"width by argument":     `{{printf "%*d" 1000000000 1}}`,
		"width by index":        `{{printf "%[2]*[1]d" 1 1000000000}}`,
		"many widths":           `{{printf "` + strings.Repeat("%999999d", 20) + `"}}`,
		"split into characters": `{{$s := "0123456789"}}{{range 12}}{{$s = print $s $s}}{{end}}{{range 1000}}{{$x := splitList "" $s}}{{end}}`,
	} {
		for _, part := range []template.Part{template.Text, template.HTML} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := template.New(template.Config{Sources: []template.Source{{Template: "login_code_valid", Part: part, Text: text, From: "bomb.gotmpl"}}})
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, "bomb.gotmpl", "%s in %s", name, part)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(300<<20), "%s in %s", name, part)
		}
	}
}

func TestOutputIsBoundedByPart(t *testing.T) {
	for part, size := range map[template.Part]int{template.Subject: 1 << 10, template.SMS: 1000, template.Text: 256 << 10, template.HTML: 256 << 10} {
		try := func(n int) error {
			_, err := template.New(template.Config{Sources: []template.Source{{Template: "login_code_valid", Part: part, Text: strings.Repeat("x", n-6) + "{{.LoginCode}}", From: "f"}}})
			return err
		}
		// A source is bounded as well, hence the room for the action itself.
		if size < 256<<10 {
			require.NoError(t, try(size), part)
			require.ErrorContains(t, try(size+1), "writes too much", part)
			continue
		}
		require.NoError(t, try(size-20), part)
		_, err := template.New(template.Config{Sources: []template.Source{{Template: "login_code_valid", Part: part, Text: strings.Repeat("x", size-50) + "{{range 10}}{{$.LoginCode}}{{end}}", From: "f"}}})
		require.ErrorContains(t, err, "writes too much", part)
	}
}
