package selfservice_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

const refusal = "flows~1"

// submit sends what make returns, as the client does.
func submit(make func() values) func(client, flow) answer {
	return func(c client, f flow) answer { return c.Submit(f, make()) }
}

// field submits a valid person with one field changed; nil takes it away.
func field(name string, value any) func(client, flow) answer {
	return submit(func() values {
		if value == nil {
			return someone().Without(name)
		}
		return someone().With(name, value)
	})
}

func TestSubmit(t *testing.T) {
	env := enginetest.New(t)
	// form is a refusal on the form: stored on the flow, nothing else written.
	form := func(name string, do func(client, flow) answer, told string) scenario {
		return scenario{name: name, do: do, html: "303 form " + told, json: "400 form " + told, native: "400 form " + told, writes: refusal}
	}
	play(t, env, []scenario{
		{name: "success", do: submit(someone), writes: done,
			html: "303 http://127.0.0.1:4455/", json: "200 done session", native: "200 done session token"},
		form("method missing", field("method", nil), "4010003"),
		form("method empty", field("method", ""), "4010003"),
		form("method unknown", field("method", "magic"), "4010003"),
		form("method in another case", field("method", "Password"), "4010003"),
		form("password missing", field("password", nil), "password:4000002"),
		form("password empty", field("password", ""), "password:4000002"),
		form("password short", field("password", "xq7!"), "password:4000032"),
		form("password too long", field("password", strings.Repeat("aB3$xyz ", 33)), "password:4000033"),
		form("password of blanks, too short in characters", field("password", "äöüß"), "password:4000032"),
		form("password in every breach", field("password", "password1"), "password:4000005"),
		form("password like the identifier", submit(func() values {
			v := someone()
			return v.With("password", v["traits.email"])
		}), "password:4000031"),
		form("identifier missing", field("traits.email", nil), "traits.email:4000002"),
		form("identifier no address", field("traits.email", "nobody"), "traits.email:4000040"),
		form("number below its minimum", field("traits.age", "9"), "traits.age:4000018"),
		form("no number", field("traits.age", "ten"), "traits.age:4000026"),
		form("fraction where a whole number belongs", field("traits.age", "20.5"), "traits.age:4000026"),
		form("no choice", field("traits.plan", "gold"), "traits.plan:4000001"),
		form("too long", field("traits.name.first", strings.Repeat("x", 41)), "traits.name.first:4000017"),
		form("too many", field("traits.tags", []any{"a", "b", "c", "d"}), "traits.tags:4000023"),
		form("unknown trait", field("traits.role", "admin"), "4000001"),
		form("no boolean", field("traits.newsletter", "perhaps"), "traits.newsletter:4000026"),
		form("everything at once", submit(func() values {
			return values{"method": "password", "traits.email": "nobody", "traits.age": "9", "traits.plan": "gold", "password": "xq7!"}
		}), "traits.email:4000040 password:4000032 traits.age:4000018 traits.plan:4000001"),
		{name: "a strategy that is not enabled", refused: "404 self_service_method_disabled", do: field("method", "oidc")},
		form("a strategy of another kind", field("method", "totp"), "4010003"),
		{name: "empty JSON object", json: "400 form 4010003", native: "400 form 4010003", writes: refusal, do: func(c client, f flow) answer {
			return c.Submit(f, values{})
		}},
		{name: "flow missing", noFlow: true, refused: "400 flow_id_invalid", do: func(c client, _ flow) answer {
			return c.Post("/self-service/registration", someone())
		}},
		{name: "flow no uuid", noFlow: true, refused: "400 flow_id_invalid", do: func(c client, _ flow) answer {
			return c.Post("/self-service/registration?flow=abc", someone())
		}},
		{name: "flow in the body only", noFlow: true, refused: "400 flow_id_invalid", do: func(c client, _ flow) answer {
			return c.Post("/self-service/registration", someone().With("flow", unknown))
		}},
		{name: "flow unknown", noFlow: true, refused: "404 self_service_flow_not_found", do: func(c client, _ flow) answer {
			return c.Post("/self-service/registration?flow="+unknown, someone())
		}},
		{name: "traits a word", refused: "400 traits_invalid", do: func(c client, f flow) answer {
			return c.Submit(f, values{"method": "password", "traits": "x"})
		}},
		{name: "traits a list", json: "400 traits_invalid", native: "400 traits_invalid", do: func(c client, f flow) answer {
			return c.Submit(f, values{"method": "password", "traits": []any{"x"}})
		}},
		{name: "transient_payload a word", refused: "400 transient_payload_invalid", do: field("transient_payload", "x")},
		{name: "traits over 64 KiB", refused: "413 traits_too_large", do: field("traits.name.last", strings.Repeat("x", 65<<10))},
	})
}

