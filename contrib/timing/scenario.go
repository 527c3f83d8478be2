package main

import (
	"net/http"
	"strings"

	"github.com/foyer-id/foyer/internal/process"
)

// scenario is one question whose answer could tell whether an address is known.
type scenario struct {
	name   string
	costly bool   // hashes a password, which is measured at production cost, too
	bare   bool   // who is known has no password
	status int    // of the answer
	says   string // in it
	// ready does all that comes before, at the same address, and returns the
	// request that is measured.
	ready func(c *client, address string) ([]byte, error)
}

// What a flow says of a password and of a code that are not right.
const (
	refused      = `"id":4000006`
	wrongLogin   = `"id":4010008`
	wrongRecover = `"id":4060006`
)

// decomposed and endless are passwords that are judged in their own way: one
// that other keyboards write in other bytes, and one that nobody can have.
var (
	decomposed = "cafe\u0301 au lait, s'il vous plai\u0302t"
	endless    = strings.Repeat("endless ", 200)
)

var scenarios = []scenario{
	{"registration", true, false, http.StatusBadRequest, asked, first("registration", person)},
	{"registration, resend", false, false, http.StatusBadRequest, asked,
		second("registration", http.StatusBadRequest, person, resend)},
	{"verification", false, false, http.StatusOK, asked, first("verification", email)},
	{"verification, resend", false, false, http.StatusOK, asked, second("verification", http.StatusOK, email, email)},
	{"login", true, false, http.StatusBadRequest, refused, first("login", password("not the password"))},
	{"login, nobody's password", false, false, http.StatusBadRequest, refused, first("login", password(endless))},
	{"login, in other bytes", true, false, http.StatusBadRequest, refused, first("login", password(decomposed))},
	{"login without a password", true, true, http.StatusBadRequest, refused, first("login", password("not the password"))},
	{"login by code", false, false, http.StatusBadRequest, asked, first("login", signIn)},
	{"login by code, without a password", false, true, http.StatusBadRequest, asked, first("login", signIn)},
	{"login by code, resend", false, false, http.StatusBadRequest, asked, second("login", http.StatusBadRequest, signIn, signInAgain)},
	{"login, wrong code", false, false, http.StatusBadRequest, wrongLogin, second("login", http.StatusBadRequest, signIn, guess)},
	{"recovery", false, false, http.StatusOK, asked, first("recovery", email)},
	{"recovery, resend", false, false, http.StatusOK, asked, second("recovery", http.StatusOK, email, email)},
	{"recovery, wrong code", false, false, http.StatusOK, wrongRecover, second("recovery", http.StatusOK, email, guess)},
}

// fields are a submit about an address.
type fields func(address string) map[string]any

// first is the first submit to a flow.
func first(kind string, of fields) func(*client, string) ([]byte, error) {
	return func(c *client, address string) ([]byte, error) {
		f, err := c.open(kind)
		return c.submit(kind, f, of(address)), err
	}
}

// second is the submit after one that is answered with a status and asks for a
// code.
func second(kind string, status int, before, of fields) func(*client, string) ([]byte, error) {
	return func(c *client, address string) ([]byte, error) {
		f, err := c.open(kind)
		if err == nil {
			_, err = c.expect(c.submit(kind, f, before(address)), status, asked)
		}
		return c.submit(kind, f, of(address)), err
	}
}

func person(address string) map[string]any {
	return map[string]any{"method": "password", "password": process.Password, "traits": map[string]any{"email": address}}
}

func email(address string) map[string]any {
	return map[string]any{"method": "code", "email": address}
}

func signIn(address string) map[string]any {
	return map[string]any{"method": "code", "identifier": address}
}

func password(typed string) fields {
	return func(address string) map[string]any {
		return map[string]any{"method": "password", "identifier": address, "password": typed}
	}
}

func signInAgain(address string) map[string]any {
	return map[string]any{"method": "code", "identifier": address, "resend": "code"}
}

// guess is a code that nobody is ever sent: those have six digits.
func guess(string) map[string]any { return map[string]any{"method": "code", "code": "1234567"} }

func resend(string) map[string]any { return map[string]any{"method": "code", "resend": "code"} }
