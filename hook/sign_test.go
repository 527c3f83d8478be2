package hook_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
)

// The example of Standard Webhooks itself.
func TestSignAsTheSpecificationDoes(t *testing.T) {
	s, err := hook.ParseSigner([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	require.NoError(t, err)
	got := s.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", got)
}

func secret(fill byte, size int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, size))
}

// Whoever holds one of the secrets, old or new, takes the signature; nobody else
// does, and nothing that was signed can be exchanged.
func TestSignaturesAreTakenByTheReferenceLibrary(t *testing.T) {
	fresh, old, foreign := secret(1, 24), secret(2, 64), secret(3, 32)
	s, err := hook.ParseSigner([]string{fresh, old})
	require.NoError(t, err)
	at, body := time.Now(), []byte(`{"type":"identity.created"}`)
	signature := s.Sign("0198c0de", at, body)
	require.Len(t, strings.Fields(signature), 2)
	first, err := hook.ParseSigner([]string{fresh})
	require.NoError(t, err)
	require.Equal(t, first.Sign("0198c0de", at, body), strings.Fields(signature)[0], "the first secret comes first")

	verify := func(secret, id string, at time.Time, body []byte) error {
		w, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		return w.Verify(body, http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature}})
	}
	require.NoError(t, verify(fresh, "0198c0de", at, body))
	require.NoError(t, verify(old, "0198c0de", at, body))
	require.Error(t, verify(foreign, "0198c0de", at, body))
	require.Error(t, verify(fresh, "0198c0df", at, body))
	require.Error(t, verify(fresh, "0198c0de", at.Add(-time.Second), body))
	require.Error(t, verify(fresh, "0198c0de", at, append(body, ' ')))
}

func TestSecretsThatAreRefused(t *testing.T) {
	good := secret(7, 32)
	for name, one := range map[string]struct {
		secrets []string
		want    string
	}{
		"none":          {nil, "no secret"},
		"no prefix":     {[]string{good, strings.TrimPrefix(good, "whsec_")}, "secret 2 does not begin"},
		"an asymmetric": {[]string{"whsk_" + strings.TrimPrefix(good, "whsec_")}, "secret 1 does not begin"},
		"empty":         {[]string{"whsec_"}, "secret 1 has 0 bytes"},
		"short":         {[]string{good, good, secret(8, 23)}, "secret 3 has 23 bytes"},
		"long":          {[]string{secret(8, 65)}, "secret 1 has 65 bytes"},
		"no base64":     {[]string{"whsec_" + strings.Repeat("!", 32)}, "secret 1 is not base64"},
		"for URLs":      {[]string{"whsec_" + strings.Repeat("-_", 16)}, "secret 1 is not base64"},
		"no padding":    {[]string{strings.TrimRight(secret(9, 25), "=")}, "secret 1 is not base64"},
		"broken lines":  {[]string{good[:20] + "\n" + good[20:]}, "secret 1 is not base64"},
		"blanks":        {[]string{good + " "}, "secret 1 is not base64"},
	} {
		s, err := hook.ParseSigner(one.secrets)
		require.ErrorContains(t, err, one.want, name)
		require.Nil(t, s, name)
		for _, secret := range one.secrets {
			if len(secret) > 10 {
				require.NotContains(t, err.Error(), secret[6:16], name)
			}
		}
	}
	for _, size := range []int{24, 64} {
		_, err := hook.ParseSigner([]string{secret(1, size)})
		require.NoError(t, err)
	}
}
