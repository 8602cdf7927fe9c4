package aws

import (
	"net/netip"
	"slices"
	"strings"
)

// admission is what one Allow for everybody demands of a caller: every bound. No
// bounds at all is a policy open to everybody.
type admission []bound

// bound is one condition on who calls: any of its parties fulfils it. A bound
// without parties is fulfilled by the key's own account alone, or by nobody.
type bound struct {
	accounts      []string // 12 digits, other than the key's
	patterns      []string // of accounts
	organizations []string // ids, patterns of ids, or ownOrganization
	network       bool     // a network, of which nobody can tell whose it is
}

// ownOrganization is that of the key, as a policy variable names it.
const ownOrganization = "${aws:ResourceOrgID}"

func (a admission) networkOnly() bool {
	return len(a) > 0 && !slices.ContainsFunc(a, func(b bound) bool { return !b.network })
}

// boundsOf reads the conditions of an Allow for everybody on a key of the
// account. A condition that anybody may fulfil is no bound.
func boundsOf(conditions map[string]map[string]conditionValues, account string) admission {
	var all admission
	for operator, keys := range conditions {
		if !positive(operator) {
			continue
		}
		for key, values := range keys {
			r := boundReader{account: account, patterns: takesPatterns(operator)}
			if len(values) > 0 && r.read(strings.ToLower(key), values) {
				all = append(all, r.bound)
			}
		}
	}
	return all
}

// takesPatterns reports whether * and ? stand for other characters in the
// values of an operator. ArnEquals takes them as ArnLike does.
func takesPatterns(operator string) bool {
	op := strings.ToLower(operator)
	return strings.Contains(op, "like") || strings.Contains(op, "arnequals")
}

// boundReader reads the values of one condition key.
type boundReader struct {
	bound
	account  string // the key's own
	patterns bool
}

// read reports whether the condition bounds who may call. One value that anybody
// may have, and it does not.
func (r *boundReader) read(key string, values []string) bool {
	var one func(string) bool
	switch key {
	case "kms:calleraccount", "aws:principalaccount", "aws:sourceaccount", "aws:sourceowner":
		one = r.ofAccount
	case "aws:principalarn", "aws:sourcearn":
		one = func(v string) bool { return r.ofAccount(accountPart(v)) }
	case "aws:principalorgid", "aws:sourceorgid":
		one = r.ofOrganization
	case "aws:principalorgpaths", "aws:sourceorgpaths": // "o-a/r-b/ou-c/"
		one = func(v string) bool {
			id, _, _ := strings.Cut(v, "/")
			return r.ofOrganization(id)
		}
	case "aws:resourceaccount":
		one = func(v string) bool { return strings.EqualFold(v, "${aws:PrincipalAccount}") }
	case "aws:resourceorgid":
		one = func(v string) bool {
			return strings.EqualFold(v, "${aws:PrincipalOrgID}") && r.ofOrganization(ownOrganization)
		}
	case "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:sourceip",
		"aws:sourcevpcarn", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths":
		one = r.ofNetwork
	default:
		return false
	}
	for _, v := range values {
		if !one(v) {
			return false
		}
	}
	return true
}

func (r *boundReader) ofAccount(a string) bool {
	switch {
	case a == r.account || strings.EqualFold(a, "${aws:ResourceAccount}"):
	case a == "" || strings.Contains(a, "${"):
		return false
	case accountID.MatchString(a):
		r.accounts = append(r.accounts, a)
	case strings.Trim(a, "*?") == "":
		return !r.patterns // a * that is no pattern is nobody's account
	case r.patterns && strings.ContainsAny(a, "*?"):
		r.bound.patterns = append(r.bound.patterns, a)
	}
	return true
}

// ofOrganization takes a pattern that every id fits, such as o-*, for everybody.
func (r *boundReader) ofOrganization(id string) bool {
	switch {
	case strings.EqualFold(id, ownOrganization):
		r.organizations = append(r.organizations, ownOrganization)
	case strings.Contains(id, "${"):
		return false
	case !strings.ContainsAny(id, "*?"):
		r.organizations = append(r.organizations, id)
	case r.patterns:
		switch strings.Trim(id, "*?") {
		case "", "o", "-", "o-":
			return false
		}
		r.organizations = append(r.organizations, id)
	}
	return true
}

// ofNetwork does not take half the internet for a network. Amazon S3, too, calls
// a policy public whose ranges are broader than these.
func (r *boundReader) ofNetwork(v string) bool {
	if r.patterns && strings.Trim(v, "*?:") == "" {
		return false
	}
	block, err := netip.ParsePrefix(v)
	if err == nil && (block.Bits() < 8 || block.Addr().Is6() && block.Bits() < 32) {
		return false
	}
	r.network = true
	return true
}

// accountPart is the account in an ARN or in a pattern of ARNs, "" where it
// names none.
func accountPart(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[4]
}

// membership is what is known of the organization.
type membership struct {
	accounts map[string]bool // in whatever state; nil when it was not read
	id       string          // "" when that could not be told
}

func (r *roster) membership() membership { return membership{accounts: r.members, id: r.organization} }

// outside is who is not of the organization, of accounts and of those that an
// Allow for everybody admits. Where only the organization's id could tell, and it
// is not known, the answer is nil.
func (m membership) outside(accounts []string, admissions []admission) []string {
	list, told := []string{}, true
	for _, a := range accounts {
		if !m.accounts[a] {
			list = append(list, a)
		}
	}
	for _, a := range admissions {
		who, sure := m.admitted(a)
		list, told = append(list, who...), told && sure
	}
	if len(list) == 0 && !told {
		return nil
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// admitted is who from outside may fulfil all bounds, told by the bound that lets
// in the fewest; false where that hangs on the id of the organization.
func (m membership) admitted(a admission) (who []string, sure bool) {
	sure = true
	for _, b := range a {
		if b.network {
			continue // it says nothing of whose the caller is
		}
		strangers, known := m.strangers(b)
		switch {
		case known && len(strangers) == 0:
			return nil, true
		case !known:
			sure = false
		case who == nil || len(strangers) < len(who) || len(strangers) == len(who) && slices.Compare(strangers, who) < 0:
			who = strangers
		}
	}
	if !sure {
		return nil, false
	}
	return who, true
}

func (m membership) strangers(b bound) (who []string, known bool) {
	known = true
	for _, a := range b.accounts {
		if !m.accounts[a] {
			who = append(who, a)
		}
	}
	who = append(who, b.patterns...)
	for _, o := range b.organizations {
		switch {
		case o == ownOrganization || o == m.id && o != "":
		case strings.ContainsAny(o, "*?") || m.id != "":
			who = append(who, o)
		default:
			known = false
		}
	}
	return who, known || len(who) > 0
}
