package approve

import (
	"slices"
	"time"
)

// persons tells who is who: keys and principals that belong together are one
// person. It is a union-find over names of three kinds. What find walks it cuts
// short, and the smaller side joins the larger: a file may give thousands of
// lines to one key.
//
// It errs towards fewer people. All principals that a line names for one key
// are one person, or "alice,al" could approve twice; lines that share a pattern
// with a wildcard are one person, because nothing tells their holders apart.
// Certificates name their person themselves, so an authority's line joins
// nobody.
type persons struct {
	parent map[string]string // of a node; none of one that stands for itself
	joined map[string]int    // into a node, of one that stands for itself
}

func keyNode(fingerprint string) string     { return "key " + fingerprint }
func principalNode(principal string) string { return "principal " + principal }
func patternNode(pattern string) string     { return "pattern " + pattern }

// newPersons reads who is who from files of allowed signers: one person by any
// of them is one person.
func newPersons(files ...*AllowedSigners) *persons {
	p := &persons{parent: map[string]string{}, joined: map[string]int{}}
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
	for _, name := range names {
		p.same(key, principalNode(name))
	}
	if len(names) > 0 {
		return
	}
	for _, pattern := range wildcards(l.principals) {
		p.same(key, patternNode(pattern))
	}
}

func (p *persons) find(node string) string {
	root := node
	for p.parent[root] != "" {
		root = p.parent[root]
	}
	for node != root {
		node, p.parent[node] = p.parent[node], root
	}
	return root
}

func (p *persons) same(a, b string) {
	a, b = p.find(a), p.find(b)
	if a == b {
		return
	}
	if p.joined[a] > p.joined[b] {
		a, b = b, a
	}
	p.parent[a] = b
	p.joined[b] += p.joined[a] + 1
}

// Persons is how many persons may sign in one of the namespaces now. open reports
// that an authority may certify others, of whom the file knows nothing.
func (s *AllowedSigners) Persons(now time.Time, namespaces ...string) (n int, open bool) {
	who := newPersons(s)
	seen := map[string]bool{}
	for _, l := range s.lines {
		if l.ca {
			open = true
			continue
		}
		if slices.ContainsFunc(namespaces, func(namespace string) bool { return l.allows(l.key, "", namespace, now) == nil }) {
			seen[who.find(keyNode(fingerprint(l.key)))] = true
		}
	}
	return len(seen), open
}
