package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// MaxAdminBody bounds the body of a request to the admin API, in bytes.
const MaxAdminBody = 5 << 20

// ReadAdmin reads the JSON body of such a request as Into does.
func ReadAdmin(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := DecodeJSON(w, r, MaxAdminBody)
	if err != nil {
		return err
	}
	return body.Into(v)
}

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
		return fail.Wrap(err, fail.BadRequest, "field_unknown", "The field "+Clip(name)+" is not known here.")
	}
	return fail.Wrap(err, fail.BadRequest, "body_invalid", "A field of the body cannot be read: "+err.Error()+".")
}