// What a body looks like on the wire, and what is not one.
func TestSubmitBodies(t *testing.T) {
	env := enginetest.New(t)
	raw := func(contentType string, make func(c client, f flow) string, headers ...string) func(client, flow) answer {
		return func(c client, f flow) answer { return post(c, f.UI.Action, contentType, make(c, f), headers...) }
	}
	fixed := func(s string) func(client, flow) string { return func(client, flow) string { return s } }
	valid := func(c client, f flow) string { return body(c, f, someone()) }
	sent := func(contentType, told string) scenario {
		return scenario{name: "as " + contentType, do: raw(contentType, valid), refused: told}
	}
	// broken is a JSON body that no client gets through.
	broken := func(name, told, text string) scenario {
		return scenario{name: name, json: "400 " + told, native: "400 " + told, html: "400 " + told, do: raw("application/json", fixed(text))}
	}
	csrf := func(f flow) string { return fmt.Sprint(f.Value("csrf_token")) }
	play(t, env, []scenario{
		sent("text/plain", "400 content_type_unsupported"),
		sent("application/xml", "400 content_type_unsupported"),
		sent("application/json; charset=latin1", "400 content_type_unsupported"),
		sent("", "400 content_type_unsupported"),
		{name: "empty", do: raw("application/x-www-form-urlencoded", fixed("")), refused: "400 body_empty"},
		{name: "empty JSON", do: raw("application/json", fixed("")), all: "400 body_empty"},
		{name: "over 1 MiB", refused: "413 body_too_large", do: raw("application/x-www-form-urlencoded", fixed("a="+strings.Repeat("x", 1<<20)))},
		{name: "form with a broken escape", refused: "400 form_encoding_invalid", do: raw("application/x-www-form-urlencoded", fixed("traits.email=%zz"))},
		{name: "form with NUL", refused: "400 form_nul", do: raw("application/x-www-form-urlencoded", fixed("traits.email=a%00b"))},
		{name: "form with invalid UTF-8", refused: "400 form_utf8_invalid", do: raw("application/x-www-form-urlencoded", fixed("traits.email=%ff"))},
		{name: "form whose names collide", refused: "400 form_duplicate_key", do: raw("application/x-www-form-urlencoded", fixed("traits=a&traits.email=b"))},
		{name: "form whose names differ in case", refused: "400 form_duplicate_key", do: raw("application/x-www-form-urlencoded", fixed("traits.email=a&Traits.email=b"))},
		{name: "multipart without boundary", refused: "400 form_invalid", do: raw("multipart/form-data", fixed("x"))},
		broken("no JSON", "json_invalid", "{"),
		broken("more than one JSON", "json_invalid", "{}{}"),
		broken("JSON list", "json_not_object", "[]"),
		broken("JSON null", "json_not_object", "null"),
		broken("JSON with a key twice", "json_duplicate_key", `{"method":"password","method":"password"}`),
		broken("JSON with a key in two cases", "json_duplicate_key", `{"traits":{"email":"a","Email":"b"}}`),
		broken("JSON with dotted and nested", "json_duplicate_key", `{"traits.email":"a","traits":{"email":"b"}}`),
		broken("JSON with invalid UTF-8", "json_utf8_invalid", "{\"a\":\"\xff\"}"),
		broken("JSON with NUL", "json_nul", `{"a":"\u0000"}`),
		broken("JSON nested 33 deep", "json_too_deep", strings.Repeat(`{"a":`, 33)+"1"+strings.Repeat("}", 33)),
		broken("JSON number without measure", "json_number_invalid", `{"a":1e999}`),
		{name: "JSON with byte order mark", do: raw("application/json", fixed("\uFEFF{}")), all: "400 json_invalid"},
		{name: "dotted names in JSON", json: "200 done session", native: "200 done session token", writes: done, do: func(c client, f flow) answer {
			return c.Submit(f, someone().With("traits.name.first", "Ada"))
		}},
		{name: "nested names in JSON", json: "200 done session", native: "200 done session token", writes: done, do: func(c client, f flow) answer {
			return c.Submit(f, values{"method": "password", "password": "a good long Passphrase 9", "traits": map[string]any{"email": address(), "name": map[string]any{"first": "Ada"}}})
		}},
		{name: "dotted beside nested", json: "200 done session", native: "200 done session token", writes: done, do: func(c client, f flow) answer {
			return c.Submit(f, values{"method": "password", "password": "a good long Passphrase 9", "traits.email": address(), "traits.name": map[string]any{"first": "Ada"}})
		}},
		{name: "charset named", json: "200 done session", native: "200 done session token", writes: done, do: raw("application/json; charset=UTF-8", valid)},
		{name: "multipart", html: "303 http://127.0.0.1:4455/", json: "200 done session", native: "200 done session token", writes: done, do: func(c client, f flow) answer {
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			for name, value := range f.Fill(someone()) {
				require.NoError(t, w.WriteField(name, value.(string)))
			}
			require.NoError(t, w.Close())
			return post(c, f.UI.Action, w.FormDataContentType(), b.String())
		}},
		{name: "form of a repeated name: the last counts", html: "303 http://127.0.0.1:4455/", writes: done, do: raw("application/x-www-form-urlencoded", func(c client, f flow) string {
			return "traits.email=nobody&" + body(c, f, someone()) + "&traits.age=1&traits.age=20"
		})},
		{name: "JSON posted by a page to an HTML flow", html: "200 done session", writes: done, do: func(c client, f flow) answer {
			return post(c, f.UI.Action, "application/json", fmt.Sprintf(`{"method":"password","csrf_token":%q,"password":"a good long Passphrase 9","traits":{"email":%q}}`, csrf(f), address()), "Accept", "application/json")
		}},
		{name: "unknown keys are ignored", html: "303 http://127.0.0.1:4455/", json: "200 done session", native: "200 done session token", writes: done, do: submit(func() values {
			return someone().With("id", unknown).With("state", "inactive").With("schema_id", "staff").With("metadata_admin.role", "root").With("credentials.x", "y")
		})},
	})
}

