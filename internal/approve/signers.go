package approve

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// AllowedSigners says whose keys may sign, as an allowed-signers file of
// OpenSSH does (ssh-keygen(1), "ALLOWED SIGNERS").
type AllowedSigners struct {
	Name  string // of the file, for messages
	lines []signerLine
}

// signerLine is one line: these principals may sign with this key, under these
// conditions.
type signerLine struct {
	where      string // "file:12"
	principals string // pattern list, as it stands in the file
	key        ssh.PublicKey
	ca         bool   // key is an authority: it certifies the keys that sign
	namespaces string // pattern list; "" allows all
	after      time.Time
	before     time.Time
}

// ParseAllowedSigners reads an allowed-signers file; name is for messages. Where
// ssh-keygen would skip or stop at a line that it cannot read, the whole file is
// refused here, with file and line, so that a typing error never goes unseen.
//
// valid-after and valid-before without a trailing Z are local time, as OpenSSH
// has it.
func ParseAllowedSigners(name string, text []byte) (*AllowedSigners, error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%s: holds a NUL byte", name)
	}
	s := &AllowedSigners{Name: name}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimLeft(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		where := fmt.Sprintf("%s:%d", name, i+1)
		parsed, err := parseSignerLine(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		parsed.where = where
		s.lines = append(s.lines, parsed)
	}
	return s, nil
}

// Names reports whether some line speaks of the principal, whatever it may sign and
// until when.
func (s *AllowedSigners) Names(principal string) bool {
	return !isPattern(principal) && slices.ContainsFunc(s.lines, func(l signerLine) bool { return matchList(principal, l.principals) })
}

// Len is the number of lines that name a key.
func (s *AllowedSigners) Len() int { return len(s.lines) }

// PrincipalsOf returns the principals as whom the key may sign in the namespace
// at that time, in the order of the file: the names of its lines, or those of a
// certificate that its authority's line allows. A line of wildcards only names
// nobody; Patterns tells of it.
func (s *AllowedSigners) PrincipalsOf(key ssh.PublicKey, namespace string, now time.Time) []string {
	var found []string
	known := map[string]bool{}
	for _, l := range s.lines {
		if l.allows(key, "", namespace, now) != nil {
			continue
		}
		for _, name := range l.names(key) {
			if !known[name] {
				found = append(found, name)
			}
			known[name] = true
		}
	}
	return found
}

// names is who a key of this line may be.
func (l signerLine) names(key ssh.PublicKey) []string {
	if cert, ok := key.(*ssh.Certificate); ok {
		return slices.DeleteFunc(slices.Clone(cert.ValidPrincipals), func(p string) bool { return isPattern(p) || !matchList(p, l.principals) })
	}
	return literals(l.principals)
}

// Patterns are the principals of the lines that let the key sign in the
// namespace at that time and name nobody, as they stand in the file. Who holds
// such a key must say who he is, by a name that Check accepts.
func (s *AllowedSigners) Patterns(key ssh.PublicKey, namespace string, now time.Time) []string {
	var found []string
	for _, l := range s.lines {
		if !l.ca && len(literals(l.principals)) == 0 && l.allows(key, "", namespace, now) == nil {
			found = append(found, l.principals)
		}
	}
	return found
}

// Withheld is a line that holds a key, or the authority of a certificate, and does
// not let it sign.
type Withheld struct {
	Principals string // as they stand in the file
	Why        error  // with the place of the line
}

// Withheld are the lines that hold the key and let it sign in none of the namespaces
// at that time; none where another line lets it. Who is told that a key is nobody's
// adds a line for it, and one without conditions lifts what these ask.
func (s *AllowedSigners) Withheld(key ssh.PublicKey, now time.Time, namespaces ...string) []Withheld {
	var found []Withheld
	for _, l := range s.lines {
		var why error
		for _, namespace := range namespaces {
			err := l.allows(key, "", namespace, now)
			if err == nil {
				return nil
			}
			why = cmp.Or(why, err)
		}
		if why != nil && !errors.Is(why, errOtherKey) {
			found = append(found, Withheld{Principals: l.principals, Why: why})
		}
	}
	return found
}

// Check reports why principal may not sign with key, nil when it may. It matches
// as ssh-keygen -Y verify -I does, but for one thing: ssh-keygen also takes
// "*@example.com" for a principal, which that pattern matches, and a pattern is
// no person.
func (s *AllowedSigners) Check(principal string, key ssh.PublicKey, namespace string, now time.Time) error {
	if isPattern(principal) {
		return fmt.Errorf("%q is a pattern and names no person", principal)
	}
	var refused error
	for _, l := range s.lines {
		if !matchList(principal, l.principals) {
			continue
		}
		err := l.allows(key, principal, namespace, now)
		if err == nil {
			return nil
		}
		if refused == nil || !errors.Is(err, errOtherKey) {
			refused = err
		}
	}
	if refused == nil {
		return fmt.Errorf("%s does not name the principal %q", s.Name, principal)
	}
	if errors.Is(refused, errOtherKey) {
		return fmt.Errorf("key %s is not %s's in %s", fingerprint(key), principal, s.Name)
	}
	return refused
}

var errOtherKey = errors.New("another key")

// allows reports why the line does not let key sign; principal may be empty
// when it is not known yet.
func (l signerLine) allows(key ssh.PublicKey, principal, namespace string, now time.Time) error {
	cert, isCert := key.(*ssh.Certificate)
	switch {
	case !l.ca && !isCert && bytes.Equal(l.key.Marshal(), key.Marshal()):
	case l.ca && isCert && bytes.Equal(l.key.Marshal(), cert.SignatureKey.Marshal()):
		if err := l.certifies(cert, principal, now); err != nil {
			return fmt.Errorf("%s: %w", l.where, err)
		}
	default:
		return errOtherKey
	}
	if l.namespaces != "" && !matchList(namespace, l.namespaces) {
		return fmt.Errorf("%s: key is not permitted for signatures in namespace %q", l.where, namespace)
	}
	// OpenSSH compares whole seconds and counts both ends in.
	at := now.Unix()
	if !l.after.IsZero() && at < l.after.Unix() {
		return fmt.Errorf("%s: key is valid only after %s", l.where, l.after.UTC().Format(time.RFC3339))
	}
	if !l.before.IsZero() && at > l.before.Unix() {
		return fmt.Errorf("%s: key was valid only before %s", l.where, l.before.UTC().Format(time.RFC3339))
	}
	return nil
}

// certifies checks a user certificate. One without principals is refused, as
// ssh-keygen does: it would stand for everybody.
func (l signerLine) certifies(cert *ssh.Certificate, principal string, now time.Time) error {
	if cert.CertType != ssh.UserCert {
		return errors.New("certificate is not a user certificate")
	}
	if len(cert.ValidPrincipals) == 0 {
		return errors.New("certificate lacks a list of principals")
	}
	if principal == "" {
		i := slices.IndexFunc(cert.ValidPrincipals, func(p string) bool { return matchList(p, l.principals) })
		if i < 0 {
			return errors.New("certificate names no principal of this line")
		}
		principal = cert.ValidPrincipals[i]
	}
	checker := ssh.CertChecker{Clock: func() time.Time { return now }}
	if err := checker.CheckCert(principal, cert); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	return nil
}
