package selfservice_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// withPhone is a schema with a phone number to prove besides the address.
const withPhone = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
	"phone": {"type": "string", "format": "tel", "title": "Phone", "ory.sh/kratos": {"verification": {"via": "sms"}}}
}, "required": ["email"]}}}`

// byPhone is a schema whose people sign in with their number.
const byPhone = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"phone": {"type": "string", "format": "tel", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "sms"}}}
}, "required": ["phone"]}}}`

func TestVerifyPhone(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithSchema(withPhone))
	for n, c := range env.Clients() {
		number := "+49 30 90182" + string(rune('0'+n)) + "4"
		stored := strings.ReplaceAll(number, " ", "")
		a := c.Submit(c.Open(""), enginetest.Person(address()).With("traits.phone", number))
		require.Less(t, a.Status, 400, "%s", a.Body)
		id := ""
		if c.Kind == enginetest.HTML {
			id = a.Location().Query().Get("flow")
		} else {
			id = regexpFlow(a)
		}
		f := c.ReadKind("verification", id)
		require.Equal(t, "sent_email", f.State)
		require.Equal(t, []int{1080004}, f.IDs(""))
		require.Equal(t, []string{
			"default csrf_token hidden 0", "code code text 1070011", "code method hidden 0 code", "code method submit 1070009 code",
			"code sms submit 1070008 " + f.Value("sms").(string),
		}, drawn(f))
		message := env.Inbox("")[0]
		require.Equal(t, []string{"sms", stored, "verification_code_valid"}, []string{message.Channel, message.Recipient, message.Template})
		require.Contains(t, message.Text, message.Code())
		require.Empty(t, message.HTML)

		require.Equal(t, per(c, 200, "4070006"), tell(c, c.Submit(f, values{"method": "code", "code": other(message.Code())})))
		require.Equal(t, per(c, 200, "1080004"), tell(c, c.Submit(f, values{"method": "code", "sms": f.Value("sms")})), "the resend button")
		again := env.Inbox("")[0]
		require.NotEqual(t, message.ID, again.ID)
		require.Equal(t, stored, again.Recipient)
		require.Equal(t, per(c, 200, "4070006"), tell(c, c.Submit(f, values{"method": "code", "code": message.Code()})))
		require.Equal(t, per(c, 200, "1080005"), tell(c, c.Submit(f, values{"method": "code", "code": again.Code()})))
		require.Equal(t, "passed_challenge", c.ReadKind("verification", f.ID).State)
	}
}

// A number may be typed as people write it; it is one number for the message,
// the budgets, and who has it.
func TestPhoneSpellings(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithSchema(withPhone))
	c := env.Native()
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": address(), "phone": "+493090182"}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	for n, spelling := range []string{"+49 30 90182", "+49-30-90182", "+49 (30) 90182", " +493090182 ", "+49.30.90182"} {
		f := c.OpenKind("verification", "")
		require.Equal(t, []string{"default csrf_token hidden 0", "code email text 1070018", "code method submit 1070009 code"}, drawn(f))
		require.Equal(t, "200 form 1080004", tell(c, c.Submit(f, values{"method": "code", "email": spelling})), spelling)
		require.Len(t, env.Inbox("+493090182"), min(n+1, 3))
	}
	require.Len(t, env.Inbox(""), 3)
	f := c.OpenKind("verification", "")
	for _, bad := range []string{"12", "0049", "+", "+49x", "+4930901829999999999", "call me"} {
		require.Equal(t, "400 form email:4000041", tell(c, c.Submit(f, values{"method": "code", "email": bad})), bad)
	}
	require.Equal(t, "200 form 1080004", tell(c, c.Submit(f, values{"method": "code", "email": "+493090183"})), "nobody's")
	require.Empty(t, env.Inbox("+493090183"))
}

// Who signs in with a number proves it first, as others do their address.
func TestStealthByPhone(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth(), enginetest.WithSchema(byPhone))
	person := func(number string) values {
		return values{"method": "password", "password": "a good long Passphrase 9", "traits.phone": number}
	}
	c := env.SPA()
	f := c.Say(c.Open(""), person("+49 30 901820"))
	require.Equal(t, "sent_email", f.State)
	message := env.Inbox("+4930901820")[0]
	require.Equal(t, []string{"sms", "registration_code_valid"}, []string{message.Channel, message.Template})
	require.Equal(t, "200 done session", tell(c, c.Submit(f, values{"method": "code", "code": message.Code()})))

	env.Clock.Advance(10 * time.Minute)
	seen := map[string]string{}
	for _, number := range []string{"+4930901820", "+4930901821"} {
		c := env.SPA()
		seen[number] = masked(c.Submit(c.Open(""), person(number)), number)
	}
	require.Equal(t, seen["+4930901820"], seen["+4930901821"])
	require.Equal(t, "registration_code_invalid", env.Inbox("+4930901820")[0].Template)
	require.Equal(t, 1, env.Identities())
}

// Where proofs are links, no code leaves by SMS; an operator's own delivery works.
func TestPhoneCodeWhereProofsAreLinks(t *testing.T) {
	env := enginetest.New(t, enginetest.WithLinks(), enginetest.WithSchema(byPhone))
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"traits": map[string]any{"phone": "+4930901820"}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	order := map[string]any{"identity_id": a.JSON()["id"], "send": true}
	refused := env.Admin(http.MethodPost, "/admin/codes", order)
	require.Equal(t, http.StatusBadRequest, refused.Status)
	require.Equal(t, "address_unreachable", refused.ErrorID())
	require.Empty(t, env.Inbox(""))
	order["send"] = false
	made := issue(t, env, order)
	require.Equal(t, "200", activate(env, map[string]any{"id": made["id"], "code": made["code"]}))
}