// An empty string in JSON is a string, and judged as one; an empty form field
// of an optional property was left out.
func TestEmptyValues(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.Refused(c.Open(""), someone().With("traits.email", "").With("traits.age", ""))
		require.Equal(t, []int{4000040, 4000003}, f.IDs("traits.email"), c.Kind)
		require.Equal(t, "", f.Value("traits.email"))
		if c.Kind == enginetest.HTML {
			require.Empty(t, f.IDs("traits.age"))
		} else {
			require.Equal(t, []int{4000026}, f.IDs("traits.age"))
		}
		a := c.Submit(c.Open(""), someone().With("traits.name.first", "").With("traits.plan", "free"))
		require.Less(t, a.Status, 400, "%s", a.Body)
	}
	for _, row := range env.Rows()["identities"] {
		require.NotContains(t, row, `"age"`)
	}
}

// Values arrive in the types of the schema, from forms and from JSON.
func TestValuesAreParsed(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for _, c := range env.Clients() {
		v := someone().With("traits.age", "20").With("traits.newsletter", true).With("traits.tags", []any{"a", "b"}).With("traits.plan", "pro")
		if c.Kind == enginetest.HTML {
			v = v.With("traits.newsletter", "on")
		}
		register(t, c, v)
		found := env.Admin("GET", "/admin/identities?credentials_identifier="+v["traits.email"].(string), nil)
		require.Contains(t, string(found.Body), `"traits":{"age":20,"email":"`+v["traits.email"].(string)+`","newsletter":true,"plan":"pro","tags":["a","b"]}`, c.Kind)
	}
}

