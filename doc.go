// Package keyrotor is the language of the house: what rotates (assets and
// their facts), what is required (rules, findings, waivers), what will be done
// (plans, changes, steps), who agreed (approvals), what became of it (receipts,
// outcomes, verifications) and the errors that stages hand to each other.
//
// It imports only the standard library and holds nouns and their invariants,
// no behaviour that touches the world. Every stage of the loop
//
//	scan ▶ assess ▶ plan ▶ approve ▶ apply ▶ verify ▶ report
//
// takes these values in and gives these values out; docs/architecture.md draws
// who may import whom, and arch_test.go enforces the drawing.
//
// All values that reach a file are encoded as JSON with the names in their
// tags; each file or line names its schema and version (see Schema). Times are
// UTC. Plans hold no floating-point number and no integer beyond 2^53, because
// their digest is taken over the RFC 8785 canonical form.
package keyrotor
