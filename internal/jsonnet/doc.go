// Package jsonnet evaluates the Jsonnet that operators write, in child processes.
//
// One line of Jsonnet can overflow the stack of the process that evaluates it,
// which nothing recovers from, or fill its memory. So no Jsonnet ever runs in
// the server: a Pool keeps a few children warm, sends them programs as
// length-prefixed JSON over a pipe, and replaces a child that crashed, was late
// or grew. Whatever a program does ends one child; its neighbours and the
// server never notice.
//
//	Pool.Evaluate ── request ──▶ Child ── goes to evaluate ── watches memory, CPU, the parent
//	      ▲                                   │
//	      └── answer: a result, or where and why not
//
// A program sees what it is given and nothing else: no files, no imports, no
// environment, no network, no native functions. An error says where the program
// failed in words that the program or the interpreter contains; the values a
// program was given never appear in one.
package jsonnet
