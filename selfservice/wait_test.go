package selfservice_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// A page that waits is answered once the address was proved on another device,
// and not before.
func TestWait(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		email := address()
		person(t, env, email)
		require.Empty(t, c.OpenKind("verification", "").Foyer.Wait, "nothing to wait for yet")
		f := ask(t, c, email)
		require.True(t, strings.HasPrefix(f.Foyer.Wait, env.PublicURL+"/self-service/verification/flows?id="+f.ID+"&after="), f.Foyer.Wait)
		mail := env.Inbox(email)[0]

		waiting := c.Copy()
		req := waiting.Request(http.MethodGet, f.Foyer.Wait, nil)
		req.Header.Set("Accept", "application/json")
		answered := make(chan answer, 1)
		go func() {
			a, _ := waiting.Try(req)
			answered <- a
		}()
		select {
		case <-answered:
			t.Fatal("answered before anything moved")
		case <-time.After(700 * time.Millisecond): // longer than it pauses between looks
		}
		phone := env.Browser()
		shown := phone.Follow(mail.Link())
		require.Equal(t, "303 form 1080002", tell(phone, phone.Submit(shown, values{"method": "code", "token": shown.Value("token")})))
		select {
		case a := <-answered:
			require.NotNil(t, a)
			require.Equal(t, http.StatusOK, a.Status)
			moved := a.Flow()
			require.Equal(t, "passed_challenge", moved.State)
			require.Equal(t, []int{1080002}, moved.IDs(""))
			require.Empty(t, moved.Foyer.Wait, "that was all")
		case <-time.After(5 * time.Second):
			t.Fatal("not answered although the flow has moved on")
		}
	}
}

// Who asks for what is past, or may not see the flow, does not wait.
func TestNoWait(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	person(t, env, email)
	c := env.SPA()
	f := ask(t, c, email)
	for _, after := range []string{"", "0", "99", "x", "-1", "1e0", strings.Repeat("9", 500)} {
		start := time.Now()
		a := c.Get("/self-service/verification/flows?id=" + f.ID + "&after=" + after)
		require.Equal(t, http.StatusOK, a.Status)
		require.Less(t, time.Since(start), 400*time.Millisecond, "after=%s", after)
	}
	start := time.Now()
	require.Equal(t, http.StatusForbidden, env.SPA().Get(f.Foyer.Wait).Status, "another browser")
	require.Less(t, time.Since(start), 400*time.Millisecond)
}
