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
	raw, err := readBounded(name)
	if err != nil {
		return nil, []Problem{{File: name, Reason: err.Error()}}
	}
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
		return nil, []Problem{syntaxProblem(name, raw, err)}
	}
	return src, nil
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case len(raw) > maxConfigFile:
		return nil, fmt.Errorf("larger than %d bytes", maxConfigFile)
	}
	return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// syntaxProblem says where a parser gave up. The parsers agree on no error type.
func syntaxProblem(name string, raw []byte, err error) Problem {
	p := Problem{File: name, Reason: strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "toml: ")}
	var syntax *json.SyntaxError
	var positioned interface{ Position() (row, col int) }
	switch {
	case errors.As(err, &syntax):
		at := placeAt(raw, int(syntax.Offset)-1)
		p.Line, p.Column = at.line, at.col
	case errors.As(err, &positioned):
		p.Line, p.Column = positioned.Position()
	default:
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Column = 1
			p.Reason = strings.TrimPrefix(err.Error(), m[0])
		}
	}
	return p
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
