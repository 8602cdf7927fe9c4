// Package assess holds assets against rules. It answers three questions about
// an asset: what rotation AWS allows for it (Eligible), which of the three
// views it belongs to, and what each rule of each pack says of it (Assessor).
//
// Rules are YAML with CEL expressions over a typed view of the asset; fields.go
// is the list of what an expression can see, docs/rules.md the manual. A fact
// that was not read makes a verdict unknown: neither a pass nor a failure. A
// fact that the type of the key rules out makes it not applicable.
//
// The package is pure: it reads no clock, file or network. What it is told to
// compile comes from people, so it never panics on input, and an expression
// whose worst case is too dear is refused when it is loaded.
package assess
