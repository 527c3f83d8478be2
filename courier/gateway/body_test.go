package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/gateway"
	"github.com/foyer-id/foyer/internal/jsonnet"
	"github.com/foyer-id/foyer/internal/web"
)

var _ gateway.Evaluator = (*jsonnet.Pool)(nil)

// program is an Evaluator that answers with what a test says.
type program struct {
	got    jsonnet.Program
	result string
	err    error
}

func (p *program) Evaluate(_ context.Context, got jsonnet.Program) (json.RawMessage, error) {
	p.got = got
	return json.RawMessage(p.result), p.err
}

func TestBodiesByJsonnet(t *testing.T) {
	s := start(t, answer(200, ""))
	p := &program{result: `{"text":"hello"}`}
	c := gateway.Config{Call: web.Call{URL: s.URL}, Body: "function(ctx) {text: 'hello'}"}
	c.Headers = map[string]string{"content-type": "application/vnd.sms+json"}
	l := sms()
	require.NoError(t, channel(t, c, p).Send(t.Context(), l))
	require.Equal(t, `{"text":"hello"}`, s.got()[0].body)
	require.Equal(t, "application/vnd.sms+json", s.got()[0].header.Get("Content-Type"))
	require.Equal(t, c.Body, p.got.Source)
	args, err := json.Marshal(p.got.Args)
	require.NoError(t, err)
	require.JSONEq(t, `{"ctx": {
		"recipient": "+4915112345678", "subject": "", "body": "Your code is 123456", "template_type": "verification_code_valid",
		"template_data": {"to": "+4915112345678", "verification_code": "123456", "identity": {"id": "x"}},
		"message_type": "sms", "request_headers": {}
	}}`, string(args))
	l.Channel, l.Recipient, l.HTML, l.Data = courier.Email, "ada@example.com", "<p>x</p>", nil
	require.NoError(t, channel(t, c, p).Send(t.Context(), l))
	ctx := p.got.Args["ctx"].(map[string]any)
	require.Equal(t, "<p>x</p>", ctx["html_body"])
	require.Equal(t, "email", ctx["message_type"])
	require.Equal(t, courier.Data{}, ctx["template_data"], "never null")
}

func TestFormBodies(t *testing.T) {
	s := start(t, answer(200, ""))
	c := gateway.Config{Call: web.Call{URL: s.URL, Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}}
	require.NoError(t, channel(t, c, nil).Send(t.Context(), sms()))
	require.Equal(t, "body=Your+code+is+123456&recipient=%2B4915112345678&subject=&template_type=verification_code_valid&to=%2B4915112345678&verification_code=123456", s.got()[0].body)
	c.Body = "x"
	require.NoError(t, channel(t, c, &program{result: `{"To":"+49","N":12345678901234567890,"B":true,"Null":null}`}).Send(t.Context(), sms()))
	require.Equal(t, "B=true&N=12345678901234567890&To=%2B49", s.got()[1].body)
	require.Equal(t, "application/x-www-form-urlencoded", s.got()[1].header.Get("Content-Type"))
	for _, bad := range []string{`[1]`, `"x"`, `{"a":{"b":1}}`, `{"a":[1]}`} {
		err := channel(t, c, &program{result: bad}).Send(t.Context(), sms())
		require.True(t, courier.IsPermanent(err), bad)
		require.ErrorContains(t, err, "request_config.body")
	}
	require.Len(t, s.got(), 2)
}

func TestProgramsThatFail(t *testing.T) {
	s := start(t, answer(200, ""))
	c := gateway.Config{Call: web.Call{URL: s.URL}, Body: "x"}
	fault := &jsonnet.Error{Name: "request_config.body", Line: 3, Column: 7, Reason: "Unknown variable: x"}
	err := channel(t, c, &program{err: fault}).Send(t.Context(), sms())
	require.EqualError(t, err, "request_config.body:3:7: Unknown variable: x")
	require.True(t, courier.IsPermanent(err))
	for cause, final := range map[error]bool{
		jsonnet.ErrDepth: true, jsonnet.ErrMemory: true, jsonnet.ErrTooLarge: true,
		jsonnet.ErrTimeout: false, jsonnet.ErrCrashed: false, jsonnet.ErrClosed: false, context.Canceled: false, errors.New("no child"): false,
	} {
		err := channel(t, c, &program{err: fmt.Errorf("request_config.body: %w", cause)}).Send(t.Context(), sms())
		require.ErrorIs(t, err, cause)
		require.Equal(t, final, courier.IsPermanent(err), cause)
	}
	require.True(t, courier.IsPermanent(channel(t, c, &program{result: "null"}).Send(t.Context(), sms())))
	require.Empty(t, s.got(), "nothing was sent")
}
