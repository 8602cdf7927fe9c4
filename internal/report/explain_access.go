package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// accessFacts are who uses the key and who may, and what of that is not known.
func (p *page) accessFacts(add func(string, string), a keyrotor.Asset, now time.Time) {
	if a.KMS != nil && !a.Refused(keyrotor.FactDescription) {
		add("last use", lastUseWords(a, now))
		p.policyFacts(add, a.KMS.Policy)
		if g := a.KMS.Grants; g != nil {
			add("grants", plural(g.Count, "grant")+" to "+p.text(strings.Join(g.Grantees, ", ")))
		}
	}
	tags := slices.Sorted(maps.Keys(a.Tags))
	var parts []string
	for _, k := range tags {
		parts = append(parts, k+"="+a.Tags[k])
	}
	switch {
	case a.Tags == nil && a.Refused(keyrotor.FactTags):
		add("tags", "unknown: they could not be read")
	case a.Tags == nil && a.KMS != nil && a.KMS.AWSManaged():
		add("tags", "not asked for: AWS's own keys bear none of yours")
	case a.Tags == nil:
		add("tags", "unknown: they were not asked for")
	case len(parts) > 0:
		add("tags", p.text(strings.Join(parts, "  ")))
	}
}

// unreadFacts are what is not known because somebody refused to tell it, in whose
// words, and what mends that.
func (p *page) unreadFacts(add func(string, string), e Explanation) {
	for i, u := range e.Assessment.Asset.Unread {
		add(firstLabel(i, "unread"), p.sign(markWarn)+" "+p.text(u.Fact+": "+u.Code+" on "+u.Call))
		for _, g := range e.Gaps {
			if g.Call == u.Call && g.Code == u.Code && (g.Fact == u.Fact || g.Asset == "") {
				add(" ", causeTitle(g.Cause)+p.dot()+p.text(g.Message))
			}
		}
	}
	for i, m := range e.Mend {
		add(firstLabel(i, "mend"), p.text(m))
	}
}

// lastUseWords never turns "not asked" or "not tracked yet" into "unused".
func lastUseWords(a keyrotor.Asset, now time.Time) string {
	u := a.KMS.LastUse
	switch {
	case u == nil && a.Refused(keyrotor.FactLastUse):
		return "unknown: reading it was refused"
	case u == nil:
		return "not asked for (scan --with last-use)"
	case u.At.IsZero() && a.KMS.Created.Before(u.TrackedSince):
		return "unknown: none seen since tracking began on " + Day(u.TrackedSince, now)
	case u.At.IsZero():
		return "never used"
	}
	return When(u.At, now) + ", " + Clean(u.Operation) + " (tracked since " + Day(u.TrackedSince, now) + ")"
}

func (p *page) policyFacts(add func(string, string), f *keyrotor.PolicyFacts) {
	if f == nil {
		return
	}
	var parts []string
	if f.Public {
		parts = append(parts, p.red("open to everybody"))
	}
	if f.NetworkOnly {
		parts = append(parts, p.yellow("open to everybody in a network, and whose that is the policy does not tell"))
	}
	if f.DelegatesToIAM {
		parts = append(parts, "IAM of the account decides")
	}
	if len(f.Outside) > 0 {
		parts = append(parts, p.yellow("outside the organization: "+p.text(strings.Join(f.Outside, ", "))))
	} else if len(f.OtherAccounts) > 0 {
		parts = append(parts, "other accounts: "+p.text(strings.Join(f.OtherAccounts, ", ")))
	}
	if len(f.Services) > 0 {
		parts = append(parts, "services: "+p.text(strings.Join(f.Services, ", ")))
	}
	add("policy", strings.Join(parts, p.dot()))
	add("admins", p.text(strings.Join(f.Administrators, ", ")))
}
