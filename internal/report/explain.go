package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/keyrotor/keyrotor"
)

// Explanation is what is known of one key, and what keyrotor would do.
type Explanation struct {
	Assessment keyrotor.Assessment
	Rules      []keyrotor.RuleInfo
	// Change is what a plan would hold for the key, nil when nothing.
	Change *keyrotor.Change
	Cost   *keyrotor.Cost
	// Past is what earlier runs did to the key, oldest first.
	Past []Past
	Now  time.Time
}

// Past is one earlier event in the life of a key, from our own record.
type Past struct {
	Run  keyrotor.RunID `json:"run"`
	At   time.Time      `json:"at"`
	What string         `json:"what"`
}

// ExplainText tells everything about one key on a page.
func ExplainText(w io.Writer, e Explanation, next []Next, s Style) error {
	p := &page{Style: s}
	a := e.Assessment.Asset
	p.line("%s%s%s", p.bold(p.text(a.Name())), p.dot(), p.text(a.ARN))
	facts := [][2]string{}
	add := func(label, text string) {
		if text != "" {
			facts = append(facts, [2]string{label, text})
		}
	}
	if a.KMS != nil {
		add("key", kindWords(a.KMS)+p.dot()+"created "+Day(a.KMS.Created, e.Now)+p.dot()+"owner "+p.orDash(a.Owner))
		p.keyFacts(add, a, e)
	}
	add("view", viewWords(e.Assessment.View))
	add("can", p.abilityWords(e.Assessment.Eligibility))
	add("instead", p.text(e.Assessment.Eligibility.Instead))
	p.accessFacts(add, a, e.Now)
	for i, f := range e.Assessment.Findings {
		add(firstLabel(i, "rules"), p.findingWords(f, e))
	}
	p.historyFacts(add, e)
	p.wouldDo(add, e)
	p.facts("  ", p.folded(facts))
	p.next(next)
	return p.write(w)
}

// folded breaks long facts between words, so that a terminal does not break them
// within one; what is piped stays on its line.
func (p *page) folded(facts [][2]string) [][2]string {
	label := 0
	for _, f := range facts {
		label = max(label, ansi.StringWidth(f[0]))
	}
	room := p.Width - label - 4 - 2
	if room < 20 {
		return facts
	}
	var all [][2]string
	for _, f := range facts {
		for i, part := range Fold(f[1], room) {
			if i > 0 {
				part = "  " + part
			}
			all = append(all, [2]string{firstLabel(i, f[0]), part})
		}
	}
	return all
}

// firstLabel gives a label to the first of several lines only.
func firstLabel(i int, label string) string {
	if i == 0 {
		return label
	}
	return " "
}

func (p *page) keyFacts(add func(string, string), a keyrotor.Asset, e Explanation) {
	k := a.KMS
	if len(k.Aliases) > 1 {
		add("aliases", p.text(strings.Join(k.Aliases, ", ")))
	}
	add("described", p.text(short(k.Description, 200)))
	if k.DeletionDate != nil {
		add("deletion", p.red(When(*k.DeletionDate, e.Now)))
	}
	add("rotation", p.rotationLine(a, e.Now))
	add("on demand", onDemandWords(k))
	add("material", materialWords(k, e.Now))
	if k.Import != nil && k.Import.ValidTo != nil {
		add("import", "expires "+When(*k.Import.ValidTo, e.Now))
	}
	if k.MultiRegion != nil {
		add("primary", p.text(k.MultiRegion.Primary))
		if len(k.MultiRegion.Replicas) > 0 {
			add("replicas", p.text(strings.Join(k.MultiRegion.Replicas, ", ")))
		}
	}
	if a.ManagedBy != nil {
		add("made by", p.text(strings.Join(slices.DeleteFunc([]string{a.ManagedBy.Tool, a.ManagedBy.Name, a.ManagedBy.Resource}, func(s string) bool { return s == "" }), " ")))
	}
}

// short cuts long foreign text for a page; the files hold it whole.
func short(t string, most int) string {
	runes := []rune(t)
	if len(runes) <= most {
		return t
	}
	return string(runes[:most]) + "…"
}

