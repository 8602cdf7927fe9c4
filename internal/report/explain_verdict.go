package report

import (
	"cmp"
	"strings"

	"github.com/keyrotor/keyrotor"
)

func viewWords(v keyrotor.View) string {
	switch v {
	case keyrotor.ViewTarget:
		return "eligible and NOT rotating: on the target list"
	case keyrotor.ViewRotating:
		return "eligible and rotating"
	case keyrotor.ViewUnknown:
		return "eligible; its rotation status could not be read"
	case keyrotor.ViewNotEligible:
		return "not eligible for automatic rotation"
	case keyrotor.ViewAWSManaged:
		return "AWS managed"
	case keyrotor.ViewUnreadable:
		return "could not be read: who manages it is not known"
	}
	return Clean(string(v))
}

// canWords is what a key can, or that nobody here knows.
func (p *page) canWords(a keyrotor.Assessment) string {
	if a.View == keyrotor.ViewUnreadable || a.Eligibility.Undecided() {
		return "not known: " + p.text(cmp.Or(a.Eligibility.Reason, "it could not be read"))
	}
	return p.abilityWords(a.Eligibility)
}

func (p *page) abilityWords(e keyrotor.Eligibility) string {
	words := map[keyrotor.Ability]string{
		keyrotor.Automatic:      "rotate automatically",
		keyrotor.OnDemand:       "rotate on demand only",
		keyrotor.Manual:         "be replaced by hand only",
		keyrotor.ServiceManaged: "not be configured: AWS rotates it",
		keyrotor.NoRotation:     "not rotate in its present state",
	}[e.Ability]
	if words == "" {
		words = p.text(string(e.Ability))
	}
	if e.Reason == "" {
		return words
	}
	return words + ": " + p.text(e.Reason)
}

// findingLines are the findings, a line each; rules that are unknown for one and the
// same reason share a line, at the place of the first.
func (p *page) findingLines(e Explanation) []string {
	var lines []string
	said := map[string]bool{}
	for _, f := range e.Assessment.Findings {
		names := []string{f.Rule}
		if why := unknownFor(f); why != "" {
			if said[why] {
				continue
			}
			said[why] = true
			names = nil
			for _, other := range e.Assessment.Findings {
				if unknownFor(other) == why {
					names = append(names, other.Rule)
				}
			}
		}
		lines = append(lines, p.findingWords(strings.Join(names, ", "), f, e))
	}
	return lines
}

// unknownFor is why a verdict is unknown, "" for any other.
func unknownFor(f keyrotor.Finding) string {
	if f.Verdict != keyrotor.Unknown {
		return ""
	}
	return f.Message + "\n" + strings.Join(f.Needs, ", ")
}

func (p *page) findingWords(names string, f keyrotor.Finding, e Explanation) string {
	words := p.sign(verdictMark(f)) + " " + p.text(names) + " " + string(f.Verdict)
	if f.Verdict == keyrotor.Fail {
		words += " (" + string(f.Severity) + ")"
	}
	if f.Message != "" && f.Verdict != keyrotor.Pass {
		words += ": " + p.text(f.Message)
	}
	if f.Waiver != nil {
		words += "; waived until " + Day(f.Waiver.Until, e.Now) + ": " + p.text(f.Waiver.Reason)
	}
	if unread := "not read: " + strings.Join(f.Needs, ", "); len(f.Needs) > 0 && f.Message != unread {
		words += " (" + unread + ")"
	}
	for _, r := range e.Rules {
		if r.ID == f.Rule && len(r.References) > 0 && f.Verdict == keyrotor.Fail {
			words += p.dim(" [" + p.text(briefly(r.References)) + "]")
		}
	}
	return words
}

func verdictMark(f keyrotor.Finding) mark {
	switch f.Verdict {
	case keyrotor.Pass:
		return markGood
	case keyrotor.Fail:
		if f.Severity.Rank() >= keyrotor.High.Rank() {
			return markBad
		}
		return markWarn
	case keyrotor.Unknown:
		return markWarn
	case keyrotor.Waived:
		return markSame
	}
	return markNone
}
