package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// DecodeEntries reads a JSON body that is an object with one list, called name, of
// at most most entries, and returns these as they were sent: what is wrong with
// one, ParseJSON tells of that one alone. All errors are *fail.Error.
func DecodeEntries(w http.ResponseWriter, r *http.Request, limit int64, name string, most int) ([]json.RawMessage, error) {
	raw, err := readJSON(w, r, limit)
	if err != nil {
		return nil, err
	}
	d := &jsonReader{dec: json.NewDecoder(bytes.NewReader(raw))}
	if err := d.delimiter('{', "The body must be a JSON object."); err != nil {
		return nil, err
	}
	var entries []json.RawMessage
	for seen := false; d.dec.More(); seen = true {
		key, err := d.name()
		if err != nil {
			return nil, err
		}
		if key != name {
			return nil, fail.New(fail.BadRequest, "field_unknown", "The field "+strconv.Quote(Clip(key))+" is not known here.")
		}
		if seen {
			return nil, refuseName("json", "duplicate_key", key, "is given twice, in one or another spelling")
		}
		if entries, err = d.entries(name, most); err != nil {
			return nil, err
		}
	}
	if _, err := d.token(); err != nil {
		return nil, err
	}
	return entries, d.end()
}

func (d *jsonReader) entries(name string, most int) (entries []json.RawMessage, err error) {
	if err := d.delimiter('[', "The field "+strconv.Quote(name)+" has to be a list."); err != nil {
		return nil, err
	}
	for d.dec.More() {
		if len(entries) == most {
			return nil, fail.New(fail.BadRequest, "batch_too_large", fmt.Sprintf("The list %s has more than %d entries.", name, most))
		}
		var entry json.RawMessage
		if err := d.dec.Decode(&entry); err != nil {
			return nil, d.broken(Clip(err.Error()))
		}
		entries = append(entries, entry)
	}
	_, err = d.token()
	return entries, err
}

// DecodeArray reads a JSON body that is a list, as Decode reads an object. Its
// Content-Type is application/json or one of more.
func DecodeArray(w http.ResponseWriter, r *http.Request, limit int64, more ...string) ([]any, error) {
	raw, err := readJSON(w, r, limit, more...)
	if err != nil {
		return nil, err
	}
	if err := checkText(raw); err != nil {
		return nil, err
	}
	d := &jsonReader{dec: json.NewDecoder(bytes.NewReader(raw))}
	d.dec.UseNumber()
	if err := d.delimiter('[', "The body must be a JSON list."); err != nil {
		return nil, err
	}
	list, err := d.array(1)
	if err != nil {
		return nil, err
	}
	return list, d.end()
}

func (d *jsonReader) delimiter(want json.Delim, otherwise string) error {
	tok, err := d.token()
	if err == nil && tok != want {
		err = fail.New(fail.BadRequest, "body_invalid", otherwise)
	}
	return err
}

func (d *jsonReader) end() error {
	if _, err := d.dec.Token(); err != io.EOF {
		return d.broken("something follows it")
	}
	return nil
}

// readJSON reads a body that is there and says that it is JSON.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, more ...string) ([]byte, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || media != "application/json" && !slices.Contains(more, media) || given && !strings.EqualFold(charset, "utf-8") {
		return nil, fail.New(fail.BadRequest, "content_type_unsupported", "The Content-Type must be application/json, in UTF-8.")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, fail.New(fail.BadRequest, "content_encoding_unsupported", "The body is sent with a Content-Encoding; send it as it is.")
	}
	raw, err := readAll(w, r, limit)
	if err == nil && len(raw) == 0 {
		err = fail.New(fail.BadRequest, "body_empty", "The request has no body.")
	}
	return raw, err
}
