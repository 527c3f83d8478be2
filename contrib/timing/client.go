package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// client is one app, or one page in a browser, on one connection that is kept.
// Requests are written whole, at once, and answers read to their end, with
// nothing in between that would take its own time.
type client struct {
	host   string // of the public API
	native bool
	cookie string // as a browser sends it back

	conn net.Conn
	in   *bufio.Reader
}

// flow is what a client knows of a flow.
type flow struct {
	id, csrf string
}

func (c *client) dial() error {
	conn, err := net.Dial("tcp", c.host)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// request is a whole request as it goes over the wire; fields go into a JSON
// body, none makes it a GET.
func (c *client) request(path string, fields map[string]any) []byte {
	var b bytes.Buffer
	method := http.MethodGet
	var body []byte
	if fields != nil {
		method = http.MethodPost
		body, _ = json.Marshal(fields) // strings only
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n", method, path, c.host)
	if c.cookie != "" {
		fmt.Fprintf(&b, "Cookie: %s\r\n", c.cookie)
	}
	if fields != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// send returns the answer and how long it took to come whole.
func (c *client) send(request []byte) (status int, body []byte, took time.Duration, err error) {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return 0, nil, 0, err
		}
	}
	start := time.Now()
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, 0, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, 0, err
	}
	body, err = io.ReadAll(res.Body)
	took = time.Since(start)
	_ = res.Body.Close()
	for _, set := range res.Cookies() {
		c.cookie = set.Name + "=" + set.Value
	}
	if err == nil && res.Close {
		err = fmt.Errorf("the server ended the connection after %d %s", res.StatusCode, body)
	}
	return res.StatusCode, body, took, err
}

// open starts a flow.
func (c *client) open(kind string) (f flow, err error) {
	path := "/self-service/" + kind + "/browser"
	if c.native {
		path = "/self-service/" + kind + "/api"
	}
	status, body, _, err := c.send(c.request(path, nil))
	if err != nil {
		return f, err
	}
	var answer struct {
		ID string `json:"id"`
		UI struct {
			Nodes []struct {
				Attributes struct {
					Name  string `json:"name"`
					Value any    `json:"value"`
				} `json:"attributes"`
			} `json:"nodes"`
		} `json:"ui"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		return f, fmt.Errorf("open a %s: %d %.300s", kind, status, body)
	}
	f.id = answer.ID
	for _, n := range answer.UI.Nodes {
		if n.Attributes.Name == "csrf_token" {
			f.csrf, _ = n.Attributes.Value.(string)
		}
	}
	return f, nil
}

// submit is the request that sends fields to a flow.
func (c *client) submit(kind string, f flow, fields map[string]any) []byte {
	if f.csrf != "" {
		fields["csrf_token"] = f.csrf
	}
	return c.request("/self-service/"+kind+"?flow="+f.id, fields)
}

// asked is what a flow says that waits for a code.
const asked = `"state":"sent_email"`

// expect sends a request whose answer has to have a status, and to hold a text.
func (c *client) expect(request []byte, status int, text string) (time.Duration, error) {
	got, body, took, err := c.send(request)
	if err != nil {
		return 0, err
	}
	if got != status || !strings.Contains(string(body), text) {
		return 0, fmt.Errorf("%d, want %d and a flow that says %s: %.600s", got, status, text, body)
	}
	return took, nil
}
