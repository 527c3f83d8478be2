// Package crash holds the tests that kill the program, or let its disk fail,
// while people register, and then look for what should not be there.
//
// They journal what was acknowledged and, after a restart on the same database,
// hold the journal against the APIs and against the tables themselves.
package crash
