package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	jsonparser "github.com/knadh/koanf/parsers/json"
	tomlparser "github.com/knadh/koanf/parsers/toml/v2"
	yamlparser "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// pathSep joins the keys of a path. Keys of a configuration may hold dots, so
// a dot would do no good.
const pathSep = "\x00"

// maxConfigFile bounds a configuration file; inline schemas and keys fit easily.
const maxConfigFile = 4 << 20

// place is a position in a file, counted from 1.
type place struct{ line, col int }

// source is one configuration file that was understood, and where its keys stand.
type source struct {
	name   string
	places map[string]place // by path joined with pathSep; "" is the beginning
}

// readSource loads one file onto k. What is wrong with the file itself comes
// back as problems, and then nothing was loaded.
func readSource(k *koanf.Koanf, name string) (*source, []Problem) {
	raw, err := readAtMost(name, maxConfigFile)
	if err != nil {
		return nil, []Problem{{File: name, Reason: err.Error()}}
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	src := &source{name: name}
	var parser koanf.Parser
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".yml", ".yaml":
		parser = yamlparser.Parser()
		places, problems := yamlPlaces(name, raw)
		if len(problems) > 0 {
			return nil, problems
		}
		src.places = places
	case ".json":
		parser = jsonparser.Parser()
		places, problems := jsonPlaces(name, raw)
		if len(problems) > 0 {
			return nil, problems
		}
		src.places = places
	case ".toml":
		parser = tomlparser.Parser()
		src.places = tomlPlaces(raw)
	default:
		return nil, []Problem{{File: name, Reason: fmt.Sprintf("%q is no known extension: .yml, .yaml, .json or .toml", ext)}}
	}
	if err := k.Load(rawbytes.Provider(raw), parser); err != nil {
		return nil, []Problem{syntaxProblem(name, raw, err, func(b []byte) error {
			_, err := parser.Unmarshal(b)
			return err
		})}
	}
	return src, nil
}

// readAtMost reads a whole file of up to most bytes. Errors do not name it.
func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case int64(len(raw)) > most:
		return nil, fmt.Errorf("larger than %d bytes", most)
	}
	return raw, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// syntaxProblem says where a parser gave up. The parsers agree on no error
// type; one that tells no line is asked again, how much of raw it dislikes.
func syntaxProblem(name string, raw []byte, err error, parse func([]byte) error) Problem {
	p := Problem{File: name, Reason: strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "toml: ")}
	var syntax *json.SyntaxError
	var positioned interface{ Position() (row, col int) }
	m := yamlLine.FindStringSubmatch(err.Error())
	switch {
	case errors.As(err, &syntax):
		at := placeAt(raw, int(syntax.Offset)-1)
		p.Line, p.Column = at.line, at.col
	case errors.As(err, &positioned):
		p.Line, p.Column = positioned.Position()
	case m != nil:
		p.Line, _ = strconv.Atoi(m[1])
		p.Column = 1
		p.Reason = strings.TrimPrefix(err.Error(), m[0])
	default:
		p.Line, p.Column = firstLine(raw, err, parse), 1
	}
	return p
}

// firstLine is the line up to which raw must be read for parse to fail with err.
func firstLine(raw []byte, err error, parse func([]byte) error) int {
	lines := bytes.SplitAfter(raw, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		again := parse(bytes.Join(lines[:i+1], nil))
		return again != nil && again.Error() == err.Error()
	})
}

// placeAt turns an offset into line and column.
func placeAt(raw []byte, offset int) place {
	before := raw[:min(max(offset, 0), len(raw))]
	return place{bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')}
}

// locate finds the place of path: the key itself, or the nearest one above it
// that is written down. Later files win, as their values do.
func locate(sources []*source, path []string) (file string, at place) {
	for n := len(path); n >= 0; n-- {
		for i := len(sources) - 1; i >= 0; i-- {
			if at, ok := sources[i].places[strings.Join(path[:n], pathSep)]; ok && (n > 0 || len(sources) == 1) {
				return sources[i].name, at
			}
		}
	}
	if len(sources) > 0 {
		return sources[0].name, place{1, 1}
	}
	return "", place{}
}
