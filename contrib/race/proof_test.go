package race

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var proofs = flag.Int("proofs", 2, "secrets of each kind to race for, on each database")

// servers starts two programs on one database; one on SQLite, whose file one
// program writes.
func servers(t *testing.T, dsn string, options ...enginetest.Option) []*enginetest.Env {
	n := 2
	if strings.HasPrefix(dsn, "sqlite") {
		n = 1
	}
	var all []*enginetest.Env
	for range n {
		all = append(all, enginetest.New(t, append([]enginetest.Option{
			enginetest.WithVerification(), enginetest.WithDSN(dsn), enginetest.WithSchema(process.Person), enginetest.With("log.level", "error"),
			enginetest.With("courier.budget", map[string]any{"per_10_minutes": 1000, "per_day": 1000}),
		}, options...)...))
	}
	return all
}

// somebody makes a person by the admin API and returns the id.
func somebody(t *testing.T, env *enginetest.Env, email string) string {
	t.Helper()
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": email}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	return a.JSON()["id"].(string)
}

// asked is a verification that waits for a code, and the mail that has it.
func asked(t *testing.T, env *enginetest.Env, email string) (flow string, mail enginetest.Mail) {
	t.Helper()
	c := env.Native()
	f := c.OpenKind("verification", "")
	f = c.Say(f, enginetest.Values{"method": "code", "email": email})
	require.Equal(t, "sent_email", f.State)
	return f.ID, env.Inbox(email)[0]
}

// answer is a whole request that answers a verification with a code or token.
func answer(t *testing.T, env *enginetest.Env, flow, name, secret string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]string{"method": "code", name: secret})
	require.NoError(t, err)
	return post(env, "/self-service/verification?flow="+flow, body)
}

// tooMany reports whether a code was not judged, since the flow or the address
// has seen too many.
func tooMany(a *process.Answer) bool { return a.Says(ui.ErrGeneric) || a.Says(ui.ErrTooManyGuesses) }

func wrong(code string) string { return code[:5] + string('0'+(code[5]-'0'+1)%10) }

func verified(t *testing.T, env *enginetest.Env, email string) bool {
	t.Helper()
	a := env.Admin(http.MethodGet, "/admin/identities?credentials_identifier="+url.QueryEscape(email), nil)
	return strings.Contains(string(a.Body), `"verified":true`)
}

// Two hundred wrong codes at once, at two servers, then the right one: at most
// five are judged, and the right one is refused.
func TestWrongCodes(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		env := all[0]
		judged := 0
		for n := range *proofs {
			email := fmt.Sprintf("person-%d@example.org", n)
			somebody(t, env, email)
			flow, mail := asked(t, env, email)
			told := map[string]int{}
			for _, a := range release(t, repeat(answer(t, env, flow, "code", wrong(mail.Code())), 200), all...) {
				switch {
				case a.Status == http.StatusOK && a.Says(ui.ErrVerificationCode):
					told["judged"]++
				case a.Status == http.StatusBadRequest && tooMany(a):
					told["refused"]++
				default:
					told[a.String()]++
				}
			}
			require.Equal(t, 200, told["judged"]+told["refused"], "%v", told)
			require.LessOrEqual(t, told["judged"], 5)
			judged += told["judged"]
			late := release(t, repeat(answer(t, env, flow, "code", mail.Code()), 1), all[len(all)-1])[0]
			require.Equal(t, http.StatusBadRequest, late.Status, "%s", late)
			require.True(t, tooMany(late), "%s", late)
			require.False(t, verified(t, env, email))
		}
		require.Positive(t, judged)
		t.Logf("%d flows × 200 wrong codes at %d servers: %d judged", *proofs, len(all), judged)
	})
}

