package assess

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Previous tells whether an earlier run saw automatic rotation on for a key;
// known is false when no earlier run saw the key.
type Previous func(arn string) (rotationOn bool, known bool)

// Options say what assets are held against.
type Options struct {
	Packs   []*Pack
	Waivers *Waivers // nil: none
	// Previous is nil where there is no earlier run. It is called from many
	// goroutines at once when Assess is.
	Previous Previous
	// SwitchedOff tells whether a run of ours switched automatic rotation off
	// since: then nobody need be told. It is asked of keys that were on and are
	// off, from many goroutines likewise; nil where no run of ours did.
	SwitchedOff func(arn string) bool
	Now         time.Time
	// CryptoperiodDays is how long key material may serve; 0 means 365.
	CryptoperiodDays int
}

// Assessor holds assets against rules and counts the verdicts.
type Assessor struct {
	set      *setting
	rules    []*rule
	whens    []*program // distinct conditions of rules
	whenOf   []int      // rule ▶ index into whens, -1 for none
	waivers  *Waivers
	previous Previous
	ours     func(arn string) bool // Options.SwitchedOff
	scratch  sync.Pool             // *workspace

	mu    sync.Mutex
	tally tally
}

// workspace is what one goroutine needs to assess one asset.
type workspace struct {
	view  *view
	whens []condition
}

// condition remembers the answer of a when that several rules share.
type condition struct {
	asked  bool
	answer answer
	err    error
}

// New checks the options and makes an assessor.
func New(o Options) (*Assessor, error) {
	if o.Now.IsZero() {
		return nil, errors.New("assess: the time of the assessment is not set")
	}
	if o.CryptoperiodDays < 0 || o.CryptoperiodDays > maxDays {
		return nil, fmt.Errorf("assess: a cryptoperiod of %d days is out of range", o.CryptoperiodDays)
	}
	if o.CryptoperiodDays == 0 {
		o.CryptoperiodDays = keyrotor.DefaultRotationPeriodDays
	}
	s, err := newSchema()
	if err != nil {
		return nil, err
	}
	a := &Assessor{
		set:      newSetting(s, o.Now, time.Duration(o.CryptoperiodDays)*day),
		waivers:  o.Waivers,
		previous: o.Previous,
		ours:     o.SwitchedOff,
	}
	known, err := a.gather(o.Packs)
	if err != nil {
		return nil, err
	}
	if a.waivers != nil {
		if err := a.waivers.checkRules(known); err != nil {
			return nil, err
		}
	}
	a.tally = newTally(len(a.rules))
	a.scratch.New = func() any {
		return &workspace{view: newView(a.set), whens: make([]condition, len(a.whens))}
	}
	return a, nil
}

// gather collects the rules of all packs and shares their conditions: most
// rules of a pack ask one of a few questions first.
func (a *Assessor) gather(packs []*Pack) (map[string]int, error) {
	known, whens := map[string]int{}, map[string]int{}
	from := map[string]string{}
	for _, p := range packs {
		for _, r := range p.rules {
			if _, twice := known[r.ID]; twice {
				return nil, fmt.Errorf("%s: rule %s is already defined by %s; choose another id", p.Name, r.ID, from[r.ID])
			}
			known[r.ID], from[r.ID] = len(a.rules), p.Name
			a.rules = append(a.rules, r)
			if r.when == nil {
				a.whenOf = append(a.whenOf, -1)
				continue
			}
			i, seen := whens[r.when.text]
			if !seen {
				i = len(a.whens)
				whens[r.when.text] = i
				a.whens = append(a.whens, r.when)
			}
			a.whenOf = append(a.whenOf, i)
		}
	}
	return known, nil
}

// Assess decides what rotation AWS allows for an asset, which view it belongs
// to, and what every rule says of it. Only customer managed KMS keys get
// findings. It may be called from many goroutines.
func (a *Assessor) Assess(asset keyrotor.Asset) keyrotor.Assessment {
	out := keyrotor.Assessment{Asset: asset}
	if asset.KMS == nil {
		out.Eligibility = unknownToThisVersion("kind", string(asset.Kind))
		return out
	}
	out.Eligibility = Eligible(asset.KMS)
	out.View = viewOf(asset.KMS, out.Eligibility)
	if asset.Refused(keyrotor.FactDescription) {
		out.Eligibility, out.View = notDescribed(), keyrotor.ViewUnreadable
	}
	if out.View == keyrotor.ViewAWSManaged || asset.KMS.AWSManaged() { // by its alias, where it was not described
		a.count(&out, false)
		return out
	}
	w, ok := a.scratch.Get().(*workspace)
	if !ok {
		return out
	}
	defer a.scratch.Put(w)
	w.look(&out, a.wasOn(&asset))
	out.Findings = a.findings(w)
	a.count(&out, a.overdue(&out))
	w.view.asset, w.view.kms = nil, nil
	return out
}

