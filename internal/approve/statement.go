package approve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gowebpki/jcs"
	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
)

// Namespaces of signatures: a signature made for one purpose is worth nothing
// for another.
const (
	Namespace        = "keyrotor-approval"
	WaiversNamespace = "keyrotor-waivers"
	// AuthorNamespace lets allowed_signers name people who make plans and may not
	// approve any: namespaces="keyrotor-author".
	AuthorNamespace = "keyrotor-author"
)

// maxExact is the largest integer that RFC 8785 keeps apart from its neighbour.
const maxExact = 1 << 53

// Canonical returns the bytes that an approver signs: the statement in RFC 8785
// form, without a newline at the end.
func Canonical(s keyrotor.Statement) ([]byte, error) {
	if s.Changes < 0 || s.Changes >= maxExact {
		return nil, fmt.Errorf("statement: %d changes cannot be written exactly", s.Changes)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return nil, fmt.Errorf("statement: canonical form: %w", err)
	}
	return canonical, nil
}

// Sign makes an approval of s by the given principal. The expiry is cut to
// whole seconds, UTC. The key may live in a file or in an agent.
func Sign(s keyrotor.Statement, principal string, key ssh.Signer, rand io.Reader) (keyrotor.Approval, error) {
	if principal == "" || strings.ContainsAny(principal, "\r\n\x00") {
		return keyrotor.Approval{}, errors.New("sign approval: the principal is empty or holds a line break")
	}
	s.Schema, s.Version = keyrotor.SchemaApproval, keyrotor.SchemaVersion
	s.Expires = s.Expires.UTC().Truncate(time.Second)
	message, err := Canonical(s)
	if err != nil {
		return keyrotor.Approval{}, err
	}
	armored, err := SignBytes(message, Namespace, key, rand)
	if err != nil {
		return keyrotor.Approval{}, fmt.Errorf("sign approval: %w", err)
	}
	return keyrotor.Approval{Statement: s, Principal: principal, Signature: string(armored)}, nil
}

// ParseApproval reads an approval file. An unknown, repeated or differently
// spelled field is an error: encoding/json alone would let "Plan" stand in for
// "plan", and a person would read another statement than the one checked.
func ParseApproval(name string, data []byte) (keyrotor.Approval, error) {
	var a keyrotor.Approval
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, fmt.Errorf("%s: not an approval: %w", name, err)
	}
	if s := a.Statement; s.Schema != keyrotor.SchemaApproval || s.Version != keyrotor.SchemaVersion {
		return a, fmt.Errorf("%s: schema %q version %d is not %q version %d",
			name, s.Schema, s.Version, keyrotor.SchemaApproval, keyrotor.SchemaVersion)
	}
	again, err := json.Marshal(a)
	if err != nil {
		return a, fmt.Errorf("%s: %w", name, err)
	}
	want, err := jcs.Transform(again)
	if err != nil {
		return a, fmt.Errorf("%s: %w", name, err)
	}
	got, err := jcs.Transform(data)
	if err != nil {
		return a, fmt.Errorf("%s: not an approval: %w", name, err)
	}
	if !bytes.Equal(got, want) {
		return a, fmt.Errorf("%s: fields are missing, repeated or spelled in another case", name)
	}
	return a, nil
}
