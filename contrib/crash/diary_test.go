package crash

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// life is what a person knows of their account, by what was acknowledged.
type life struct {
	email     string
	password  string
	passwords []string // that were theirs before
	token     string
	elsewhere string   // another session of theirs; empty for none
	ended     []string // sessions that ended
	saved     int
	recovered int
	lost      *lost // what got no answer before the kill; nil for nothing
}

// lost is a submit that is sent again.
type lost struct {
	kind, flow string
	fields     process.Fields
	password   string // that a save was to bring
}

// diary is what clients know, which a crash of the server leaves alone.
type diary struct {
	p    *process.Process
	http *http.Client

	mu     sync.Mutex
	number int
	fresh  []*life // since the last audit
	wrong  []string
}

var errUnexpected = errors.New("not an answer to be expected")

// live runs clients each of which lives through the account of one person after
// the other until stopped or until the server is gone. under counts saves and
// codes that were written whole and have no answer yet.
func (d *diary) live(stop <-chan struct{}, under *atomic.Int64) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				err := d.one(stop, under)
				if errors.Is(err, errUnexpected) {
					d.complain(err.Error())
				}
				if err != nil {
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	return &wg
}

func (d *diary) complain(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrong = append(d.wrong, what)
}

// one is one account: made, its address proved, its password changed and the
// account recovered a few times by turns.
func (d *diary) one(stop <-chan struct{}, under *atomic.Int64) error {
	d.mu.Lock()
	d.number++
	l := &life{email: fmt.Sprintf("person-%d@example.org", d.number), password: process.Password}
	d.mu.Unlock()
	if err := d.settle(l); err != nil {
		return err
	}
	d.mu.Lock()
	d.fresh = append(d.fresh, l)
	d.mu.Unlock()
	for n := range 6 {
		var err error
		if l.elsewhere, err = d.signIn(l); err != nil {
			return err
		}
		if n%2 == 0 {
			err = d.change(l, under)
		} else {
			err = d.recover(l, under)
		}
		if err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
	return nil
}

// settle registers somebody, proves the address and signs in.
func (d *diary) settle(l *life) error {
	flow, err := d.p.Open(d.http)
	if err != nil {
		return err
	}
	a, err := d.p.Submit(d.http, flow, l.email, nil)
	if err != nil {
		return err
	}
	code, err := d.p.Code(d.http, l.email)
	if err != nil {
		return err
	}
	if a, err = d.p.Answer(d.http, "verification", a.LeadsTo("verification"), code); err != nil {
		return err
	}
	if a.State != "passed_challenge" {
		return fmt.Errorf("%w: %s", errUnexpected, a)
	}
	l.token, err = d.signIn(l)
	return err
}

func (d *diary) signIn(l *life) (string, error) {
	a, err := d.p.SignIn(d.http, l.email, l.password)
	if err == nil && a.Token() == "" {
		err = fmt.Errorf("%w: %s", errUnexpected, a)
	}
	if err != nil {
		return "", err
	}
	return a.Token(), nil
}

func (d *diary) change(l *life, under *atomic.Int64) error {
	flow, err := d.p.OpenKind(d.http, "settings", l.token)
	if err != nil {
		return err
	}
	next := fmt.Sprintf("%s, number %d", process.Password, len(l.passwords)+2)
	l.lost = &lost{kind: "settings", flow: flow, fields: process.Fields{"method": "password", "password": next}, password: next}
	return d.send(l, under)
}

func (d *diary) recover(l *life, under *atomic.Int64) error {
	flow, err := d.p.OpenKind(d.http, "recovery", "")
	if err != nil {
		return err
	}
	if _, err := d.p.Send(d.http, "recovery", flow, "", process.Fields{"method": "code", "email": l.email}, nil); err != nil {
		return err
	}
	code, err := d.p.Code(d.http, l.email)
	if err != nil {
		return err
	}
	l.lost = &lost{kind: "recovery", flow: flow, fields: process.Fields{"method": "code", "code": code}}
	return d.send(l, under)
}

// send sends what l is about to do, or has done in vain, and notes what that
// has changed once it is acknowledged.
func (d *diary) send(l *life, under *atomic.Int64) error {
	token, sent := "", false
	if l.lost.kind == "settings" {
		token = l.token
	}
	a, err := d.p.Send(d.http, l.lost.kind, l.lost.flow, token, l.lost.fields, func() { sent = true; under.Add(1) })
	if sent {
		under.Add(-1)
	}
	switch {
	case err != nil:
		return err
	case l.lost.kind == "settings" && a.Status == http.StatusOK && a.Says(ui.SuccessSaved):
		l.passwords, l.password = append(l.passwords, l.password), l.lost.password
		l.ended = append(l.ended, l.elsewhere)
		l.saved++
	case l.lost.kind == "recovery" && a.Status == http.StatusOK && a.Token() != "":
		l.ended = append(l.ended, l.token, l.elsewhere)
		l.token = a.Token()
		l.recovered++
	default:
		return fmt.Errorf("%w: %s", errUnexpected, a)
	}
	l.lost, l.elsewhere = nil, ""
	return nil
}

// audit holds everybody's account against what they know, then sends again what
// got no answer. What is wrong is noted.
func (d *diary) audit(total *changes) {
	var (
		under atomic.Int64
		next  atomic.Int64
		wg    sync.WaitGroup
	)
	for _, l := range d.fresh {
		total.people++
		total.saved, total.recovered = total.saved+l.saved, total.recovered+l.recovered
		total.oldPasswords, total.outsiders = total.oldPasswords+len(l.passwords), total.outsiders+len(l.ended)
		if l.lost != nil {
			total.lost++
		}
	}
	for range clients {
		wg.Go(func() {
			for n := int(next.Add(1)); n <= len(d.fresh); n = int(next.Add(1)) {
				l := d.fresh[n-1]
				if l.lost != nil {
					if d.stored(l) {
						d.mu.Lock()
						total.came++
						d.mu.Unlock()
					}
					err := d.send(l, &under)
					d.want(err == nil, l, "sent again: %v", err)
				}
				d.holds(l)
			}
		})
	}
	wg.Wait()
	d.fresh = nil
}

func (d *diary) want(ok bool, l *life, format string, args ...any) {
	if !ok {
		d.complain(l.email + ": " + fmt.Sprintf(format, args...))
	}
}

// stored reports whether what got no answer has happened all the same, wholly so
// or not at all.
func (d *diary) stored(l *life) bool {
	others := d.lives(l.elsewhere)
	if l.lost.kind == "recovery" {
		d.want(others == d.lives(l.token), l, "one of two sessions has ended")
		a, err := process.Call(d.http, http.MethodGet, d.p.PublicURL+"/self-service/recovery/flows?id="+l.lost.flow, "", nil, nil)
		d.want(err == nil && others == (a.State == "sent_email"), l, "sessions end with the flow: %s, %v", a, err)
		return !others
	}
	came := d.opens(l, l.lost.password)
	d.want(came != d.opens(l, l.password), l, "one password holds")
	d.want(came != others, l, "other sessions end with the password")
	d.want(d.lives(l.token), l, "whoever saves stays")
	return came
}

// holds checks what was acknowledged: the password, the session, and the end of
// those before.
func (d *diary) holds(l *life) {
	d.want(d.opens(l, l.password), l, "the password lets in")
	for n, old := range l.passwords {
		d.want(!d.opens(l, old), l, "the password %d before lets in", len(l.passwords)-n)
	}
	d.want(d.lives(l.token), l, "the session has ended")
	d.want(l.elsewhere == "" || d.lives(l.elsewhere), l, "the other session has ended")
	for n, token := range l.ended {
		d.want(!d.lives(token), l, "session %d of %d has not ended", n, len(l.ended))
	}
}

// opens reports whether a password lets l in. Any other answer than that it does,
// or is not the right one, is noted.
func (d *diary) opens(l *life, password string) bool {
	a, err := d.p.SignIn(d.http, l.email, password)
	in := err == nil && a.Token() != ""
	d.want(in || err == nil && a.Says(ui.ErrCredentials), l, "sign in: %s, %v", a, err)
	return in
}

// lives reports whether a token leads to a session.
func (d *diary) lives(token string) bool {
	a, err := d.p.Whoami(d.http, token)
	if err != nil || a.Status != http.StatusOK && a.Status != http.StatusUnauthorized {
		d.complain(fmt.Sprintf("whoami: %s, %v", a, err))
	}
	return err == nil && a.Status == http.StatusOK
}
