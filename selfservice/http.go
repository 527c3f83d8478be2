package selfservice

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// HTTP is the flows as clients meet them.
type HTTP struct {
	Engine   *Engine
	Sessions *session.HTTP
	CSRF     *web.CSRF
	Origins  *web.Origins    // whose pages may post forms here
	Trusted  []netip.Prefix  // proxies whose forwarding headers count
	ErrorURL string          // the page that shows stored errors
	Stopping <-chan struct{} // closed when the program is told to stop; nobody waits any longer then
	// UseContinueWith answers a recovery by what to do next, where the older
	// protocol has an error that says where to go.
	UseContinueWith bool

	waiting atomic.Int32
}

// maxBody bounds what a client may post, in bytes.
const maxBody = 1 << 20

// Mount adds the public routes of all five kinds.
func (h *HTTP) Mount(r *web.Router) {
	for _, k := range []Kind{Registration, Login, Verification, Recovery, Settings} {
		base := "/self-service/" + string(k)
		r.Handle(http.MethodGet, base+"/browser", func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
			return h.forward(w, r, k, h.openBrowser(w, r, k))
		})
		r.Handle(http.MethodGet, base+"/api", func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
			return h.openNative(w, r, k)
		})
		r.Handle(http.MethodGet, base+"/flows", func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
			return h.read(w, r, k)
		})
		r.Handle(http.MethodPost, base, func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
			return h.forward(w, r, k, h.submit(w, r, k))
		})
		r.Handle(http.MethodGet, base, func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
			return h.forward(w, r, k, h.show(w, r, k))
		})
	}
	r.Handle(http.MethodGet, "/self-service/errors", h.storedError)
	for _, path := range []string{"/self-service/methods/oidc/callback", "/self-service/methods/oidc/callback/:provider"} {
		r.Handle(http.MethodGet, path, h.back)
		r.Handle(http.MethodPost, path, backByForm)
	}
	r.Handle(http.MethodGet, "/sessions/token-exchange", h.exchange)
}

func (h *HTTP) openBrowser(w http.ResponseWriter, r *http.Request, k Kind) error {
	o, err := h.opening(r)
	if err != nil {
		return err
	}
	secret := h.CSRF.Ensure(w, r)
	o.Binding = web.Binding(secret)
	f, err := h.Engine.Start(r.Context(), k, o)
	if errors.Is(err, ErrSessionAvailable) && !web.IsJSON(r) {
		return h.sendOn(w, r, o)
	}
	if err != nil {
		return h.moved(w, r, k, err)
	}
	if web.WantsJSON(r) {
		web.JSON(w, http.StatusOK, h.flow(f, web.Mask(secret)))
		return nil
	}
	web.Redirect(w, r, h.pageURL(f))
	return nil
}

func (h *HTTP) openNative(w http.ResponseWriter, r *http.Request, k Kind) error {
	o, err := h.opening(r)
	if err != nil {
		return err
	}
	o.Native = true
	f, err := h.Engine.Start(r.Context(), k, o)
	if err != nil {
		return h.explain(err, true)
	}
	web.JSON(w, http.StatusOK, h.flow(f, ""))
	return nil
}

// opening reads what a client may ask for at the start. An empty parameter is
// one that was not sent.
func (h *HTTP) opening(r *http.Request) (Opening, error) {
	q := r.URL.Query()
	s, err := h.session(r)
	if err != nil {
		return Opening{}, err
	}
	requested := web.RequestURL(r, h.Engine.PublicURL)
	return Opening{
		RequestURL:     requested,
		ReturnTo:       q.Get("return_to"),
		IdentitySchema: q.Get("identity_schema"),
		LoginHint:      q.Get("login_hint"),
		State:          q.Get("state"),
		Locale:         reads(r),
		Session:        s,
		Request:        h.request(r, requested),
		Device:         h.device(r),
		Refresh:        isTrue(q.Get("refresh")),
		AAL:            session.AAL(q.Get("aal")),
		SkipSettings:   isTrue(q.Get("skip_settings")),
		Exchange:       isTrue(q.Get("return_session_token_exchange_code")),
	}, nil
}

// request is what hooks are told of r, without what a mailed link carries.
func (h *HTTP) request(r *http.Request, url string) Request {
	out := Request{Method: r.Method, Header: r.Header, URL: url, Proxied: web.Proxied(r, h.Trusted)}
	if strings.Contains(out.URL, "code=") || strings.Contains(out.URL, "token=") {
		out.URL, _, _ = strings.Cut(out.URL, "?")
	}
	return out
}

// isTrue reads a boolean of a query. What is none is false.
func isTrue(s string) bool {
	b, err := strconv.ParseBool(s)
	return err == nil && b
}

