package web

import "net/http"

// recorder is the one wrapper around a ResponseWriter: it keeps what the
// access log, metrics and recovery need, and drops the body of HEAD.
type recorder struct {
	http.ResponseWriter
	request *http.Request // as it was when the first middleware needed a recorder
	route   string        // label of the matched route, "" before
	status  int           // 0 until the header is written
	bytes   int64

	panicking bool // a handler has begun and not returned
	before    func(status int)
}

// record returns w as a recorder, which it already is below the first
// middleware that needed one.
func record(w http.ResponseWriter, r *http.Request) *recorder {
	if rec, ok := w.(*recorder); ok {
		return rec
	}
	return &recorder{ResponseWriter: w, request: r}
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.status = status
		if rec.before != nil {
			rec.before(status)
		}
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.WriteHeader(http.StatusOK)
	}
	if rec.request.Method == http.MethodHead {
		return len(b), nil
	}
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// final is the status the client saw; a handler that wrote nothing answered 200.
func (rec *recorder) final() int {
	if rec.status == 0 {
		return http.StatusOK
	}
	return rec.status
}

// BeforeAnswer has f called once, with the status, before anything of the answer is
// written; not at all where the handler writes none. Within the handlers of a
// Router only, and once a request.
func BeforeAnswer(w http.ResponseWriter, f func(status int)) {
	if rec, ok := w.(*recorder); ok {
		rec.before = f
	}
}
