package main

import "runtime/debug"

// How much garbage may gather, in percent of what is in use, before the
// collector runs. GOGC in the environment overrides both.
const (
	// A call of the SDK leaves some 32 KB behind over the few MB that a scan has
	// in use; with Go's 100 the collector runs every few hundred calls. Measured
	// over 100,000 keys: 58 s of processor and 130 MB; 64 s and 88 MB with 400,
	// 76 s and 48 MB with 100.
	garbageOfCalls = 800
	// A plan of 30,000 changes is 90 MB in use, and the rows of a report are half
	// as much again. Measured for that plan: 270 MB instead of 303 with 50, in
	// the same time.
	garbageOfPlans = 25
)

// garbage sets the percentage for what follows and returns the way back.
func (p *program) garbage(percent int) (back func()) {
	if p.env("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}
