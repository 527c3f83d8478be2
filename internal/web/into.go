package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// Into reads the body into the struct that v points to. A field that v does not
// have is refused by name, and so is a value of another type; both are a
// *fail.Error.
func (b *Body) Into(v any) error {
	d := json.NewDecoder(bytes.NewReader(b.Canonical()))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var typed *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typed):
		return fail.Wrap(err, fail.BadRequest, "body_invalid", "The field "+strconv.Quote(typed.Field)+" must not be a "+typed.Value+".")
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return fail.Wrap(err, fail.BadRequest, "field_unknown", "The field "+name+" is not known here.")
	}
	return fail.Wrap(err, fail.BadRequest, "body_invalid", "A field of the body cannot be read: "+err.Error()+".")
}
