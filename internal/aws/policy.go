package aws

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

var errPolicySyntax = errors.New("the key policy is not a policy document")

// policyDocument is a resource policy as IAM's grammar allows it: most values
// may be a single string or a list.
type policyDocument struct {
	Statement oneOrMany[policyStatement]
}

type policyStatement struct {
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       oneOrMany[string]
	NotAction    oneOrMany[string]
	// Condition is operator ▶ condition key ▶ values.
	Condition map[string]map[string]conditionValues
}

// summarize tells what the policy of a key of the given account says.
func summarize(document, account string) (*policySummary, error) {
	var doc policyDocument
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		return nil, fmt.Errorf("%w: %w", errPolicySyntax, err)
	}
	sum := sha256.Sum256([]byte(document))
	s := policySummary{account: account, facts: keyrotor.PolicyFacts{Digest: keyrotor.Digest("sha256:" + hex.EncodeToString(sum[:]))}}
	for _, statement := range doc.Statement {
		s.readTagKeys(statement)
		if statement.Effect == "Allow" {
			s.allow(statement)
		}
	}
	f := &s.facts
	for _, list := range []*[]string{&f.Administrators, &f.OtherAccounts, &f.AccountPatterns, &f.Organizations, &f.Services, &f.ConditionTagKeys} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return &s, nil
}

type policySummary struct {
	account string
	facts   keyrotor.PolicyFacts
	// named are other accounts that an Allow has for principals; admissions are
	// what every Allow for everybody demands.
	named      []string
	admissions []admission
}

func (s *policySummary) allow(st policyStatement) {
	if st.NotPrincipal.any() || slices.Contains(st.Principal.AWS, "*") {
		s.admit(boundsOf(st.Condition, s.account))
	}
	for _, p := range st.Principal.AWS {
		if p != "*" {
			s.name(accountOf(p))
		}
		if st.administers() {
			s.facts.Administrators = append(s.facts.Administrators, p)
		}
		if s.isRoot(p) && st.allows("kms:AnythingAtAll") {
			s.facts.DelegatesToIAM = true
		}
	}
	if st.NotPrincipal.any() && st.administers() {
		s.facts.Administrators = append(s.facts.Administrators, "*")
	}
	s.facts.Services = append(s.facts.Services, st.Principal.Service...)
}

// admit notes an Allow for everybody.
func (s *policySummary) admit(a admission) {
	s.admissions = append(s.admissions, a)
	switch {
	case len(a) == 0:
		s.facts.Public = true
	case a.networkOnly():
		s.facts.NetworkOnly = true
	}
	for _, b := range a {
		s.facts.OtherAccounts = append(s.facts.OtherAccounts, b.accounts...)
		s.facts.AccountPatterns = append(s.facts.AccountPatterns, b.patterns...)
		s.facts.Organizations = append(s.facts.Organizations, b.organizations...)
	}
}

func (s *policySummary) name(account string) {
	if account != "" && account != s.account {
		s.named = append(s.named, account)
		s.facts.OtherAccounts = append(s.facts.OtherAccounts, account)
	}
}

// isRoot reports whether a principal is the key's own account as a whole.
func (s *policySummary) isRoot(principal string) bool {
	return principal == s.account || accountOf(principal) == s.account && strings.HasSuffix(principal, ":root")
}

// administers reports whether the statement lets its principals change the
// policy or schedule the deletion of the key: whoever may, controls it.
func (st policyStatement) administers() bool {
	return st.allows("kms:PutKeyPolicy") || st.allows("kms:ScheduleKeyDeletion")
}

func (st policyStatement) allows(action string) bool {
	if len(st.NotAction) > 0 {
		return !slices.ContainsFunc(st.NotAction, func(p string) bool { return wildcard(p, action) })
	}
	return slices.ContainsFunc(st.Action, func(p string) bool { return wildcard(p, action) })
}

// positive reports whether a condition operator demands one of its values.
// ForAllValues and IfExists are also true where the key is absent.
func positive(operator string) bool {
	op := strings.ToLower(operator)
	if strings.HasPrefix(op, "forallvalues:") || strings.HasSuffix(op, "ifexists") || strings.Contains(op, "not") {
		return false
	}
	return op != "null"
}

// accountOf is the account in an ARN, or the account itself; empty where a
// principal names none (the id of a deleted user, a wildcard).
func accountOf(principal string) string {
	if accountID.MatchString(principal) {
		return principal
	}
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) == 6 && parts[0] == "arn" && accountID.MatchString(parts[4]) {
		return parts[4]
	}
	return ""
}

// wildcard matches an action against a pattern with * and ?, as IAM does:
// without regard to case.
func wildcard(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