// reads is what the person reads: as the client asked by ui_locales (OpenID
// Connect Core 1.0, 3.1.2.1) or locale, else as the browser says.
func reads(r *http.Request) string {
	q := r.URL.Query()
	asked := cmp.Or(q.Get("ui_locales"), q.Get("locale"))
	if asked == "" {
		asked = r.Header.Get("Accept-Language")
	}
	if len(asked) > maxLocales {
		return ""
	}
	return strings.Join(strings.Fields(asked), ",")
}

// maxLocales bounds the languages a client may list, in bytes.
const maxLocales = 512

// session returns the request's live session, nil for none.
func (h *HTTP) session(r *http.Request) (*session.Session, error) {
	s, err := h.Sessions.Current(r)
	if errors.Is(err, session.ErrNotFound) {
		return nil, nil
	}
	return s, err
}

func (h *HTTP) read(w http.ResponseWriter, r *http.Request, k Kind) error {
	f, err := h.visible(r, k, "id")
	if err == nil {
		f, err = h.wait(r, k, f)
	}
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, h.flow(f, h.csrf(r, f)))
	return nil
}

// visible loads the flow that a parameter names, if the client may see it.
func (h *HTTP) visible(r *http.Request, k Kind, parameter string) (*Flow, error) {
	id, err := flowID(r, parameter)
	if err != nil {
		return nil, err
	}
	native := false
	f, err := h.Engine.Read(r.Context(), k, id, func(f *Flow) error {
		native = f.Native
		return h.bound(r, f)
	})
	if err != nil {
		return nil, h.explain(err, native)
	}
	return f, nil
}

func (h *HTTP) submit(w http.ResponseWriter, r *http.Request, k Kind) error {
	id, err := flowID(r, "flow")
	if err != nil {
		return err
	}
	body, err := web.Decode(w, r, maxBody)
	if err != nil {
		return err
	}
	s, err := h.session(r)
	if err != nil {
		return err
	}
	in := h.input(r, id, s, body)
	in.Guard = func(f *Flow) error { return h.guard(r, f, s, body) }
	step, err := h.Engine.Submit(r.Context(), k, id, in)
	if err != nil {
		return h.moved(w, r, k, err)
	}
	return h.answer(w, r, step)
}

// input is what r brings to a flow, without its guard.
func (h *HTTP) input(r *http.Request, id uuid.UUID, s *session.Session, body *web.Body) *Input {
	in := &Input{Request: h.request(r, web.RequestURL(r, h.Engine.PublicURL)), Body: body, Device: h.device(r), Session: s}
	// The same at every submit of this browser to this flow, so that the first
	// answer, given again, does not lock it out of what came of it.
	secret := h.CSRF.Secret(r)
	if secret != nil {
		in.Binding = web.Binding(secret)
	}
	in.nextSecret = h.Engine.Ring.MAC("csrf", id.Bytes(), secret)
	in.NextBinding = web.Binding(in.nextSecret)
	return in
}

// show answers a GET on the submit URL, as a link or a reload makes it: it
// shows the form and acts on nothing.
func (h *HTTP) show(w http.ResponseWriter, r *http.Request, k Kind) error {
	if mailedLink(r) && k.mailsLinks() {
		return h.follow(w, r, k)
	}
	f, err := h.visible(r, k, "flow")
	if err != nil {
		return h.moved(w, r, k, err)
	}
	if f.Native || web.WantsJSON(r) {
		web.JSON(w, http.StatusOK, h.flow(f, h.csrf(r, f)))
		return nil
	}
	web.Redirect(w, r, h.pageURL(f))
	return nil
}

func flowID(r *http.Request, parameter string) (uuid.UUID, error) {
	id, err := uuid.FromString(r.URL.Query().Get(parameter))
	if err != nil || id == uuid.Nil {
		return uuid.Nil, fail.New(fail.BadRequest, "flow_id_invalid", "The query parameter "+parameter+" is missing or is no UUID.")
	}
	return id, nil
}

// device is where the request came from, as far as that is known.
func (h *HTTP) device(r *http.Request) session.Device {
	d := session.Device{UserAgent: userAgent(r)}
	if ip := web.ClientIP(r, h.Trusted); ip.IsValid() {
		d.IP = ip.String()
	}
	return d
}

// maxUserAgent bounds what is kept of a client's own description, in bytes.
const maxUserAgent = 512

func userAgent(r *http.Request) string {
	ua := r.UserAgent()
	if len(ua) > maxUserAgent {
		ua = ua[:maxUserAgent]
	}
	return ua
}
