// Package selfservice is the flow engine: one flow type, one table, five kinds.
//
// A flow is one person's way through one form. It is opened, read and
// submitted; what is stored is its state, and the form is a pure function of
// that state, run at every answer:
//
//	open  ──▶ flow row ──▶ form = render(flow, schema, methods, language)
//	            ▲
//	submit ─────┤ refused: problems on the flow, form again
//	            ├ asked:   one step on (a code was sent), form again
//	            └ done:    outcome on the flow; it never acts again, but for settings
//
// A submit takes these hops:
//
//	http.go      decode, read the session, capture what concerns the client
//	submit.go    load, guard, first outcome again, admit, expiry, offered method
//	guess.go     weigh the secret that came along, a guess being paid for first
//	strategy/…   Apply: judge the fields, hash, plan writes, write nothing
//	submit.go    then hooks have their say
//	commit.go    one transaction: flow, identity, planned writes
//	respond.go   cookie, JSON or 303
//
// States, and the only transitions between them:
//
//	registration, login:     choose_method → sent_email → passed_challenge
//	                         choose_method → passed_challenge
//	                         sent_email → choose_method (started over)
//	verification, recovery:  choose_method → sent_email → passed_challenge
//	                         sent_email → choose_method (the link that led here was wrong)
//	settings:                show_form → success, and back at the next submit
//
// Three rules carry the package. What is not offered cannot be answered: a
// method judges a submit only if it has nodes in the form. Slow things come
// first, then one short transaction, then effects. The flow row is saved first
// in that transaction, on the condition that its revision still stands, so of
// two equal submits one commits and the other is given the first one's outcome.
package selfservice
