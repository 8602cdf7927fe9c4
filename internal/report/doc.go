// Package report shows a run: terminal text, JSON, YAML, CSV, Markdown and one
// self-contained HTML file.
//
// Every face is a function from the values of package keyrotor to bytes; none
// reads a clock, a file or the environment. Assessments arrive as a Stream, so
// that an organization of 100,000 keys never sits in memory as a whole.
//
// Text that came from AWS (names, tags, descriptions, messages) is data. On its
// way to a person it passes through Clean, on its way into a spreadsheet
// through CSVCell as well, and into HTML through templ's escaping.
package report
