package web

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/foyer-id/foyer/internal/fail"
)

// formReader gathers the values of a form by name; names are expanded only
// once all are known and counted.
type formReader struct {
	order  []string
	values map[string][]string
	count  int
}

func decodeForm(raw string) (*Body, error) {
	f := &formReader{values: map[string][]string{}}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if nameErr != nil || valueErr != nil {
			return nil, refuseName("form", "encoding_invalid", strings.ToValidUTF8(name, "�"), "or its value is not validly percent-encoded")
		}
		if err := f.add(name, value); err != nil {
			return nil, err
		}
	}
	return f.body()
}

// decodeMultipart reads fields. A part that claims to be a file is refused,
// and a transfer encoding is not undone: browsers send neither for fields.
func decodeMultipart(raw []byte, boundary string) (*Body, error) {
	broken := func(err error) error {
		return fail.Wrap(err, fail.BadRequest, "form_invalid", "The body is not valid multipart/form-data.")
	}
	if boundary == "" {
		return nil, broken(fmt.Errorf("no boundary"))
	}
	f := &formReader{values: map[string][]string{}}
	parts := multipart.NewReader(bytes.NewReader(raw), boundary)
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one says that the body ends too early
			return f.body()
		}
		if err != nil {
			return nil, broken(err)
		}
		disposition, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil || disposition != "form-data" {
			return nil, broken(fmt.Errorf("a part is no form field"))
		}
		if _, file := params["filename"]; file {
			return nil, refuseName("form", "file_unsupported", strings.ToValidUTF8(params["name"], "�"), "is a file, and no form here takes files")
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, broken(err)
		}
		if err := f.add(params["name"], string(value)); err != nil {
			return nil, err
		}
	}
}

func (f *formReader) add(name, value string) error {
	if !utf8.ValidString(name) || !utf8.ValidString(value) {
		return refuseName("form", "utf8_invalid", strings.ToValidUTF8(name, "�"), "or its value is not valid UTF-8")
	}
	if strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
		return refuseName("form", "nul", strings.ReplaceAll(name, "\x00", "␀"), "or its value contains a NUL character")
	}
	if f.count++; f.count > MaxFormValues {
		return fail.New(fail.BadRequest, "form_too_many_values", fmt.Sprintf("The form has more than %d values.", MaxFormValues))
	}
	if _, known := f.values[name]; !known {
		if len(f.order) == MaxKeys {
			return fail.New(fail.BadRequest, "form_too_many_keys", fmt.Sprintf("The form has more than %d names.", MaxKeys))
		}
		f.order = append(f.order, name)
	}
	f.values[name] = append(f.values[name], value)
	return nil
}

func (f *formReader) body() (*Body, error) {
	root := newBranch()
	for _, name := range f.order {
		at, leaf, _, err := root.place("form", name)
		if err != nil {
			return nil, err
		}
		at.fields[leaf] = f.values[name]
	}
	return &Body{Fields: root.fields}, nil
}
