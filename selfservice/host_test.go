package selfservice_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// canary is a host that is not ours.
const canary = "canary.evil.example"

// poisoned are ways to claim another host: the request's target, its Host, and
// further header lines. %s is the path.
func poisoned(host string) (forms [][3]string) {
	for _, claim := range []string{
		canary, canary + ":443", host + "." + canary, canary + "#" + host, "user@" + canary, "[::1]." + canary, host + "," + canary, canary + "/" + host,
	} {
		forms = append(forms, [3]string{"%s", claim, ""}, [3]string{"http://" + claim + "%s", host, ""}, [3]string{"%s", host, "Host: " + claim})
	}
	for _, name := range []string{
		"X-Forwarded-Host", "X_Forwarded_Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Host-Override",
		"X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Port", "X-Real-Host", "Forwarded-Host", "X-ProxyUser-Host",
		"Base-URL", "Proxy-Host", "Destination", "Referer", "X-Url-Scheme", "Front-End-Https", "X-Backend-Host", "Via",
	} {
		forms = append(forms, [3]string{"%s", host, name + ": " + canary})
	}
	for _, value := range []string{"host=" + canary, `host="` + canary + `"`, "for=127.0.0.1;host=" + canary + ";proto=https", "host=" + host + ", host=" + canary, "HOST=" + canary} {
		forms = append(forms, [3]string{"%s", host, "Forwarded: " + value})
	}
	return append(forms,
		[3]string{"%s", host, "X-Forwarded-Host: " + host + "\r\nX-Forwarded-Host: " + canary},
		[3]string{"%s", host, "X-Forwarded-Host: " + canary + ", " + host},
		[3]string{"%s", host, "X-Forwarded-Host : " + canary},
		[3]string{"%s", host, " Host: " + canary},
		[3]string{"//" + canary + "%s", host, ""},
		[3]string{"%s", canary, "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: " + canary + "\r\nForwarded: for=127.0.0.1;host=" + canary},
		[3]string{"https://" + canary + "%s", canary, "X-Forwarded-Proto: https"},
	)
}

// Whatever host a request claims, and however: no mail, body or redirect names it.
func TestPoisonedHost(t *testing.T) {
	for _, option := range []enginetest.Option{enginetest.WithVerification(), enginetest.WithProofFirst()} {
		env := enginetest.New(t, option)
		host := strings.TrimPrefix(env.PublicURL, "http://")
		forms := poisoned(host)
		require.GreaterOrEqual(t, len(forms), 60)
		answered := 0
		for n, form := range forms {
			send := func(method, path, body string) (status int, text string) {
				conn, err := net.Dial("tcp", host)
				require.NoError(t, err)
				defer conn.Close()
				require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
				more := ""
				if form[2] != "" {
					more = form[2] + "\r\n"
				}
				fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%sAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
					method, fmt.Sprintf(form[0], path), form[1], more, len(body), body)
				res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
				require.NoError(t, err, "%v", form)
				defer res.Body.Close()
				raw, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.NotContains(t, fmt.Sprint(res.Header, string(raw)), canary, "%v %s", form, path)
				if res.StatusCode < 300 {
					answered++
				}
				return res.StatusCode, string(raw)
			}
			email := fmt.Sprintf("host-%d@example.org", n)
			person, err := json.Marshal(enginetest.Person(email))
			require.NoError(t, err)
			id := env.Native().Open("").ID
			send("GET", "/self-service/registration/api", "")
			send("GET", "/self-service/registration/browser", "")
			send("POST", "/self-service/registration?flow="+id, string(person))
			if mails := env.Inbox(email); len(mails) > 0 {
				link := strings.TrimPrefix(mails[0].Link(), env.PublicURL)
				send("GET", link, "")
				send("HEAD", link, "")
			}
			status, flow := send("GET", "/self-service/verification/api", "")
			if status == http.StatusOK {
				send("POST", "/self-service/verification?flow="+regexpID.FindString(flow), `{"method":"code","email":"`+email+`"}`)
			}
		}
		require.Greater(t, answered, 3*len(forms), "most are answered as if they had claimed nothing")
		mails := env.Inbox("")
		require.Greater(t, len(mails), len(forms)/2)
		for _, m := range mails {
			raw, err := json.Marshal(m)
			require.NoError(t, err)
			require.NotContains(t, string(raw), canary)
			if link := m.Link(); link != "" {
				require.True(t, strings.HasPrefix(link, env.PublicURL+"/self-service/"), link)
			}
		}
		for table, rows := range env.Rows() {
			require.NotContains(t, strings.Join(rows, ""), canary, table)
		}
	}
}
