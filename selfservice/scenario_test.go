package selfservice_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// The clients and values of enginetest, under the names scenarios use.
type (
	client = *enginetest.Client
	flow   = *enginetest.Flow
	answer = *enginetest.Answer
	values = enginetest.Values
)

// scenario is one deed, what each client is told, and all that the deed writes.
// What is told is a line as told makes it; what is written is a line as
// enginetest.Rows.Since makes it.
type scenario struct {
	name string
	// do has a flow opened by the client; nil with noFlow.
	do     func(c client, f flow) answer
	noFlow bool
	kind   string // of the flow; empty for a registration

	html, json, native string
	// all stands for the three where they are told the same.
	all string
	// refused stands for an envelope: json and native read it, html is sent to
	// the error page, where it is stored.
	refused string
	writes  string
}

// done is all that a registration writes into its flow's transaction.
const done = "addresses+2 credentials+1 flows~1 identifiers+1 identities+1 session_tokens+1 sessions+1"

func (s scenario) want(kind enginetest.ClientKind) (told, written string) {
	told, written = s.all, s.writes
	switch {
	case s.refused != "" && kind == enginetest.HTML:
		return "303 error " + s.refused, strings.TrimSpace("flow_errors+1 " + written)
	case s.refused != "":
		return s.refused, written
	case s.all != "":
	case kind == enginetest.HTML:
		told = s.html
	case kind == enginetest.JSON:
		told = s.json
	default:
		told = s.native
	}
	return told, written
}

func (s scenario) applies(kind enginetest.ClientKind) bool {
	told, _ := s.want(kind)
	return told != ""
}

// play runs each scenario for each client that it says anything about.
func play(t *testing.T, env *enginetest.Env, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			played := false
			for _, c := range env.Clients() {
				if !s.applies(c.Kind) {
					continue
				}
				played = true
				var f flow
				if !s.noFlow {
					f = c.OpenKind(cmp.Or(s.kind, "registration"), "")
				}
				before := env.Rows()
				a := s.do(c, f)
				after := env.Rows()
				told, written := s.want(c.Kind)
				require.Equal(t, told, tell(c, a), "%s: %d %s", c.Kind, a.Status, a.Body)
				require.Equal(t, written, after.Since(before), "%s writes", c.Kind)
			}
			require.True(t, played)
		})
	}
}

// tell puts an answer into one line: the status, where a browser is sent, and
// what is read there.
//
//	200 form                            a flow, nothing wrong with it
//	400 form traits.email:4000040       a flow with a message on a node
//	400 form 4010003                    a flow with a message of its own
//	400 body_empty                      an error envelope
//	303 form …, 303 error 400 …         the same by way of the UI's pages
//	303 http://…                        anywhere else
//	200 done session token              an identity, what came with it
func tell(c client, a answer) string {
	status := fmt.Sprint(a.Status)
	if a.Status == http.StatusSeeOther {
		to := a.Location()
		switch {
		case to.Host == "127.0.0.1:4455" && slices.Contains([]string{"/registration", "/login", "/verification", "/recovery", "/settings"}, to.Path):
			return status + " form" + messages(c.ReadKind(to.Path[1:], to.Query().Get("flow")))
		case to.Host == "127.0.0.1:4455" && to.Path == "/error":
			stored := c.Get("/self-service/errors?id=" + to.Query().Get("id"))
			inner := stored.JSON()["error"].(map[string]any)
			return fmt.Sprint(status, " error ", inner["code"], " ", inner["id"])
		}
		return status + " " + to.String()
	}
	var body struct {
		UI       json.RawMessage `json:"ui"`
		Identity json.RawMessage `json:"identity"`
		Session  json.RawMessage `json:"session"`
		Token    string          `json:"session_token"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return status + " " + a.Header.Get("Content-Type")
	}
	switch {
	case a.ErrorID() != "":
		return status + " " + a.ErrorID()
	case body.UI != nil:
		return status + " form" + messages(a.Flow())
	case body.Identity != nil || body.Session != nil:
		line := status + " done"
		if body.Session != nil {
			line += " session"
		}
		if body.Token != "" {
			line += " token"
		}
		return line
	}
	return status
}

// messages lists a form's messages: its own ones, then the nodes' in the order
// of the nodes.
func messages(f flow) string {
	var out []string
	for _, id := range f.IDs("") {
		out = append(out, fmt.Sprint(id))
	}
	for _, n := range f.UI.Nodes {
		for _, m := range n.Messages {
			out = append(out, fmt.Sprint(n.Attributes.Name, ":", m.ID))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " " + strings.Join(out, " ")
}

// nodes lists the names of a form's nodes in their order.
func nodes(f flow) []string {
	var out []string
	for _, n := range f.UI.Nodes {
		out = append(out, n.Attributes.Name)
	}
	return out
}

// serial makes each call's address its own.
var serial = func() func() int {
	calls := make(chan int, 1)
	calls <- 0
	return func() int { n := <-calls + 1; calls <- n; return n }
}()

// someone returns a valid registration of a person nobody has registered yet.
func someone() values { return enginetest.Person(address()) }

func address() string { return fmt.Sprintf("person-%d@example.org", serial()) }

// post sends a body of any type and headers as pairs.
func post(c client, to, contentType, body string, headers ...string) answer {
	req := c.Request(http.MethodPost, to, strings.NewReader(body))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return c.Do(with(req, headers...))
}

// with sets headers given as pairs; an empty value leaves the header out even
// where the client would send it.
func with(req *http.Request, headers ...string) *http.Request {
	for pair := range slices.Chunk(headers, 2) {
		if pair[1] == "" {
			req.Header[http.CanonicalHeaderKey(pair[0])] = nil
			continue
		}
		req.Header.Add(pair[0], pair[1])
	}
	return req
}

// body encodes v for a flow as the client would.
func body(c client, f flow, v values) string {
	_, raw := c.Encode(f.Fill(v))
	return string(raw)
}

// register signs somebody up on a flow of their own and returns the answer.
func register(t *testing.T, c client, v values) answer {
	t.Helper()
	a := c.Submit(c.Open(""), v)
	require.Less(t, a.Status, http.StatusBadRequest, "%s", a.Body)
	return a
}

// token is the session token of a native client's answer.
func token(t *testing.T, a answer) string {
	t.Helper()
	s, ok := a.JSON()["session_token"].(string)
	require.True(t, ok, "%s", a.Body)
	return s
}

var regexpID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

func jsonBody(v values) io.Reader {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return bytes.NewReader(raw)
}
