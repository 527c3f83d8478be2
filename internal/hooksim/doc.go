// Package hooksim is a receiver of hooks and events that misbehaves on demand,
// for tests and tools: it answers in one of the named Modes, notes every call,
// and checks signatures with the reference library of Standard Webhooks.
//
//	r, err := hooksim.Start()
//	defer r.Close()
//	r.URL("veto")                  // always answers so
//	r.URL("") + "/crm"             // answers as Set or SetFunc says, ok at first
//	r.Calls()
//
// It listens on loopback only, on ports of its own, and nothing of it is left
// after Close, however long a mode would hang.
package hooksim