// A method that the program has and the operator has not.
func TestMethodDisabled(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.methods.password.enabled", false))
	play(t, env, []scenario{
		{name: "submit", refused: "404 self_service_method_disabled", do: submit(someone)},
		{name: "no method", do: field("method", nil), html: "303 form 4010003", json: "400 form 4010003", native: "400 form 4010003", writes: refusal},
	})
	require.Equal(t, []string{"csrf_token"}, nodes(env.Native().Open("")))
}

func TestDuplicateIdentifier(t *testing.T) {
	env := enginetest.New(t)
	register(t, env.Native(), enginetest.Person("Grace.Hopper@Example.org"))
	var scenarios []scenario
	for _, spelling := range []string{
		"Grace.Hopper@Example.org", "grace.hopper@example.org", "GRACE.HOPPER@EXAMPLE.ORG",
		"grace.hopper@EXAMPLE.org", "gRACE.hOPPER@eXAMPLE.oRG",
	} {
		scenarios = append(scenarios, scenario{name: spelling, do: field("traits.email", spelling),
			html: "303 form 4000007", json: "400 form 4000007", native: "400 form 4000007", writes: refusal})
	}
	play(t, env, scenarios)
	require.Equal(t, 1, env.Identities())

	// Blanks around an address make it no address in JSON and in a form alike,
	// so they never get as far as being a duplicate.
	c := env.SPA()
	refused := c.Refused(c.Open(""), enginetest.Person("  grace.hopper@example.org "))
	require.NotEmpty(t, append(refused.IDs("traits.email"), refused.IDs("")...))
	require.Equal(t, 1, env.Identities())

	// The refused flow is mended and ends well, for every client.
	for _, c := range env.Clients() {
		f := c.Refused(c.Open(""), enginetest.Person("grace.hopper@example.org"))
		require.Equal(t, "grace.hopper@example.org", f.Value("traits.email"))
		require.Less(t, c.Submit(f, someone()).Status, 400)
	}
}

