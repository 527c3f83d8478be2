package hooksim

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Mode is a way to answer.
type Mode struct {
	Name string
	What string // one line
	Good bool   // an answer as it should be, a refusal included
}

// Modes are all there are, good ones first.
var Modes = []Mode{
	{"ok", "200 and an empty JSON object", true},
	{"ok_empty", "204 without a body", true},
	{"change", "200 and an identity with other public metadata", true},
	{"veto", "400 and a message (id 4990001) on #/traits/email", true},
	{"veto_form", "400 and a message (id 4990002) about the whole form", true},
	{"error_500", "500 and a JSON object", false},
	{"error_500_html", "500 and a page", false},
	{"error_503", "503, with Retry-After", false},
	{"forbidden_no_messages", "403 and an empty JSON object", false},
	{"redirect_302", "302 to the canary", false},
	{"redirect_307", "307 to the canary", false},
	{"html_200", "200 and a page", false},
	{"json_broken", "200 and half of a JSON object", false},
	{"json_wrong_shape", "200 and JSON whose fields have other types", false},
	{"huge_10mb", "200 and a JSON object of 10 MiB", false},
	{"huge_endless", "200 and JSON that never ends, as fast as it can", false},
	{"hang_before_headers", "no answer", false},
	{"hang_mid_body", "200 and the first bytes of a body", false},
	{"drip", "200 and a blank every 10 ms, endlessly", false},
	{"close_before_answer", "the connection is closed", false},
	{"close_mid_body", "the connection is closed within the body", false},
	{"bad_content_length", "a Content-Length that is no number", false},
	{"gzip_bomb", "200 and 64 MiB of JSON in 67 KB of gzip, asked for or not", false},
	{"not_there", "nobody listens at the address", false},
	{"dns_fails", "the name does not resolve", false},
	{"tls_garbage", "https, and no TLS is spoken", false},
}

const page = "<!DOCTYPE html><html><body><h1>Oops</h1></body></html>"

type answer func(*Receiver, http.ResponseWriter, *http.Request)

var answers = map[string]answer{
	"ok":                    say(200, "application/json", `{}`),
	"ok_empty":              say(204, "", ""),
	"change":                say(200, "application/json", `{"identity":{"metadata_public":{"seen":true}}}`),
	"veto":                  say(400, "application/json", `{"messages":[{"instance_ptr":"#/traits/email","messages":[{"id":4990001,"text":"This address is not welcome.","type":"error","context":{"by":"hooksim"}}]}]}`),
	"veto_form":             say(400, "application/json", `{"messages":[{"instance_ptr":"#/","messages":[{"id":4990002,"text":"Nobody is welcome today.","type":"error","context":{"by":"hooksim"}}]}]}`),
	"error_500":             say(500, "application/json", `{"error":"something broke"}`),
	"error_500_html":        say(500, "text/html", page),
	"error_503":             unavailable,
	"forbidden_no_messages": say(403, "application/json", `{}`),
	"redirect_302":          redirect(302),
	"redirect_307":          redirect(307),
	"html_200":              say(200, "text/html", page),
	"json_broken":           say(200, "application/json", `{"messages":[`),
	"json_wrong_shape":      say(200, "application/json", `{"messages":"none","identity":["ada"]}`),
	"huge_10mb":             huge,
	"huge_endless":          endless,
	"hang_before_headers":   hang,
	"hang_mid_body":         hangMidBody,
	"drip":                  drip,
	"close_before_answer":   func(*Receiver, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"close_mid_body":        closeMidBody,
	"bad_content_length":    badContentLength,
	"gzip_bomb":             gzipBomb,
}

// noMode answers where Set or SetFunc named what is no mode.
var noMode = say(http.StatusNotImplemented, "text/plain", "hooksim has no such mode")

func say(status int, contentType, body string) answer {
	return func(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func unavailable(r *Receiver, w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Retry-After", "1")
	say(503, "application/json", `{"error":"come back later"}`)(r, w, req)
}

func redirect(status int) answer {
	return func(r *Receiver, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", r.CanaryURL())
		w.WriteHeader(status)
	}
}

func huge(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	const size = 10 << 20
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(size))
	_, _ = io.WriteString(w, `{"x":"`)
	_, _ = io.WriteString(w, strings.Repeat("a", size-len(`{"x":""}`)))
	_, _ = io.WriteString(w, `"}`)
}

func endless(r *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, err := io.WriteString(w, `{"x":"`)
	for chunk := bytes.Repeat([]byte("a"), 32<<10); err == nil && !r.isClosed(); {
		_, err = w.Write(chunk)
	}
}

func hang(r *Receiver, _ http.ResponseWriter, req *http.Request) {
	select {
	case <-r.closed:
	case <-req.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

func hangMidBody(r *Receiver, w http.ResponseWriter, req *http.Request) {
	begin(w)
	hang(r, w, req)
}

func drip(r *Receiver, w http.ResponseWriter, req *http.Request) {
	begin(w)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.closed:
			return
		case <-req.Context().Done():
			return
		case <-tick.C:
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func closeMidBody(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	begin(w)
	panic(http.ErrAbortHandler)
}

// begin sends the headers and the first bytes of a body.
func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"messages":[`)
	_ = http.NewResponseController(w).Flush()
}

func badContentLength(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: banana\r\n\r\n{}")
}

// bomb is JSON that grows a thousandfold. It is gzip in many members, of which
// all but the first and last are the same.
var bomb = sync.OnceValue(func() []byte {
	packed := func(text []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write(text)
		_ = z.Close()
		return out.Bytes()
	}
	mebibyte := packed(bytes.Repeat([]byte("a"), 1<<20))
	return slices.Concat(packed([]byte(`{"x":"`)), bytes.Repeat(mebibyte, 64), packed([]byte(`"}`)))
})

func gzipBomb(_ *Receiver, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(bomb())
}
