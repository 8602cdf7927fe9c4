package sandbox

import (
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

const (
	constraintPairs = 8
	constraintText  = 384
)

// checkConstraints refuses what a grant may not be bound to.
func checkConstraints(k *key, constraints *types.GrantConstraints) error {
	if constraints == nil {
		return nil
	}
	for _, context := range []map[string]string{constraints.EncryptionContextEquals, constraints.EncryptionContextSubset} {
		switch {
		case len(context) > 0 && !k.symmetric():
			return errf("ValidationException", "Encryption context constraints are not supported on key spec %s.", k.spec)
		case len(context) > constraintPairs:
			return errf("ValidationException", "Grant constraints may hold at most %d encryption context pairs.", constraintPairs)
		}
		for _, value := range context {
			if len(value) > constraintText {
				return errf("ValidationException", "An encryption context value of a grant constraint may have at most %d characters.", constraintText)
			}
		}
	}
	return nil
}

// constraintsMet asks a grant's constraints. Those on the encryption context bind
// the calls that have one, and the grants that a grant may make.
func (p *policyContext) constraintsMet(g *types.GrantConstraints) bool {
	switch {
	case g == nil || p.operation == "RetireGrant":
		return true
	case g.SourceArn != nil:
		return false // no service calls the sandbox on behalf of a resource
	case p.operation == "CreateGrant":
		return p.asStrict(g)
	case !takesContext(p.operation):
		return true
	}
	context := p.encryptionContext()
	if len(g.EncryptionContextEquals) > 0 && (len(context) != len(g.EncryptionContextEquals) || !includes(context, g.EncryptionContextEquals)) {
		return false
	}
	return includes(context, g.EncryptionContextSubset)
}

// asStrict says whether the grant that the request would make is bound at least as
// tightly as g.
func (p *policyContext) asStrict(g *types.GrantConstraints) bool {
	var asked types.GrantConstraints
	p.member("Constraints", &asked)
	if len(g.EncryptionContextEquals) > 0 && !sameContext(asked.EncryptionContextEquals, g.EncryptionContextEquals) {
		return false
	}
	return includes(asked.EncryptionContextEquals, g.EncryptionContextSubset) || includes(asked.EncryptionContextSubset, g.EncryptionContextSubset)
}

func sameContext(a, b map[string]string) bool {
	return len(a) == len(b) && includes(a, b)
}

// includes says whether all pairs are there. Names do not heed case here, values do.
func includes(context, pairs map[string]string) bool {
	for name, value := range pairs {
		found := false
		for n, v := range context {
			found = found || strings.EqualFold(n, name) && v == value
		}
		if !found {
			return false
		}
	}
	return true
}

func sameConstraints(a, b *types.GrantConstraints) bool {
	if a == nil || b == nil {
		return a == b
	}
	return same(a.SourceArn, b.SourceArn) && maps.Equal(a.EncryptionContextEquals, b.EncryptionContextEquals) &&
		maps.Equal(a.EncryptionContextSubset, b.EncryptionContextSubset)
}
