// Package crash holds the tests that kill the program and who delivers its
// mails and events, let its disk fail, its mail server hang or the receiver of
// its events go away, while people register, and then look for what should not
// be there.
//
// They journal what was acknowledged and, after a restart on the same database,
// hold the journal against the APIs, against the tables themselves and against
// what the mail server and the receiver got.
package crash
