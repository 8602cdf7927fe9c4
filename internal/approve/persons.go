package approve

// persons tells who is who: keys and principals that belong together are one
// person. It is a union-find over names of two kinds.
//
// It errs towards fewer people. All principals that a line names for one key
// are one person, or "alice,al" could approve twice; lines that share a pattern
// with a wildcard are one person, because nothing tells their holders apart.
// Certificates name their person themselves, so an authority's line joins
// nobody.
type persons struct{ parent map[string]string }

func keyNode(fingerprint string) string     { return "key " + fingerprint }
func principalNode(principal string) string { return "principal " + principal }

// newPersons reads who is who from files of allowed signers: one person by any
// of them is one person.
func newPersons(files ...*AllowedSigners) *persons {
	p := &persons{parent: map[string]string{}}
	for _, signers := range files {
		for _, l := range signers.lines {
			p.add(l)
		}
	}
	return p
}

func (p *persons) add(l signerLine) {
	if l.ca {
		return
	}
	key := keyNode(fingerprint(l.key))
	names := literals(l.principals)
	if len(names) == 0 {
		names = []string{"pattern " + l.principals}
	}
	for _, name := range names {
		p.same(key, principalNode(name))
	}
}

func (p *persons) find(node string) string {
	for p.parent[node] != "" {
		node = p.parent[node]
	}
	return node
}

func (p *persons) same(a, b string) {
	if a, b = p.find(a), p.find(b); a != b {
		p.parent[a] = b
	}
}
