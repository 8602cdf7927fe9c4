package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// The head of an undo spoke of changes that others had made since, and the
// table below of nothing that was left.
func TestAnUndoNamesWhatItPlannedAndLeft(t *testing.T) {
	run := undoRun()
	run.Undone.Plan.Changes, run.Undone.Outcomes = run.Undone.Plan.Changes[:1], run.Undone.Outcomes[:1]
	run.Outcomes[0].State, run.Outcomes[0].Reason = keyrotor.Skipped, "somebody set it to every 200 d since"
	text := htmlText(t, run)
	says(t, text, "1 – changed by others since", "alias/back id-back payments-prod "+testAccount(0), "somebody set it to every 200 d since")
	saysNothingOf(t, text, "Nothing was left")
	run.Outcomes[0].State, run.Outcomes[0].Reason = keyrotor.Failed, "access denied"
	saysNothingOf(t, htmlText(t, run), "Nothing was left")
	run.Outcomes[0].State = keyrotor.Succeeded
	says(t, htmlText(t, run), "Nothing was left")
}

func TestTheReportCountsWhatWasNeverBegun(t *testing.T) {
	plan, outcomes := mixedRun()
	run := report.Run{Now: testNow, Plan: &plan, Outcomes: outcomes}
	says(t, htmlText(t, run), "10 of 17 changes taken up, 7 never begun.")
}

func TestTheReportHoldsNoPathOfThisMachine(t *testing.T) {
	run := realisticRun(20)
	run.Where = "STATE/runs/20261121T101502Z-5f3c"
	says(t, htmlText(t, run), "keyrotor evidence verify STATE/runs/20261121T101502Z-5f3c", "STATE is the state folder as it was handed over with this page.", "! beside a share: read in part")
}

func TestTablesGoByAccountAndRegion(t *testing.T) {
	e := newEstate()
	for _, place := range [][2]int{{2, 1}, {0, 2}, {0, 0}, {1, 1}} {
		e.key(keyrotor.ViewTarget, func(a *keyrotor.Assessment) {
			a.Asset.Account, a.Asset.Region = testAccount(place[0]), testRegions[place[1]]
		})
		e.run.Places = append(e.run.Places, keyrotor.Place{Account: testAccount(place[0]), Region: testRegions[place[1]], Status: keyrotor.PlaceRead, Listed: 1})
	}
	text := htmlText(t, e.run)
	for _, table := range []string{"did not when this was read", "listed = described + unreadable"} {
		_, text, found := strings.Cut(text, table)
		at := -1
		for _, place := range []string{testAccount(0) + " " + testRegions[0], testAccount(0) + " " + testRegions[2], testAccount(1) + " " + testRegions[1], testAccount(2) + " " + testRegions[1]} {
			i := strings.Index(text, place)
			if !found || i <= at {
				t.Errorf("%s: %s is not in its order:\n%s", table, place, text)
			}
			at = i
		}
	}
}

func TestTheMarkdownReportIsReadable(t *testing.T) {
	var b bytes.Buffer
	if err := report.MarkdownReport(&b, realisticRun(400)); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	says(t, text, "# KMS key rotation report\n", "can rotate automatically", "## Findings by rule\n", "| Severity | Rule | Asks for | Fail | Fail now |", "## Target list\n", "more: the rest stands in the HTML report on a screen, and in findings.jsonl of the run.", "    keyrotor evidence verify ")
	harmless(t, text)
	saysNothingOf(t, text, "<script", "population.accounts.0")
	if n := strings.Count(text, "\n"); n > 250 {
		t.Errorf("got %d lines: that is not short", n)
	}
	b.Reset()
	if err := report.MarkdownReport(&b, undoRun()); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), "## What was left as it is\n", "| alias/theirs (id-theirs) |")
}

func TestAPlanSaysWhatItsUndoCanDo(t *testing.T) {
	change := func(verb keyrotor.Verb, cannot string) keyrotor.Change {
		return keyrotor.Change{ID: keyrotor.ChangeID(string(verb) + cannot), CannotUndo: cannot, Target: keyrotor.Target{Name: "alias/a"}, Seen: keyrotor.Seen{ManagedBy: &keyrotor.Manager{Tool: "terraform"}},
			Steps: []keyrotor.Step{{Number: 1, Verb: verb}}}
	}
	const once = "a rotation cannot be taken back"
	for name, c := range map[string]struct {
		plan     keyrotor.Plan
		want     []string
		unwanted []string
	}{
		"nothing of it": {keyrotor.Plan{Run: "r", Changes: []keyrotor.Change{change(keyrotor.RotateNow, once)}},
			[]string{"Undo    none: " + once + "\n"}, []string{"restores", "terraform"}},
		"some of it": {keyrotor.Plan{Run: "r", Changes: []keyrotor.Change{change(keyrotor.RotateNow, once), change(keyrotor.EnableRotation, "")}},
			[]string{"Undo    keyrotor plan --undo r restores what this changes, except 1 change that cannot be undone\n"}, nil},
		"an undo of a template's key": {keyrotor.Plan{Run: "r", Undoes: "q", Cost: keyrotor.Cost{PricesAsOf: "2026-11-21", Note: "replicas each"}, Changes: []keyrotor.Change{change(keyrotor.DisableRotation, "")}},
			[]string{"! terraform", "! 1 key belongs to terraform: where the template speaks of rotation, its next deployment sets that again.", "Cost    nothing, today or later (prices of 2026-11-21)\n"}, []string{"replicas each"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, change := range c.plan.Changes {
				c.plan.Waves = append(c.plan.Waves, keyrotor.Wave{Number: len(c.plan.Waves) + 1, Changes: []keyrotor.ChangeID{change.ID}})
			}
			var b bytes.Buffer
			if err := report.PlanText(&b, c.plan, testNow, nil, report.Style{}); err != nil {
				t.Fatal(err)
			}
			says(t, b.String(), c.want...)
			saysNothingOf(t, b.String(), c.unwanted...)
		})
	}
}
