// Package phrasebook says in another language what a record says in English.
//
// A record is data and stays English. What it says to people (names of checks,
// what was wanted and got, steps, notes) was mostly made by format strings, so a
// phrase is such a format string with its translation:
//
//	%d of %d failed
//		%d de %d fallidas
//
// A phrase stands in two lines, the second of them indented, in files that stand
// beside the code that makes the texts. Lines that begin with # are comments. Space
// and the marks , ; : at the ends of a phrase do not count.
//
// The English line is the format string as the code has it, where a string that is
// joined on with + is a %s. One more verb stands for a single word: %n. The
// translation has the same verbs, each once; %[2]s changes their order. Numbers and
// durations are written as the report writes them. A part that is no number (%s,
// %v) must be a text of the book itself or a name: else the whole is not
// translated, so that no sentence is half in one language and half in another. Three
// verbs of a translation say otherwise:
//
//	%n  for a %s or %v: a single word, such as the name of a service
//	%e  for a %s or %v: a quotation, such as an error (as %w always is), which may be anything
//	%s  for a %d: a number that is a name (a port), whose digits are left together
//
// {one|many} in a translation is the one form or the other, as the number before it
// wants it, or the number after it where none is before it since the last mark:
//
//	%d of %d refused writes were done
//		se {hizo|hicieron} %d de %d {escritura rechazada|escrituras rechazadas}
package phrasebook
