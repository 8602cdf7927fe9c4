package approve

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// The grammar of a line, after sshsig.c and misc.c of OpenSSH:
//
//	principals [option[,option…]] keytype base64 [comment]
//
// principals may be quoted. The options come before the key, and only their
// values may hold blanks, inside quotes.

const blanks = " \t\r\n"

func parseSignerLine(line string) (signerLine, error) {
	principals, rest, ok := cutWord(line)
	if !ok || rest == "" {
		return signerLine{}, errors.New("line is not: principals [options] keytype key")
	}
	if principals == "" || strings.ContainsFunc(principals, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return signerLine{}, errors.New("principals are empty or hold a control character")
	}
	l := signerLine{principals: principals}
	key, err := parseKey(rest)
	if errors.Is(err, errNoKeyType) {
		options, afterOptions, optErr := cutOptions(rest)
		if optErr != nil {
			return signerLine{}, optErr
		}
		if err := l.parseOptions(options); err != nil {
			return signerLine{}, err
		}
		if afterOptions == "" {
			return signerLine{}, errors.New("missing key")
		}
		key, err = parseKey(afterOptions)
	}
	if err != nil {
		return signerLine{}, err
	}
	l.key = key
	return l, nil
}

// cutWord is OpenSSH's strdelimw: up to a blank, or, from the first quote on,
// up to the next quote; the quotes fall away.
func cutWord(s string) (word, rest string, ok bool) {
	i := strings.IndexAny(s, blanks+`"`)
	if i < 0 {
		return s, "", true
	}
	if s[i] != '"' {
		return s[:i], strings.TrimLeft(s[i+1:], blanks), true
	}
	j := strings.IndexByte(s[i+1:], '"')
	if j < 0 {
		return "", "", false
	}
	return s[:i] + s[i+1:i+1+j], strings.TrimLeft(s[i+j+2:], blanks), true
}

// cutOptions splits at the first blank outside quotes.
func cutOptions(s string) (options, rest string, err error) {
	quoted := false
	i := 0
	for ; i < len(s) && (quoted || (s[i] != ' ' && s[i] != '\t')); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] == '"' {
			i++
		} else if s[i] == '"' {
			quoted = !quoted
		}
	}
	if quoted {
		return "", "", errors.New("options: missing end quote")
	}
	return s[:i], strings.TrimLeft(s[i:], blanks), nil
}

// parseOptions reads options as sshsigopt_parse does: names in any case, values
// in quotes, an unknown name is an error.
func (l *signerLine) parseOptions(s string) error {
	for s != "" {
		var value string
		var err error
		switch {
		case hasFold(s, "cert-authority"):
			l.ca, s = true, s[len("cert-authority"):]
		case hasFold(s, "namespaces="):
			if l.namespaces != "" {
				return errors.New(`options: multiple "namespaces" clauses`)
			}
			if value, s, err = dequote(s[len("namespaces="):]); err != nil {
				return err
			}
			if value == "" {
				return errors.New(`options: empty "namespaces"`)
			}
			l.namespaces = value
		case hasFold(s, "valid-after="):
			if s, err = parseValidity(s[len("valid-after="):], "valid-after", &l.after); err != nil {
				return err
			}
		case hasFold(s, "valid-before="):
			if s, err = parseValidity(s[len("valid-before="):], "valid-before", &l.before); err != nil {
				return err
			}
		}
		if s == "" {
			break
		}
		if s[0] != ',' {
			return fmt.Errorf("unknown key option or key type at %q", clip(s))
		}
		if s = s[1:]; s == "" {
			return errors.New("options: unexpected end")
		}
	}
	if !l.after.IsZero() && !l.before.IsZero() && !l.before.After(l.after) {
		return errors.New(`options: "valid-before" is not after "valid-after"`)
	}
	return nil
}

func parseValidity(s, name string, to *time.Time) (rest string, err error) {
	if !to.IsZero() {
		return "", fmt.Errorf("options: multiple %q clauses", name)
	}
	value, rest, err := dequote(s)
	if err != nil {
		return "", err
	}
	at, err := parseTime(value)
	if err != nil {
		return "", fmt.Errorf("options: invalid %q time %q: YYYYMMDD[HHMM[SS]][Z]", name, clip(value))
	}
	*to = at
	return rest, nil
}

// parseTime is OpenSSH's parse_absolute_time: UTC with a trailing Z or UTC, else
// local time.
func parseTime(s string) (time.Time, error) {
	zone := time.Local
	if len(s) > 1 && strings.EqualFold(s[len(s)-1:], "Z") {
		zone, s = time.UTC, s[:len(s)-1]
	} else if len(s) > 3 && strings.EqualFold(s[len(s)-3:], "UTC") {
		zone, s = time.UTC, s[:len(s)-3]
	}
	layout := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(s)]
	if layout == "" || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return time.Time{}, errors.New("not a time")
	}
	at, err := time.ParseInLocation(layout, s, zone)
	if err != nil || at.Unix() <= 0 {
		return time.Time{}, errors.New("not a time")
	}
	return at, nil
}

// dequote reads a value in quotes; \" stands for a quote within.
func dequote(s string) (value, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", errors.New("options: missing start quote")
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("options: missing end quote")
}

var errNoKeyType = errors.New("not a key type")

// keyTypes are the kinds of key that may stand in a line.
func knownKeyType(name string) bool {
	switch name {
	case ssh.KeyAlgoRSA, ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return true
	}
	return false
}

func parseKey(s string) (ssh.PublicKey, error) {
	kind, rest, found := cutBlank(s)
	if strings.Contains(kind, "-cert-v01@openssh.com") {
		return nil, errors.New("a certificate cannot stand here: name its authority's key with the option cert-authority")
	}
	if !knownKeyType(kind) {
		return nil, errNoKeyType
	}
	if !found || rest == "" {
		return nil, errors.New("missing key")
	}
	encoded, _, _ := cutBlank(rest)
	blob, err := base64.StdEncoding.DecodeString(strings.TrimRight(encoded, "\r\n"))
	if err != nil {
		return nil, fmt.Errorf("invalid key: %w", err)
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, fmt.Errorf("invalid key: %w", err)
	}
	if key.Type() != kind {
		return nil, fmt.Errorf("invalid key: it says %q before and %q inside", kind, key.Type())
	}
	if !bytes.Equal(key.Marshal(), blob) {
		return nil, errors.New("invalid key: not in its one canonical encoding")
	}
	return key, nil
}

func cutBlank(s string) (word, rest string, found bool) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return strings.TrimRight(s, "\r\n"), "", false
	}
	return s[:i], strings.TrimLeft(s[i:], blanks), true
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// clip keeps what a message quotes short.
func clip(s string) string { return s[:min(len(s), 40)] }
