package report_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

const (
	here  = "111122223333"
	there = "444455556666"
)

// held is one key of account here in eu-west-1, as a run may find it.
func held(change func(*keyrotor.Assessment)) keyrotor.Assessment {
	a := keyrotor.Assessment{
		Asset: keyrotor.Asset{
			Kind: keyrotor.KindKMSKey, ID: "k", ARN: "arn:k", Account: here, Region: "eu-west-1",
			KMS: &keyrotor.KMSFacts{Aliases: []string{"alias/k"}, State: "Enabled"},
		},
		View:     keyrotor.ViewTarget,
		Findings: []keyrotor.Finding{{Rule: "on", Verdict: keyrotor.Fail}, {Rule: "owner", Verdict: keyrotor.Pass}},
	}
	if change != nil {
		change(&a)
	}
	return a
}

// found is a run that read both Regions of one account.
func found(keys ...keyrotor.Assessment) report.Run {
	return report.Run{
		Population:  keyrotor.Population{Accounts: []keyrotor.Account{{ID: here}}, AccountsFrom: "organizations:ListAccounts"},
		Places:      []keyrotor.Place{{Account: here, Region: "eu-west-1", Status: keyrotor.PlaceRead}, {Account: here, Region: "us-east-1", Status: keyrotor.PlaceRead}},
		Assessments: assessments(keys),
	}
}

func verdicts(list ...keyrotor.Verdict) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) {
		for i, v := range list {
			a.Findings[i].Verdict = v
		}
	}
}

func state(name string, ends *time.Time) func(*keyrotor.Assessment) {
	return func(a *keyrotor.Assessment) {
		a.View, a.Asset.KMS.State, a.Asset.KMS.DeletionDate = keyrotor.ViewNotEligible, name, ends
		a.Findings[0].Verdict = keyrotor.NotApplicable
	}
}

// refused is a key of which the rotation status was refused.
func refused(a *keyrotor.Assessment) {
	a.View = keyrotor.ViewUnknown
	a.Asset.Unread = []keyrotor.Unread{{Fact: keyrotor.FactRotation, Call: "kms:GetKeyRotationStatus", Code: "AccessDeniedException"}}
	a.Findings[0].Verdict, a.Findings[0].Needs = keyrotor.Unknown, []string{keyrotor.FactRotation}
}

func rotating(a *keyrotor.Assessment) {
	a.View = keyrotor.ViewRotating
	verdicts(keyrotor.Pass)(a)
}

// filed says in which lists of a difference there is something, and the words.
func filed(d report.Difference) map[string][]string {
	all := map[string][]string{}
	for name, list := range map[string][]report.Delta{
		"new": d.New, "gone": d.Gone, "better": d.Better, "worse": d.Worse, "changed": d.Changed, "not comparable": d.NotComparable,
	} {
		for _, delta := range list {
			words := slices.Clone(delta.What)
			for _, h := range delta.Unread {
				words = append(words, h.String())
			}
			all[name] = append(all[name], strings.Join(words, "; "))
		}
	}
	return all
}

