// Package ui describes forms: nodes, messages and the catalogue of texts.
//
// A message travels through the program as an id and its context. Its text is
// looked up in the reader's language when an answer is written and is not
// stored, so one flow can be read in any language, today's wording included.
// Only a reason, for what has no id of its own, and what is foreign, such as a
// web_hook's words, is text in the context.
// Ids, node names and context keys are API.
package ui
