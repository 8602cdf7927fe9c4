// Package plan turns findings, or a command such as "rotate these now", into a
// plan: changes made of steps, in waves with a canary first, with what they
// will call and cost, under a digest.
//
//	Build         changes that cure failing rules
//	BuildCommand  changes that somebody asked for
//	Undo          changes that take back what a run did
//	Narrow        a choice from a plan, with waves, budget, cost and digest of its own
//
// Encode and Decode are the file plan.json. The digest is SHA-256 over the RFC
// 8785 form of everything but the digest itself, so Decode is strict: what two
// readers could read differently is refused, with its place.
//
// The package is pure: it reads no clock, file or network, and the same inputs
// give the same plan, byte for byte.
package plan
