// Package ui describes forms: nodes, messages and the catalogue of texts.
//
// A message travels through the program as an id and its context. Text is
// looked up in the reader's language when an answer is written and is never
// stored, so one flow can be read in any language, today's wording included.
// Ids, node names and context keys are API.
package ui
