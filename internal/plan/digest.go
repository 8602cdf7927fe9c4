package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gowebpki/jcs"

	"github.com/keyrotor/keyrotor"
)

// Digest is SHA-256 over the RFC 8785 form of everything in a plan but its
// Digest. The form is hashed change by change and never held whole: plans of
// large estates hold tens of thousands.
func Digest(p keyrotor.Plan) (keyrotor.Digest, error) {
	p = normal(p)
	shell := p
	shell.Changes = []keyrotor.Change{}
	// The outer field hides the plan's own and is left out.
	frame, err := canonical(struct {
		keyrotor.Plan
		Digest *keyrotor.Digest `json:"digest,omitempty"`
	}{Plan: shell})
	if err != nil {
		return "", err
	}
	// RFC 8785 sorts names, and neither "author" nor "budget", which come before,
	// has a member of this name; inside a string its quotes would be escaped.
	const changes = `"changes":[`
	at := bytes.Index(frame, []byte(changes+"]"))
	if at < 0 {
		return "", errors.New("plan: canonical form: it has no changes")
	}
	at += len(changes)
	h := sha256.New()
	h.Write(frame[:at])
	for i, c := range p.Changes {
		if i > 0 {
			h.Write([]byte{','})
		}
		text, err := canonical(c)
		if err != nil {
			return "", fmt.Errorf("change %d: %w", i+1, err)
		}
		h.Write(text)
	}
	h.Write(frame[at:])
	return keyrotor.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}

// canonical is the RFC 8785 form of a part of a plan, whose numbers are safe.
func canonical(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("plan: encode for its digest: %w", err)
	}
	if err := onlySafeNumbers(text); err != nil {
		return nil, fmt.Errorf("plan: digest: %w", err)
	}
	form, err := jcs.Transform(text)
	if err != nil {
		return nil, fmt.Errorf("plan: canonical form: %w", err)
	}
	return form, nil
}

// Token is the same for every try of a change of a plan, and no other's: 32
// hex digits, as AWS takes for a ClientRequestToken.
func Token(d keyrotor.Digest, c keyrotor.ChangeID) string {
	sum := sha256.Sum256([]byte("keyrotor token\n" + string(d) + "\n" + string(c)))
	return hex.EncodeToString(sum[:16])
}

// normal writes empty lists as such, so that a plan made in memory and the same
// plan read from a file have one form; RFC 8785 tells null and [] apart.
func normal(p keyrotor.Plan) keyrotor.Plan {
	p.Changes = listed(p.Changes)
	p.Waves = listed(p.Waves)
	p.Budget = listed(p.Budget)
	if slices.ContainsFunc(p.Changes, func(c keyrotor.Change) bool { return c.Steps == nil }) {
		p.Changes = slices.Clone(p.Changes)
		for i := range p.Changes {
			p.Changes[i].Steps = listed(p.Changes[i].Steps)
		}
	}
	if slices.ContainsFunc(p.Waves, func(w keyrotor.Wave) bool { return w.Changes == nil }) {
		p.Waves = slices.Clone(p.Waves)
		for i := range p.Waves {
			p.Waves[i].Changes = listed(p.Waves[i].Changes)
		}
	}
	return p
}

func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