const usernameSchema = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
  "username": {"type": "string", "title": "Username", "minLength": 3, "maxLength": 64, "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}},
  "required": ["username"], "additionalProperties": false}}}`

// A name is one name however it is written.
func TestDuplicateUsername(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(usernameSchema))
	name := func(username string) values {
		return values{"method": "password", "traits.username": username, "password": "a good long Passphrase 9"}
	}
	register(t, env.Native(), name("Straße-finé"))
	var scenarios []scenario
	for _, spelling := range []string{
		"Straße-finé", "straße-finé", "STRASSE-FINÉ", "  strasse-finé ", "stra\u00dfe-fine\u0301", "ｓｔｒａｓｓｅ-ﬁné", "STRA\u1e9eE-ﬁne\u0301", "\u00a0straße-finé\u3000",
	} {
		scenarios = append(scenarios, scenario{name: spelling, html: "303 form 4000007", json: "400 form 4000007", native: "400 form 4000007",
			writes: refusal, do: submit(func() values { return name(spelling) })})
	}
	for _, spelling := range []string{"stra\u00adße-finé", "straße\u200b-finé", "\ufeffstraße-finé", "straße-finé\u202e"} {
		scenarios = append(scenarios, scenario{name: "invisible " + spelling, html: "303 form traits.username:4000001", json: "400 form traits.username:4000001", native: "400 form traits.username:4000001",
			writes: refusal, do: submit(func() values { return name(spelling) })})
	}
	scenarios = append(scenarios, scenario{name: "blanks", html: "303 form traits.username:4000003", json: "400 form traits.username:4000003", native: "400 form traits.username:4000003",
		writes: refusal, do: submit(func() values { return name("   ") })})
	play(t, env, scenarios)
	require.Equal(t, 1, env.Identities())
}

func TestSubmitSignedIn(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		early := c.Open("return_to=https%3A%2F%2Fapp.example.org%2Fin")
		a := register(t, c, someone())
		if c.Kind == enginetest.Native {
			c.Head.Set("X-Session-Token", token(t, a))
		}
		before := env.Rows()
		a = c.Submit(early, someone())
		// Signing in has renewed the CSRF secret, of which nobody is accused.
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 http://127.0.0.1:4455/", tell(c, a))
		} else {
			require.Equal(t, "400 session_already_available", tell(c, a))
		}
		require.Empty(t, env.Rows().Without("flow_errors").Since(before.Without("flow_errors")))
	}
	// A browser that is signed in and has the flow's own CSRF secret.
	b := env.Browser()
	early := b.Open("")
	other := env.Native()
	b.Head.Set("X-Session-Token", token(t, register(t, other, someone())))
	before := env.Rows()
	require.Equal(t, "303 http://127.0.0.1:4455/", tell(b, b.Submit(early, someone())))
	spa := b.Copy()
	spa.Kind = enginetest.JSON
	spa.Head.Set("Accept", "application/json")
	require.Equal(t, "400 session_already_available", tell(spa, spa.Submit(early, someone())))
	require.Empty(t, env.Rows().Since(before))
}

// The answer of a success is the wire's, with and without a session.
func TestSuccess(t *testing.T) {
	for _, session := range []bool{true, false} {
		var options []enginetest.Option
		if !session {
			options = append(options, enginetest.WithoutSession())
		}
		env := enginetest.New(t, options...)
		for _, c := range env.Clients() {
			a := register(t, c, someone().With("traits.name.first", "Ada"))
			if c.Kind == enginetest.HTML {
				require.Equal(t, http.StatusSeeOther, a.Status)
				require.Equal(t, session, c.Cookie("ory_kratos_session") != "")
				continue
			}
			body := a.JSON()
			require.Equal(t, session && c.Kind == enginetest.Native, body["session_token"] != nil)
			require.Equal(t, session, body["session"] != nil)
			require.Equal(t, session && c.Kind == enginetest.JSON, c.Cookie("ory_kratos_session") != "")
			actions := []string{}
			for _, item := range body["continue_with"].([]any) {
				actions = append(actions, item.(map[string]any)["action"].(string))
			}
			switch {
			case c.Kind == enginetest.JSON:
				require.Equal(t, []string{"redirect_browser_to"}, actions)
			case session:
				require.Equal(t, []string{"set_ory_session_token"}, actions)
				require.Equal(t, body["session_token"], body["continue_with"].([]any)[0].(map[string]any)["ory_session_token"])
				require.Regexp(t, "^ory_st_[A-Za-z0-9]{32}$", body["session_token"])
			default:
				require.Empty(t, actions)
			}
			person := body["identity"].(map[string]any)
			require.Equal(t, env.PublicURL+"/schemas/default", person["schema_url"])
			require.Equal(t, "active", person["state"])
			require.Contains(t, person, "metadata_public")
			for _, secret := range []string{"credentials", "metadata_admin"} {
				require.NotContains(t, person, secret)
			}
			address := person["verifiable_addresses"].([]any)[0].(map[string]any)
			require.Equal(t, false, address["verified"])
			require.Equal(t, "pending", address["status"])
			require.Equal(t, "email", address["via"])
			require.Nil(t, address["verified_at"])
			require.Equal(t, address["value"], person["recovery_addresses"].([]any)[0].(map[string]any)["value"])
			if !session {
				continue
			}
			s := body["session"].(map[string]any)
			require.Equal(t, true, s["active"])
			require.Equal(t, "aal1", s["authenticator_assurance_level"])
			require.Equal(t, "password", s["authentication_methods"].([]any)[0].(map[string]any)["method"])
			require.Equal(t, person["id"], s["identity"].(map[string]any)["id"])
		}
	}
}
