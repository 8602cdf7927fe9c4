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

// Policy summarizes the policy of a key of the given account.
func Policy(document, account string) (*keyrotor.PolicyFacts, error) {
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
	for _, list := range []*[]string{&s.facts.Administrators, &s.facts.OtherAccounts, &s.facts.Services, &s.facts.ConditionTagKeys} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return &s.facts, nil
}

type policySummary struct {
	account string
	facts   keyrotor.PolicyFacts
}

func (s *policySummary) allow(st policyStatement) {
	narrowed, named := narrowing(st.Condition)
	everybody := st.NotPrincipal.any() || slices.Contains(st.Principal.AWS, "*")
	if everybody {
		s.facts.Public = s.facts.Public || !narrowed
		for _, a := range named {
			s.other(a)
		}
	}
	for _, p := range st.Principal.AWS {
		if p != "*" {
			s.other(accountOf(p))
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

func (s *policySummary) other(account string) {
	if account != "" && account != s.account {
		s.facts.OtherAccounts = append(s.facts.OtherAccounts, account)
	}
}

// isRoot reports whether a principal is the key's own account as a whole.
func (s *policySummary) isRoot(principal string) bool {
	return principal == s.account || accountOf(principal) == s.account && strings.HasSuffix(principal, ":root")
}

// readTagKeys notes the tag keys that a condition reads, of the key
// (aws:ResourceTag/x) or of a tagging request (aws:RequestTag/x, aws:TagKeys):
// setting such a tag changes who may use the key.
func (s *policySummary) readTagKeys(st policyStatement) {
	for _, keys := range st.Condition {
		for key, values := range keys {
			scope, tag, slash := strings.Cut(key, "/")
			switch scope = strings.ToLower(scope); {
			case slash && (scope == "aws:resourcetag" || scope == "aws:requesttag"):
				s.facts.ConditionTagKeys = append(s.facts.ConditionTagKeys, tag)
			case scope == "aws:tagkeys":
				s.facts.ConditionTagKeys = append(s.facts.ConditionTagKeys, values...)
			}
		}
	}
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

// narrowing reports whether the conditions keep a statement for everybody to
// accounts, an organization or a VPC, and the accounts that they name.
func narrowing(conditions map[string]map[string]conditionValues) (bool, []string) {
	var narrowed bool
	var accounts []string
	for operator, keys := range conditions {
		if !positive(operator) {
			continue
		}
		for key, values := range keys {
			if len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return strings.Trim(v, "*?:") == "" }) {
				continue
			}
			switch strings.ToLower(key) {
			case "kms:calleraccount", "aws:principalaccount", "aws:sourceaccount", "aws:sourceowner":
				narrowed = true
				accounts = append(accounts, values...)
			case "aws:principalarn", "aws:sourcearn":
				for _, v := range values {
					accounts = append(accounts, accountOf(v))
				}
				narrowed = narrowed || !slices.ContainsFunc(values, func(v string) bool { return accountOf(v) == "" })
			case "aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths",
				"aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip":
				narrowed = true
			}
		}
	}
	return narrowed, slices.DeleteFunc(accounts, func(a string) bool { return !accountID.MatchString(a) })
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