// The right secret sent by many at once, at two servers, proves once. Who is not
// told so was too late or one too many; nobody is told that it went wrong.
func TestRightSecret(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		env := all[0]
		for n := range 2 * *proofs {
			email := fmt.Sprintf("person-%d@example.org", n)
			somebody(t, env, email)
			flow, mail := asked(t, env, email)
			second, _ := asked(t, env, email) // is void after the proof
			late := env.Inbox(email)[0]
			link, err := url.Parse(mail.Link())
			require.NoError(t, err)
			name, secret := "code", mail.Code()
			if n%2 == 1 {
				name, secret = "token", link.Query().Get("token")
			}
			proved, refused := 0, 0
			for _, a := range release(t, repeat(answer(t, env, flow, name, secret), clients), all...) {
				switch {
				case a.Status == http.StatusOK && a.Says(ui.SuccessEmailVerified):
					proved++
				case a.Status == http.StatusBadRequest && tooMany(a) && name == "code":
					refused++
				default:
					t.Errorf("%s: %s", name, a)
				}
			}
			require.Positive(t, proved)
			require.Equal(t, clients, proved+refused)
			require.True(t, verified(t, env, email))
			void := release(t, repeat(answer(t, env, second, "code", late.Code()), 1), all[len(all)-1])[0]
			require.True(t, void.Says(ui.ErrVerificationCode), "%s", void)
		}
		t.Logf("%d secrets × %d clients at %d servers: one proof each", 2**proofs, clients, len(all))
	})
}

// Over all flows and servers ten codes are judged an hour for an address and
// fifty a day, and no restart forgets that.
func TestGuessBudgetOverServers(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		email := "person@example.org"
		somebody(t, all[0], email)
		day := 0
		for hour := range 6 {
			if hour == 2 && len(all) > 1 {
				// One more, as if one had been started again.
				fresh := servers(t, dsn)[0]
				fresh.Clock.Advance(time.Duration(hour) * time.Hour)
				all[1] = fresh
			}
			var requests [][]byte
			for range 6 {
				flow, mail := asked(t, all[hour%len(all)], email)
				for range 5 {
					requests = append(requests, answer(t, all[0], flow, "code", wrong(mail.Code())))
				}
			}
			judged := 0
			for _, a := range release(t, requests, all...) {
				switch {
				case a.Status == http.StatusOK && a.Says(ui.ErrVerificationCode):
					judged++
				case a.Status == http.StatusBadRequest && tooMany(a):
				default:
					t.Errorf("%s", a)
				}
			}
			if hour < 5 {
				require.Equal(t, 10, judged, "hour %d", hour)
			} else {
				require.Zero(t, judged, "hour %d", hour)
			}
			day += judged
			for _, env := range all {
				env.Clock.Advance(time.Hour)
			}
		}
		require.Equal(t, 50, day)
		_, mail := asked(t, all[0], email)
		c := all[0].SPA()
		f := c.Follow(mail.Link())
		f = c.Say(f, enginetest.Values{"method": "code", "token": f.Value("token")})
		require.Equal(t, "passed_challenge", f.State, "the link needs no budget")
	})
}

// Drafts of one address proved by many clients at once: one person.
func TestDraftsOfOneAddress(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn, enginetest.WithProofFirst())
		env := all[0]
		for n := range *proofs {
			email := fmt.Sprintf("person-%d@example.org", n)
			c := env.Native()
			f := c.Say(c.Open(""), enginetest.Person(email))
			require.Equal(t, "sent_email", f.State)
			body, err := json.Marshal(map[string]string{"method": "code", "code": env.Inbox(email)[0].Code()})
			require.NoError(t, err)
			won := 0
			for _, a := range release(t, repeat(post(env, "/self-service/registration?flow="+f.ID, body), clients), all...) {
				switch {
				case a.Status == http.StatusOK && a.SessionToken != "":
					won++
				case a.Status == http.StatusBadRequest && tooMany(a):
				default:
					t.Errorf("%s", a)
				}
			}
			require.Positive(t, won)
			require.Len(t, withAddress(t, env, email), 1)
		}
	})
}
