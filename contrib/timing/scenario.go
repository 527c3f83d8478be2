package main

import (
	"net/http"

	"github.com/foyer-id/foyer/internal/process"
)

// scenario is one question whose answer could tell whether an address is known.
type scenario struct {
	name   string
	costly bool // hashes a password, which is measured at production cost, too
	status int
	// ready does all that comes before, at the same address, and returns the
	// request that is measured.
	ready func(c *client, address string) ([]byte, error)
}

var scenarios = []scenario{
	{"registration", true, http.StatusBadRequest, func(c *client, address string) ([]byte, error) {
		f, err := c.open("registration")
		return c.submit("registration", f, person(address)), err
	}},
	{"registration, resend", false, http.StatusBadRequest, func(c *client, address string) ([]byte, error) {
		f, err := c.open("registration")
		if err == nil {
			_, err = c.expect(c.submit("registration", f, person(address)), http.StatusBadRequest)
		}
		return c.submit("registration", f, map[string]any{"method": "code", "resend": "code"}), err
	}},
	{"verification", false, http.StatusOK, func(c *client, address string) ([]byte, error) {
		f, err := c.open("verification")
		return c.submit("verification", f, map[string]any{"method": "code", "email": address}), err
	}},
	{"verification, resend", false, http.StatusOK, func(c *client, address string) ([]byte, error) {
		f, err := c.open("verification")
		if err == nil {
			_, err = c.expect(c.submit("verification", f, map[string]any{"method": "code", "email": address}), http.StatusOK)
		}
		return c.submit("verification", f, map[string]any{"method": "code", "email": address}), err
	}},
}

func person(address string) map[string]any {
	return map[string]any{"method": "password", "password": process.Password, "traits": map[string]any{"email": address}}
}
