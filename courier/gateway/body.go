package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// facts are the fields of a message's data that the built-in body repeats, null
// where the message has none.
var facts = []string{"recovery_code", "recovery_url", "verification_code", "verification_url", "login_code", "registration_code"}

// body makes what the gateway is sent for l.
func (c *Channel) body(ctx context.Context, l *courier.Letter) ([]byte, error) {
	data := maps.Clone(l.Data)
	if data == nil {
		data = courier.Data{}
	}
	if c.config.Body == "" {
		all := map[string]any{
			"recipient": l.Recipient, "template_type": l.Template, "to": l.Recipient, "subject": l.Subject, "body": l.Text,
		}
		for _, name := range facts {
			all[name] = data[name]
		}
		return c.encode(json.Marshal(all))
	}
	args := map[string]any{
		"recipient": l.Recipient, "subject": l.Subject, "body": l.Text, "template_type": l.Template, "template_data": data,
		"message_type": l.Channel, "request_headers": map[string]any{},
	}
	if l.HTML != "" {
		args["html_body"] = l.HTML
	}
	result, err := c.jsonnet.Evaluate(ctx, jsonnet.Program{Name: "request_config.body", Source: c.config.Body, Args: map[string]any{"ctx": args}})
	if jsonnet.Final(err) {
		return nil, courier.Permanent(err)
	}
	if err == nil && string(result) == "null" {
		return nil, courier.Permanent(errors.New("request_config.body: its result is null"))
	}
	return c.encode(result, err)
}

// encode brings JSON into the content type that was asked for.
func (c *Channel) encode(raw []byte, err error) ([]byte, error) {
	if err != nil || c.kind != form {
		return raw, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, courier.Permanent(errors.New("request_config.body: its result is no object, which a form needs"))
	}
	values := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch v := fields[name].(type) {
		case nil:
		case string, json.Number, bool:
			values.Set(name, fmt.Sprint(v))
		default:
			return nil, courier.Permanent(fmt.Errorf("request_config.body: %s is neither text nor a number, which a form needs", name))
		}
	}
	return []byte(values.Encode()), nil
}