func (p *page) rotationLine(a keyrotor.Asset, now time.Time) string {
	words := rotationWords(a)
	if a.KMS.Rotation == nil {
		return words
	}
	if !a.KMS.Rotation.On {
		return p.bold("OFF")
	}
	if a.KMS.Rotation.Next != nil {
		words += p.dot() + "next " + When(*a.KMS.Rotation.Next, now)
	}
	if a.KMS.Rotation.OnDemandStarted != nil {
		words += p.dot() + "on-demand rotation under way since " + When(*a.KMS.Rotation.OnDemandStarted, now)
	}
	return words
}

func onDemandWords(k *keyrotor.KMSFacts) string {
	if k.History == nil {
		return "not known"
	}
	return fmt.Sprintf("%d of %d used", k.History.OnDemand, keyrotor.OnDemandRotationLimit)
}

func materialWords(k *keyrotor.KMSFacts, now time.Time) string {
	since, known := k.MaterialSince()
	if !known {
		return "age unknown: the history was not read"
	}
	rotations := "rotations unknown"
	if k.History != nil {
		rotations = "never rotated"
		if n := len(k.History.Rotations); n > 0 {
			rotations = "rotated " + plural(n, "time")
		}
	}
	id := ""
	if k.Material != nil && k.Material.ID != "" {
		id = ", id " + Clean(short(k.Material.ID, 12))
	}
	return span(now.Sub(since)) + " old, " + rotations + id
}

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

func (p *page) accessFacts(add func(string, string), a keyrotor.Asset, now time.Time) {
	if a.KMS != nil {
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
	case a.Tags == nil:
		add("tags", "unknown: they could not be read")
	case len(parts) > 0:
		add("tags", p.text(strings.Join(parts, "  ")))
	}
	for i, u := range a.Unread {
		add(firstLabel(i, "unread"), p.sign(markWarn)+" "+p.text(u.Fact+": "+u.Code+" on "+u.Call))
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

func (p *page) findingWords(f keyrotor.Finding, e Explanation) string {
	words := p.sign(verdictMark(f)) + " " + p.text(f.Rule) + " " + string(f.Verdict)
	if f.Verdict == keyrotor.Fail {
		words += " (" + string(f.Severity) + ")"
	}
	if f.Message != "" && f.Verdict != keyrotor.Pass {
		words += ": " + p.text(f.Message)
	}
	if f.Waiver != nil {
		words += "; waived until " + Day(f.Waiver.Until, e.Now) + ": " + p.text(f.Waiver.Reason)
	}
	if len(f.Needs) > 0 {
		words += " (not read: " + strings.Join(f.Needs, ", ") + ")"
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

func (p *page) historyFacts(add func(string, string), e Explanation) {
	if k := e.Assessment.Asset.KMS; k != nil && k.History != nil {
		all := k.History.Rotations
		n, rest := p.first(len(all))
		for i := range n {
			r := all[len(all)-1-i]
			add(firstLabel(i, "history"), Day(r.At, e.Now)+" "+strings.ToLower(Clean(strings.ReplaceAll(r.Type, "_", " "))))
		}
		add(" ", p.dim(rest))
	}
	for i, past := range e.Past {
		add(firstLabel(i, "our record"), Day(past.At, e.Now)+" "+p.text(past.What)+" (run "+string(past.Run)+")")
	}
}

func (p *page) wouldDo(add func(string, string), e Explanation) {
	if e.Change == nil {
		add("keyrotor", "would change nothing")
		return
	}
	for i, st := range e.Change.Steps {
		add(firstLabel(i, "would do"), stepWords(st, p.pick("→", "->")))
	}
	if e.Cost != nil {
		add("cost", costWords(*e.Cost))
	}
	add("effect", "ciphertext keeps decrypting; nothing that uses the key changes")
	add("undo", p.text(e.Change.CannotUndo))
	if e.Change.Template != "" {
		add("template", p.text(e.Change.Template))
	}
	add("warning", p.text(e.Change.Warning))
}
