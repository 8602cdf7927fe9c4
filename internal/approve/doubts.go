package approve

import (
	"fmt"
	"strings"
)

// Doubts are questions about the file that only its readers can answer, one line
// each. OpenSSH compares principals byte by byte, and so do we: bob@x and BOB@x
// with a key each are two persons. Where a plan needs two, somebody should have
// looked.
func (s *AllowedSigners) Doubts() []string {
	who := newPersons(s)
	var doubts []string
	first := map[string]string{} // as it reads ▶ as it is first written
	asked := map[string]bool{}   // principals
	for _, l := range s.lines {
		if l.ca {
			continue
		}
		for _, name := range literals(l.principals) {
			if asked[name] {
				continue
			}
			asked[name] = true
			if strings.ContainsFunc(name, func(r rune) bool { return r > '~' }) {
				doubts = append(doubts, fmt.Sprintf("%s: the principal %+q is not ASCII: is it who it looks like?", l.where, name))
			}
			read := strings.ToLower(strings.Join(strings.Fields(name), " "))
			other, known := first[read]
			if !known {
				first[read] = name
				continue
			}
			if who.find(principalNode(other)) != who.find(principalNode(name)) {
				doubts = append(doubts, fmt.Sprintf("%s: %+q and %+q differ only in case or blanks and count as two persons: are they one?", l.where, other, name))
			}
		}
	}
	return doubts
}