func (a *Assessor) wasOn(asset *keyrotor.Asset) bool {
	if a.previous == nil {
		return false
	}
	on, known := a.previous(asset.ARN)
	if !known || !on {
		return false
	}
	off := asset.KMS.Rotation != nil && !asset.KMS.Rotation.On
	return !off || a.ours == nil || !a.ours(asset.ARN)
}

func (w *workspace) look(out *keyrotor.Assessment, wasOn bool) {
	w.view.look(&out.Asset, out.Eligibility, wasOn)
	clear(w.whens)
}

// findings holds the asset against every rule, in the order of the packs. Expired
// waivers are findings of their own (Lapsed); a failure that one would have covered
// says that its waiver ended.
func (a *Assessor) findings(w *workspace) []keyrotor.Finding {
	findings := make([]keyrotor.Finding, 0, len(a.rules))
	for i, r := range a.rules {
		f := a.judge(w, i, r)
		if f.Verdict == keyrotor.Fail && a.waivers != nil {
			active, over := a.waivers.find(r.ID, w.view)
			if active != nil {
				f.Verdict, f.Waiver = keyrotor.Waived, a.waivers.applied(active)
			} else if len(over) > 0 {
				f.Message += "; its waiver ended on " + lastEnd(over).Format("2 Jan 2006")
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// judge holds one asset against one rule.
func (a *Assessor) judge(w *workspace, i int, r *rule) keyrotor.Finding {
	f := keyrotor.Finding{Rule: r.ID, Severity: r.Severity}
	applies, err := w.when(a, i)
	switch applies {
	case yes:
	case unread, broken:
		return undecided(f, w.view, r, err)
	default:
		f.Verdict = keyrotor.NotApplicable
		return f
	}
	if len(r.named) > 0 && len(missing(w.view, r.named)) > 0 {
		return undecided(f, w.view, r, nil)
	}
	holds, err := r.require.ask(w.view)
	switch holds {
	case yes:
		f.Verdict = keyrotor.Pass
	case no, noKey:
		f.Verdict = keyrotor.Fail
		f.Message = r.message.render(w.view)
	case ruledOut:
		f.Verdict = keyrotor.NotApplicable
	default:
		return undecided(f, w.view, r, err)
	}
	return f
}

// when answers the condition of a rule, asking each distinct one once.
func (w *workspace) when(a *Assessor, i int) (answer, error) {
	shared := a.whenOf[i]
	if shared < 0 {
		return yes, nil
	}
	c := &w.whens[shared]
	if !c.asked {
		c.asked = true
		c.answer, c.err = a.whens[shared].ask(w.view)
	}
	return c.answer, c.err
}

// undecided makes a finding unknown, and says what would decide it.
func undecided(f keyrotor.Finding, v *view, r *rule, err error) keyrotor.Finding {
	f.Verdict = keyrotor.Unknown
	f.Needs = missing(v, r.Needs)
	absent, ok := errors.AsType[*notRead](err)
	if ok && absent.untold != "" {
		f.Message = absent.untold
		return f
	}
	if ok && !slices.Contains(f.Needs, absent.fact) {
		f.Needs = append(f.Needs, absent.fact)
	}
	if len(f.Needs) > 0 {
		f.Message = "not read: " + strings.Join(f.Needs, ", ")
	} else if err != nil {
		f.Message = wentWrong + err.Error()
	}
	return f
}

// overdue reports material older than the cryptoperiod on a key that could be
// rotated.
func (a *Assessor) overdue(out *keyrotor.Assessment) bool {
	if out.Eligibility.Ability != keyrotor.Automatic && out.Eligibility.Ability != keyrotor.OnDemand {
		return false
	}
	since := materialSince(out.Asset.KMS)
	return !since.IsZero() && a.set.now.Sub(since) >= a.set.cryptoperiod+day
}
