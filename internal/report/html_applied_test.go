package report_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
)

// The auditor's page said when keys were read, and not when they were changed.
func TestTheAuditorReadsWhenChangesWereAppliedAndVerified(t *testing.T) {
	e := newEstate()
	for range 3 {
		e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", foundOn(365, keyrotor.Confirmed))
	}
	e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", nil)
	for i := range e.run.Outcomes {
		o := &e.run.Outcomes[i]
		o.Started = testNow.Add(time.Duration(i) * time.Minute)
		o.Ended = o.Started.Add(30 * time.Second)
	}
	e.run.Outcomes[3].State = keyrotor.NotStarted
	for i := range e.run.Verifications {
		e.run.Verifications[i].At = testNow.Add(time.Duration(i) * time.Hour)
	}
	text := htmlText(t, e.run)
	says(t, text,
		"Applied 2026-11-21 10:15:02 UTC to 2026-11-21 10:17:32 UTC: 3 changes taken up",
		"Verified 2026-11-21 10:15:02 UTC to 2026-11-21 12:15:02 UTC: 3 changes looked at",
		"Outcome Ended Second look",
		"succeeded 2026-11-21 10:16:32 UTC ✓ good: confirmed",
		"not started – –",
	)
}

func TestTheAuditorIsToldWhoAppliedOnlyWhereItIsKnown(t *testing.T) {
	switchOn := func(alter func(*keyrotor.Outcome)) string {
		e := newEstate()
		e.change(e.key(keyrotor.ViewTarget), keyrotor.EnableRotation, "kms-rotation-on", nil)
		alter(&e.run.Outcomes[0])
		return htmlText(t, e.run)
	}
	for name, c := range map[string]struct {
		alter func(*keyrotor.Outcome)
		want  string
	}{
		"nothing is known": {func(*keyrotor.Outcome) {}, "Applied by the record names no identity Verified nothing, when this page was made"},
		"request ids lead to it": {func(o *keyrotor.Outcome) { o.Receipts = []keyrotor.Receipt{{RequestIDs: []string{"id-1"}}} },
			"Applied by the record names no identity; AWS's request ids under “Every change” lead to the caller in CloudTrail"},
		"a refusal names the role": {func(o *keyrotor.Outcome) {
			o.State = keyrotor.Failed
			o.Error = &keyrotor.CallError{Call: "kms:EnableKeyRotation", Code: "AccessDeniedException", Message: "User: arn:aws:sts::111122223333:assumed-role/rotation-writer/x is not authorized"}
		}, "Applied by the record names no identity; AWS's refusals name role rotation-writer"},
		"it was never begun":             {func(o *keyrotor.Outcome) { o.State = keyrotor.NotStarted }, "Applied nothing, when this page was made Ledger head"},
		"its times were not recorded":    {func(o *keyrotor.Outcome) { o.Started, o.Ended = time.Time{}, time.Time{} }, "Applied when was not recorded: 1 change taken up"},
		"an earlier turn took its steps": {func(o *keyrotor.Outcome) { o.Receipts = []keyrotor.Receipt{{At: testNow.AddDate(0, 0, -1)}} }, "Applied 2026-11-20 10:15:02 UTC to 2026-11-21 10:15:02 UTC"},
	} {
		t.Run(name, func(t *testing.T) { says(t, switchOn(c.alter), c.want) })
	}
}

// An approval expired “in 23 hours” on every day that the file was read.
func TestThePageSaysNoTimeThatIsFalseTomorrow(t *testing.T) {
	run := realisticRun(400)
	for i := range run.Outcomes {
		run.Outcomes[i].Reason = "" // what others wrote stays as they wrote it
	}
	text := htmlText(t, run)
	says(t, text, "2026-11-28 10:15:02 UTC 13:YWJjZGVmZ2hpamtsbW5vcA==", "rotates by itself on ")
	relative := regexp.MustCompile(`\b(in \d+ (second|minute|hour|day|year)s?\b|\d+ (second|minute|hour|day|year)s? (ago|old)\b)`)
	dated := regexp.MustCompile(`\d{1,2} [A-Z][a-z]{2} \d{4} $`)
	found := 0
	for _, at := range relative.FindAllStringIndex(text, -1) {
		found++
		if before := text[max(0, at[0]-40):at[0]]; !dated.MatchString(before) {
			t.Errorf("%q stands without its date: …%s", text[at[0]:at[1]], before)
		}
	}
	if found == 0 {
		t.Error("no relative time was found: the test looks for the wrong words")
	}
}
