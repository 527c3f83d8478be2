package enginetest

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// Elsewhere returns an Env of a program that the test has not started by New: all
// it can do is make clients. They know the program by publicURL, and are connected
// to the host and port that at names when they ask.
func Elsewhere(t testing.TB, publicURL string, at func() string) *Env {
	return &Env{PublicURL: publicURL, t: t, dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at())
	}}
}

// transport is how a client is connected.
func (e *Env) transport() *http.Transport {
	if e.dial == nil {
		return &http.Transport{}
	}
	return &http.Transport{DialContext: e.dial, DisableKeepAlives: true}
}
