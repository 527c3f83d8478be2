// Package web is HTTP as Foyer speaks it: bodies in, JSON and the error
// envelope out, cookies, CSRF, redirects that stay on the list, the router,
// and the one client that calls out.
//
// Its invariant: nothing a request claims about itself is believed. Absolute
// URLs come from configuration, addresses from the peer or a listed proxy,
// targets of redirects and calls from a list; whatever is refused is refused
// with a stable id, and internals go to the log only.
package web
