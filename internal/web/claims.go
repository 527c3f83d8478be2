package web

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"
)

// ParseValue reads JSON as strictly as what clients send: nothing twice, nothing
// that a database cannot hold, numbers as json.Number. Unlike those of ParseJSON
// names stay whole, whatever dots they have.
func ParseValue(raw []byte) (any, error) {
	if !json.Valid(raw) { // lest it closes what is put around it
		return nil, errors.New("it is no JSON")
	}
	body, err := ParseJSON(slices.Concat([]byte(`{"it":`), raw, []byte(`}`)))
	if err != nil {
		return nil, err
	}
	return body.Fields["it"], nil
}

// ParseObject is ParseValue of an object.
func ParseObject(raw []byte) (map[string]any, error) {
	v, err := ParseValue(raw)
	if err != nil {
		return nil, err
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is no JSON object")
	}
	return fields, nil
}

// Instant reads a claim of seconds since 1970.
func Instant(claims map[string]any, name string) (time.Time, error) {
	n, ok := claims[name].(json.Number)
	if !ok {
		return time.Time{}, errors.New(name + " is no number")
	}
	seconds, err := n.Float64()
	if err != nil || math.Abs(seconds) > 1<<40 {
		return time.Time{}, errors.New(name + " is out of range")
	}
	return time.Unix(int64(seconds), 0), nil
}

// Texts reads a claim that is one text or a list of them, as aud is. It is nil
// where there is none, and an error where it is anything else.
func Texts(claims map[string]any, name string) ([]string, error) {
	switch v := claims[name].(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		var all []string
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return nil, errors.New(name + " is malformed")
			}
			all = append(all, text)
		}
		return all, nil
	}
	return nil, errors.New(name + " is malformed")
}
