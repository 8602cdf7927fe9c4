package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

func (p *program) explainCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [ACCOUNT/][REGION/]ALIAS|KEY-ID|ARN",
		Short: "Everything about one key on a page",
		Long: `Explain shows one key of the latest scan: facts, eligibility, rules, history, what
keyrotor would do and what that costs. It reads no AWS. A name that stands in
several places shows a page for each; ACCOUNT/, REGION/ or ACCOUNT/REGION/ before
it, as the lists write a place, says which is meant.`,
		Example: "  keyrotor explain alias/payments\n  keyrotor explain 111122223333/eu-west-1/alias/payments\n  keyrotor explain 1234abcd-12ab-34cd-56ef-1234567890ab",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			run, err := s.currentRun()
			if err != nil {
				return err
			}
			s.warnOfDoubt(run, cycle.FileInventory)
			j, err := s.judge(run)
			if err != nil {
				return err
			}
			if err := s.sayOtherwise(run, j); err != nil {
				return err
			}
			found, err := findAssets(run, j, args[0])
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return noKey(run, j, args[0])
			}
			return s.explain(run, j, found)
		},
	}
}

// findAssets are the assets that the name means: an alias or a key id may
// stand in several Regions.
func findAssets(run *store.Run, j *judging, name string) ([]keyrotor.Assessment, error) {
	place, name := placeIn(name)
	var found []keyrotor.Assessment
	err := stream(run, j)(func(a keyrotor.Assessment) error {
		if place.holds(a.Asset) && named(a.Asset, name) {
			found = append(found, a)
		}
		return nil
	})
	return found, err
}

