package approve

import (
	"bytes"
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

// Len is the number of lines that name a key.
func (s *AllowedSigners) Len() int { return len(s.lines) }

// PrincipalsOf returns the principals as whom the key may sign in the namespace
// at that time, in the order of the file: the names of its lines, or those of a
// certificate that its authority's line allows. A line of wildcards only gives
// the pattern itself, for it names nobody.
func (s *AllowedSigners) PrincipalsOf(key ssh.PublicKey, namespace string, now time.Time) []string {
	var found []string
	for _, l := range s.lines {
		if l.allows(key, "", namespace, now) != nil {
			continue
		}
		for _, name := range l.names(key) {
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// names is who a key of this line may be.
func (l signerLine) names(key ssh.PublicKey) []string {
	if cert, ok := key.(*ssh.Certificate); ok {
		return slices.DeleteFunc(slices.Clone(cert.ValidPrincipals), func(p string) bool { return !matchList(p, l.principals) })
	}
	if names := literals(l.principals); len(names) > 0 {
		return names
	}
	return []string{l.principals}
}

// Check reports why principal may not sign with key, nil when it may.
func (s *AllowedSigners) Check(principal string, key ssh.PublicKey, namespace string, now time.Time) error {
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