func TestVerdictsAreComparedAndNotOnlyFailures(t *testing.T) {
	soon := time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC)
	unasked := func(a *keyrotor.Assessment) {
		a.Findings[1].Verdict, a.Findings[1].Needs = keyrotor.Unknown, []string{keyrotor.FactLastUse}
	}
	const hole = "rotation not read in the later run: AccessDeniedException on kms:GetKeyRotationStatus"
	for name, c := range map[string]struct {
		old, now func(*keyrotor.Assessment)
		want     map[string][]string
	}{
		"nothing changed":              {nil, nil, map[string][]string{}},
		"rotation was turned on":       {nil, rotating, map[string][]string{"better": {"not rotating → rotating; no longer fails on"}}},
		"rotation was turned off":      {rotating, nil, map[string][]string{"worse": {"rotating → not rotating; now fails on"}}},
		"a failure that is waived":     {nil, verdicts(keyrotor.Waived), map[string][]string{"changed": {"still fails on, which is waived now"}}},
		"a waiver that ended":          {verdicts(keyrotor.Waived), nil, map[string][]string{"worse": {"now fails on, which was waived"}}},
		"a rule that no longer asks":   {nil, verdicts(keyrotor.NotApplicable), map[string][]string{"changed": {"failed on, which does not apply now"}}},
		"one rule better, one worse":   {nil, verdicts(keyrotor.Pass, keyrotor.Fail), map[string][]string{"worse": {"no longer fails on; now fails owner"}}},
		"a refused status hides a key": {nil, refused, map[string][]string{"not comparable": {"not rotating → status unknown; failed on, which is not known now; " + hole}}},
		"and one that rotated":         {rotating, refused, map[string][]string{"not comparable": {"rotating → status unknown; " + hole}}},
		"what is known now was not before": {refused, nil, map[string][]string{
			"not comparable": {"status unknown → not rotating; fails on, which was not known before; " + strings.Replace(hole, "later", "earlier", 1)}}},
		"refused both times": {refused, refused, map[string][]string{
			"not comparable": {strings.Replace(hole, "the later run", "either run", 1)}}},
		"what only one run asked for takes nothing from what both did": {nil, func(a *keyrotor.Assessment) { rotating(a); unasked(a) }, map[string][]string{
			"better": {"not rotating → rotating; no longer fails on; last-use not asked for in the later run"}}},
		"a key that will be deleted": {nil, state("PendingDeletion", &soon), map[string][]string{
			"worse": {"is scheduled for deletion on 3 Dec 2026 (was Enabled); not rotating → not eligible; failed on, which does not apply now"}}},
		"a key that was disabled": {nil, state("Disabled", nil), map[string][]string{
			"worse": {"is disabled (was Enabled); not rotating → not eligible; failed on, which does not apply now"}}},
		"a key without its material": {nil, state("PendingImport", nil), map[string][]string{
			"worse": {"has no key material and cannot be used (pending import) (was Enabled); not rotating → not eligible; failed on, which does not apply now"}}},
		"a deletion that was cancelled leaves the key disabled": {state("PendingDeletion", &soon), state("Disabled", nil), map[string][]string{
			"better": {"its deletion was cancelled; is disabled (was PendingDeletion)"}}},
		"a key that serves again, and does not rotate": {state("Disabled", nil), nil, map[string][]string{
			"worse": {"can be used again (was Disabled); not eligible → not rotating; now fails on"}}},
		"a state of tomorrow": {nil, func(a *keyrotor.Assessment) { a.Asset.KMS.State = "Resting" }, map[string][]string{
			"changed": {"state Enabled → Resting (was Enabled)"}}},
		"a primary key that became a replica": {rotating, func(a *keyrotor.Assessment) { a.View = keyrotor.ViewNotEligible; verdicts(keyrotor.NotApplicable)(a) }, map[string][]string{
			"changed": {"rotating → not eligible"}}},
		"a key of which it is not even known who manages it": {func(a *keyrotor.Assessment) { a.View, a.Findings = keyrotor.ViewAWSManaged, nil }, func(a *keyrotor.Assessment) {
			a.View, a.Asset.KMS.State = keyrotor.ViewUnreadable, ""
			a.Asset.Unread = []keyrotor.Unread{{Fact: keyrotor.FactDescription, Call: "kms:DescribeKey", Code: "AccessDeniedException"}}
		}, map[string][]string{"not comparable": {"AWS managed → not readable; description not read in the later run: AccessDeniedException on kms:DescribeKey"}}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := report.Diff(found(held(c.old)), found(held(c.now)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, filed(d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if refusal := strings.Contains(strings.Join(filed(d)["not comparable"], ""), " on kms:"); d.Partly() != refusal {
				t.Errorf("partly %v, and a refusal in the way: %v", d.Partly(), refusal)
			}
		})
	}
}

func TestKeysOfAPlaceThatARunCouldNotListAreNeitherNewNorGone(t *testing.T) {
	gap := func(g keyrotor.Gap) func(*report.Run) {
		g.Code, g.Cause = "AccessDenied", keyrotor.CauseSCP
		return func(r *report.Run) {
			r.Gaps = append(r.Gaps, g)
			r.Places = slices.DeleteFunc(r.Places, func(p keyrotor.Place) bool {
				return p.Account == g.Account && (g.Region == "" || p.Region == g.Region)
			})
		}
	}
	for name, c := range map[string]struct {
		blind  func(*report.Run)
		want   string // in the list of what is not comparable; "" is in the plain list
		plain  string
		partly bool
	}{
		"listed whole": {func(*report.Run) {}, "", "", false},
		"the list was refused": {gap(keyrotor.Gap{Account: here, Region: "eu-west-1", Call: "kms:ListKeys"}),
			"not listed in the X run: AccessDenied on kms:ListKeys, denied by a service control policy", "", true},
		"the account was not entered": {gap(keyrotor.Gap{Account: here, Call: "sts:AssumeRole"}),
			"not listed in the X run: AccessDenied on sts:AssumeRole, denied by a service control policy", "", true},
		"it was foreseen": {gap(keyrotor.Gap{Account: here, Call: "sts:AssumeRole", Expected: &keyrotor.ExpectedGap{}}),
			"not listed in the X run: AccessDenied on sts:AssumeRole, denied by a service control policy, foreseen", "", false},
		"another place was refused": {gap(keyrotor.Gap{Account: here, Region: "us-east-1", Call: "kms:ListKeys"}),
			"", "", true},
		"the aliases alone were refused": {func(r *report.Run) {
			r.Gaps = []keyrotor.Gap{{Account: here, Region: "eu-west-1", Call: "kms:ListAliases"}}
		}, "", "", false},
		"the configuration leaves it out": {func(r *report.Run) { r.Places[0].Status = keyrotor.PlaceExcluded }, "excluded by the configuration in the X run", "", false},
		"the configuration leaves the account out": {func(r *report.Run) {
			r.Places, r.Population.Accounts, r.Population.Excluded = nil, []keyrotor.Account{{ID: there}}, []string{here}
		}, "excluded by the configuration in the X run", "", false},
		"the configuration lists other accounts": {func(r *report.Run) {
			r.Places, r.Population.Accounts, r.Population.AccountsFrom = nil, []keyrotor.Account{{ID: there}}, "config"
		}, "its account is not one of the configured in the X run", "", false},
		"the accounts could not be listed": {func(r *report.Run) {
			gap(keyrotor.Gap{Account: there, Call: "organizations:ListAccounts"})(r)
			r.Places, r.Population.Accounts = nil, []keyrotor.Account{{ID: there}}
		}, "its account was not entered in the X run: AccessDenied on organizations:ListAccounts, denied by a service control policy", "", true},
		"the account is no member": {func(r *report.Run) { r.Places, r.Population.Accounts = nil, []keyrotor.Account{{ID: there}} },
			"", "account " + here + " is not an active one of the X run", false},
		"the Region is off": {func(r *report.Run) { r.Places = r.Places[1:] }, "", "eu-west-1 is not a Region of the account in the X run", false},
	} {
		for run, plain := range map[string]string{"later": "gone", "earlier": "new"} {
			t.Run(name+" in the "+run+" run", func(t *testing.T) {
				runs := [2]report.Run{found(held(nil)), found()}
				blind := 1
				if run == "earlier" {
					runs[0], runs[1], blind = runs[1], runs[0], 0
				}
				c.blind(&runs[blind])
				d, err := report.Diff(runs[0], runs[1])
				if err != nil {
					t.Fatal(err)
				}
				list, want := filed(d)[plain], c.plain
				if c.want != "" {
					list, want = filed(d)["not comparable"], c.want
				}
				if diff := cmp.Diff([]string{strings.Replace(want, "X", run, 1)}, list); diff != "" {
					t.Errorf("(-want +got):\n%s\nin all: %q", diff, filed(d))
				}
				if d.Partly() != c.partly {
					t.Errorf("partly %v, want %v", d.Partly(), c.partly)
				}
			})
		}
	}
}

func TestAPlaceThatNoRunCouldListIsToldOnce(t *testing.T) {
	run := found()
	run.Places[0].Status = keyrotor.PlaceGap
	run.Gaps = []keyrotor.Gap{{Account: here, Region: "eu-west-1", Call: "kms:ListKeys", Code: "AccessDenied", Cause: keyrotor.CauseSCP}}
	d, err := report.Diff(run, run)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.NotComparable) != 1 || len(d.NotComparable[0].Unread) != 1 || !d.Partly() {
		t.Errorf("got %+v", d)
	}
	var text bytes.Buffer
	if err := report.DiffText(&text, d, nil, report.Style{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "every key there  "+here+"  eu-west-1") {
		t.Errorf("the text does not name the place:\n%s", text.String())
	}
}

func TestAllFormatsOfADifferenceSayWhatCouldNotBeCompared(t *testing.T) {
	later := found(held(refused))
	d, err := report.Diff(found(held(nil)), later)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []report.Format{report.JSON, report.YAML, report.CSV, report.Markdown} {
		var out bytes.Buffer
		if err := report.Write(&out, f, report.DiffRows(d)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"not-comparable", "rotation not read", "AccessDeniedException", "kms:GetKeyRotationStatus"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v does not say %q:\n%s", f, want, out.String())
			}
		}
	}
}
