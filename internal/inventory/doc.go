// Package inventory fans out over the places of an estate and turns what they
// hold into a stream of lines: assets, places, gaps, and at the end the
// population. It knows no AWS: an Estate finds the sources, a Source reads one
// account in one Region. Whatever refuses to be read is a gap, counted and
// shown, never an omission.
//
// Lines go to the sink as they come, so that memory grows with the number of
// places read at once and not with the number of keys.
package inventory
