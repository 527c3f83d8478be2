// Package e2e tests Foyer from outside: its binary is built from the checkout
// around this module, run as an operator would run it, and met as its clients
// meet it: through Ory's own clients for Go and Node, a headless Chromium, and
// curl; and it signs people up with OpenID providers that others have written, one in
// Go and one in Node.
//
// A Chromium, Node, curl and a PostgreSQL (FOYER_TEST_POSTGRES) that are not there
// are skipped with a word, or fail with CI=true. FOYER_SHOTS names a folder for
// pictures of every page on the way, desktop and phone, light and dark.
//
// It is a module of its own so that what only these tests need, the typed
// client above all, weighs on nobody else; it imports nothing of the program.
package e2e
