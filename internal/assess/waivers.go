package assess

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/keyrotor/keyrotor"
)

// RuleWaiverExpired is the id of the finding that an expired waiver is.
const RuleWaiverExpired = "waiver-expired"

// Waivers are exemptions from rules that somebody approved until a date.
type Waivers struct {
	file   *file
	signer string
	byRule map[string][]*waiver
	all    []*waiver
}

type waiver struct {
	match    *program
	rule     string
	ruleAt   scalar
	reason   string
	approver string
	until    time.Time // begin of the last day on which it holds, UTC
	expired  bool
	line     int
}

// waiverFile is the YAML of one waiver; all fields are required.
type waiverFile struct {
	Match    scalar `yaml:"match"`
	Rule     scalar `yaml:"rule"`
	Reason   scalar `yaml:"reason"`
	Until    scalar `yaml:"until"`
	Approver scalar `yaml:"approver"`
}

// LoadWaivers reads a YAML list of waivers. A waiver holds through its last
// day, UTC; those over at now are kept, for an expired waiver is a finding.
// signer is who signed the file, empty when nobody did.
func LoadWaivers(name string, data []byte, now time.Time, signer string) (*Waivers, error) {
	s, err := newSchema()
	if err != nil {
		return nil, err
	}
	c, err := newCompiler(s, scopeRule)
	if err != nil {
		return nil, err
	}
	var entries []waiverFile
	f, err := decode(name, data, &entries)
	if err != nil {
		return nil, err
	}
	w := &Waivers{file: f, signer: signer, byRule: map[string][]*waiver{}}
	for _, e := range entries {
		one, err := compileWaiver(c, f, e, now)
		if err != nil {
			return nil, err
		}
		w.all = append(w.all, one)
		w.byRule[one.rule] = append(w.byRule[one.rule], one)
	}
	return w, nil
}

func compileWaiver(c *compiler, f *file, e waiverFile, now time.Time) (*waiver, error) {
	at := firstSet(e.Match, e.Rule, e.Reason, e.Until, e.Approver)
	for _, required := range []struct {
		name  string
		value scalar
	}{{"match", e.Match}, {"rule", e.Rule}, {"reason", e.Reason}, {"until", e.Until}, {"approver", e.Approver}} {
		if strings.TrimSpace(required.value.text) == "" {
			return nil, f.errorAt(at.line, at.column, "this waiver has no "+required.name+"; match, rule, reason, until and approver are all required")
		}
	}
	match, err := c.compile(e.Match.text, cel.BoolType)
	if err != nil {
		return nil, f.expressionError(e.Rule.text, "waiver: match", e.Match, err)
	}
	until, err := time.Parse(time.DateOnly, e.Until.text)
	if err != nil {
		return nil, f.errorAt(e.Until.line, e.Until.column, fmt.Sprintf("until %q: write the last day as YYYY-MM-DD", e.Until.text))
	}
	return &waiver{
		match: match, rule: e.Rule.text, ruleAt: e.Rule, reason: e.Reason.text, approver: e.Approver.text,
		until: until, expired: !now.Before(until.Add(day)), line: at.line,
	}, nil
}

// checkRules refuses waivers for rules that do not exist: a misspelt rule would
// waive nothing and nobody would know.
func (w *Waivers) checkRules(known map[string]int) error {
	for _, one := range w.all {
		if _, ok := known[one.rule]; !ok {
			return w.file.errorAt(one.ruleAt.line, one.ruleAt.column, "waiver: no rule "+fmt.Sprintf("%q", one.rule)+" in the packs that are loaded")
		}
	}
	return nil
}

// find returns the waiver that covers the asset for a rule, and the expired
// ones that used to. A match that cannot be decided does not waive.
func (w *Waivers) find(rule string, v *view) (active *waiver, expired []*waiver) {
	for _, one := range w.byRule[rule] {
		if got, _ := one.match.ask(v); got != yes {
			continue
		}
		if !one.expired {
			return one, nil
		}
		expired = append(expired, one)
	}
	return nil, expired
}

// lastEnd is the latest of the last days of waivers.
func lastEnd(of []*waiver) time.Time {
	var last time.Time
	for _, one := range of {
		if one.until.After(last) {
			last = one.until
		}
	}
	return last
}

// Lapsed are the findings that expired waivers are, one each, whether or not a key
// fails because of it: somebody signed the file, and believes that it holds. In
// the place of an asset stands the waiver.
func (a *Assessor) Lapsed() []keyrotor.Assessment {
	if a.waivers == nil {
		return nil
	}
	var all []keyrotor.Assessment
	for _, one := range a.waivers.all {
		if !one.expired {
			continue
		}
		all = append(all, keyrotor.Assessment{
			Asset: keyrotor.Asset{Kind: keyrotor.KindWaiver, ID: a.waivers.place(one)},
			Findings: []keyrotor.Finding{{
				Rule: RuleWaiverExpired, Severity: waiverExpiredSeverity, Verdict: keyrotor.Fail,
				Message: fmt.Sprintf("the waiver of %s for %s ended on %s; approved by %s: %s",
					one.rule, one.match.text, one.until.Format("2 Jan 2006"), one.approver, one.reason),
			}},
		})
	}
	return all
}

// place is where a waiver stands, without the folders of the machine that read it.
func (w *Waivers) place(one *waiver) string {
	name := w.file.name[strings.LastIndexAny(w.file.name, `/\`)+1:]
	return fmt.Sprintf("%s:%d", name, one.line)
}

// Listed is a waiver as its file states it.
type Listed struct {
	Match, Rule, Reason, Approver, Signer string
	Until                                 time.Time // begin of the last day on which it holds
}

// List are all waivers in the order of the file, expired ones included.
func (w *Waivers) List() []Listed {
	var all []Listed
	for _, one := range w.all {
		all = append(all, Listed{
			Match: one.match.text, Rule: one.rule, Reason: one.reason, Approver: one.approver, Signer: w.signer, Until: one.until,
		})
	}
	return all
}

// applied is the waiver as findings show it.
func (w *Waivers) applied(one *waiver) *keyrotor.AppliedWaiver {
	return &keyrotor.AppliedWaiver{Match: one.match.text, Reason: one.reason, Until: one.until, Approver: one.approver, Signer: w.signer}
}