// noKey refuses a name that no key bears, and says which come near it.
func noKey(run *store.Run, j *judging, name string) error {
	var near []string
	given := name
	_, name = placeIn(name)
	part := strings.ToLower(strings.TrimPrefix(name, "alias/"))
	err := stream(run, j)(func(a keyrotor.Assessment) error {
		if a.Asset.KMS == nil || len(near) == 5 {
			return nil
		}
		for _, alias := range a.Asset.KMS.Aliases {
			if strings.Contains(strings.ToLower(alias), part) && !slices.Contains(near, alias) {
				near = append(near, alias)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	refusal := &keyrotor.Refusal{
		What: "no key " + given + " in run " + string(run.ID()), Now: "nothing was changed",
		Next: "keyrotor assess --all-rows   shows every customer managed key of that run\nkeyrotor scan   reads AWS anew",
	}
	if len(near) > 0 {
		refusal.Why = []string{"there are " + strings.Join(near, ", ")}
		refusal.Next = "keyrotor explain " + quoted(near[0]) + "\n" + refusal.Next
	}
	return refusal
}

// placeBefore is the account and Region that stand before a name; empty is any.
type placeBefore struct{ account, region string }

var (
	accountWord = regexp.MustCompile(`^[0-9]{12}$`)
	regionWord  = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
)

// placeIn takes the place off a name such as 111122223333/eu-west-1/alias/payments.
func placeIn(name string) (placeBefore, string) {
	var p placeBefore
	if first, rest, ok := strings.Cut(name, "/"); ok && accountWord.MatchString(first) {
		p.account, name = first, rest
	}
	if first, rest, ok := strings.Cut(name, "/"); ok && regionWord.MatchString(first) {
		p.region, name = first, rest
	}
	return p, name
}

func (p placeBefore) holds(a keyrotor.Asset) bool {
	return (p.account == "" || p.account == a.Account) && (p.region == "" || p.region == a.Region)
}

func named(a keyrotor.Asset, name string) bool {
	if a.ARN == name || a.ID == name {
		return true
	}
	if a.KMS == nil {
		return false
	}
	for _, alias := range a.KMS.Aliases {
		if alias == name || alias == "alias/"+name || strings.HasSuffix(name, ":"+a.Account+":"+alias) {
			return true
		}
	}
	return false
}

func (s *session) explain(run *store.Run, j *judging, found []keyrotor.Assessment) error {
	if !s.text() {
		return report.Write(s.out, s.format(), report.AssessmentRows(func(yield func(keyrotor.Assessment) error) error {
			for _, a := range found {
				if err := yield(a); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	did, err := s.did(found)
	if err != nil {
		return err
	}
	gaps, err := gapsOf(run, found)
	if err != nil {
		return err
	}
	for _, a := range found {
		e, err := s.explanation(run, j, a, did[a.Asset.ARN])
		if err != nil {
			return err
		}
		refusedBy(gaps, &e)
		next := s.afterExplain(e)
		if slices.ContainsFunc(did[a.Asset.ARN], func(o keyrotor.Outcome) bool { return o.Run == run.ID() && touched(o) }) {
			next = append(s.nexts(report.Next{Command: "keyrotor scan", About: "look anew: what stands above was seen before we changed the key"}), next...)
		}
		if err := report.ExplainText(s.out, e, next, s.style); err != nil {
			return err
		}
	}
	return nil
}

// afterExplain is what is safe to run next: a plan only where it would hold a
// change.
func (s *session) afterExplain(e report.Explanation) []report.Next {
	a := e.Assessment
	switch {
	case a.View == keyrotor.ViewUnreadable:
		return s.nexts(report.Next{Command: "keyrotor scan", About: "looks again, once that is mended"})
	case e.Change == nil && overdue(a):
		return s.nexts(report.Next{Command: "keyrotor plan --rotate-overdue --select " + quoted(`asset.id == "`+a.Asset.ID+`"`), About: "rotate this key once: its material is past its cryptoperiod"})
	case e.Change == nil:
		return s.nexts(report.Next{Command: "keyrotor assess", About: "all keys; for this one there is nothing to plan"})
	}
	return s.nexts(report.Next{Command: "keyrotor plan --select " + quoted(`asset.id == "`+a.Asset.ID+`"`), About: "plan for this key alone"})
}

// did is what the runs of this state did to keys, by ARN and oldest first. One
// damaged run is no reason to say nothing of a key: it is named, and what it did is
// not known.
func (s *session) did(found []keyrotor.Assessment) (map[string][]keyrotor.Outcome, error) {
	asked := map[string]bool{}
	for _, a := range found {
		asked[a.Asset.ARN] = true
	}
	ids, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	did := map[string][]keyrotor.Outcome{}
	for _, id := range ids {
		outcomes, err := s.outcomesOf(id)
		if err != nil {
			fmt.Fprintf(s.err, "! run %s cannot be read; what it did is not known: %s\n", id, said(err.Error()))
		}
		for _, o := range outcomes {
			if asked[o.Target.ARN] {
				did[o.Target.ARN] = append(did[o.Target.ARN], o)
			}
		}
	}
	return did, nil
}

// outcomesOf are those of a run, none where it applied nothing.
func (s *session) outcomesOf(id keyrotor.RunID) ([]keyrotor.Outcome, error) {
	run, err := s.state.Run(id)
	if err != nil {
		return nil, err
	}
	outcomes, err := cycle.Outcomes(run)
	if errors.As(err, new(*keyrotor.Refusal)) {
		return nil, nil
	}
	return outcomes, err
}

// touched reports whether a change may have altered its key, whole or in part.
func touched(o keyrotor.Outcome) bool {
	return o.State == keyrotor.Succeeded || o.State == keyrotor.Unproven || o.InDoubt ||
		slices.ContainsFunc(o.Receipts, func(r keyrotor.Receipt) bool { return !r.Found })
}

// recordOf is an outcome in words: what was tried, and where it did not succeed, why.
func recordOf(o keyrotor.Outcome) string {
	why := o.Reason
	if o.Error != nil && !strings.Contains(why, o.Error.Code) {
		why = strings.TrimPrefix(why+": "+o.Error.Call+": "+o.Error.Code, ": ")
	}
	if o.State == keyrotor.Succeeded || why == "" {
		return o.Recipe + " " + string(o.State)
	}
	return o.Recipe + " " + string(o.State) + ": " + why
}

// explanation adds what runs did to the key.
func (s *session) explanation(run *store.Run, j *judging, a keyrotor.Assessment, did []keyrotor.Outcome) (report.Explanation, error) {
	e := report.Explanation{Assessment: a, Rules: j.assessor.Rules(), Now: s.now().UTC()}
	if err := s.proposed(run, j, &e); err != nil {
		return e, err
	}
	for _, o := range did {
		if o.Run == run.ID() && o.State == keyrotor.Succeeded {
			e.Change, e.Cost = nil, nil // it is done, since the scan
		}
		e.Past = append(e.Past, report.Past{Run: o.Run, At: o.Ended, What: recordOf(o)})
	}
	s.since(run, &e)
	return e, nil
}

// since adds what a second look confirmed after the scan of the same run.
func (s *session) since(run *store.Run, e *report.Explanation) {
	found, err := cycle.Verifications(run)
	if err != nil {
		fmt.Fprintf(s.err, "! what verify confirmed is not known: %s\n", said(err.Error()))
	}
	for _, v := range found {
		if v.Target.ARN == e.Assessment.Asset.ARN && v.Verdict == keyrotor.Confirmed {
			e.Since = &v
		}
	}
}

// proposed adds what a plan made now would do to this key, and what that costs.
func (s *session) proposed(run *store.Run, j *judging, e *report.Explanation) error {
	pl, err := plan.Build(func(yield func(keyrotor.Assessment, error) bool) { yield(e.Assessment, nil) }, plan.Options{
		Run: run.ID(), Needs: s.needs(), CryptoperiodDays: s.cryptoperiodDays(), EnvTag: s.cfg.Tags.Env,
		ProductionValues: s.cfg.Tags.Production, Now: s.now().UTC(), Inputs: keyrotor.Inputs{InventoryTaken: s.now().UTC()},
	})
	var refusal *keyrotor.Refusal
	if errors.As(err, &refusal) {
		return nil // there is nothing to do
	}
	if err != nil {
		return err
	}
	if len(pl.Changes) > 0 {
		e.Change, e.Cost = &pl.Changes[0], &pl.Cost
	}
	return nil
}
