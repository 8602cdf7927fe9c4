package verify_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/verify"
)

var done = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func asset(change ...func(*keyrotor.Asset)) *keyrotor.Asset {
	next := done.AddDate(0, 0, 365)
	a := keyrotor.Asset{
		ID: "k", Tags: map[string]string{"env": "dev"},
		KMS: &keyrotor.KMSFacts{
			Aliases: []string{"alias/a"}, State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT",
			Rotation: &keyrotor.RotationFacts{On: true, PeriodDays: 365, Next: &next},
			History:  &keyrotor.RotationHistory{}, Material: &keyrotor.MaterialFacts{ID: "m1"},
		},
	}
	for _, c := range change {
		c(&a)
	}
	return &a
}

func kms(change func(*keyrotor.KMSFacts)) func(*keyrotor.Asset) {
	return func(a *keyrotor.Asset) { change(a.KMS) }
}

func rotation(on bool, days int, next time.Time) func(*keyrotor.Asset) {
	return kms(func(k *keyrotor.KMSFacts) {
		k.Rotation = &keyrotor.RotationFacts{On: on, PeriodDays: days}
		if !next.IsZero() {
			k.Rotation.Next = &next
		}
	})
}

func TestCompare(t *testing.T) {
	step := func(s keyrotor.Step) keyrotor.Change {
		s.Number = 1
		return keyrotor.Change{ID: "c", Target: keyrotor.Target{ID: "k"}, Steps: []keyrotor.Step{s}, Undo: []keyrotor.Step{{Number: 1, Verb: keyrotor.DisableRotation}}}
	}
	enable := step(keyrotor.Step{Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}})
	period := step(keyrotor.Step{Verb: keyrotor.SetPeriod, Params: keyrotor.Params{PeriodDays: 180}})
	off := step(keyrotor.Step{Verb: keyrotor.DisableRotation})
	rotate := step(keyrotor.Step{Verb: keyrotor.RotateNow, Before: keyrotor.Before{MaterialID: "m1", OnDemand: new(0)}})
	tag := step(keyrotor.Step{Verb: keyrotor.TagKey, Params: keyrotor.Params{Tags: map[string]string{"env": "dev", "owner": "x"}}})
	untag := step(keyrotor.Step{Verb: keyrotor.UntagKey, Params: keyrotor.Params{TagKeys: []string{"env"}}})
	create := keyrotor.Change{ID: "c", Target: keyrotor.Target{Name: "alias/a"}, Steps: []keyrotor.Step{
		{Number: 1, Verb: keyrotor.CreateKey, Params: keyrotor.Params{Spec: "SYMMETRIC_DEFAULT", Tags: map[string]string{"env": "dev"}}},
		{Number: 2, Verb: keyrotor.CreateAlias, Params: keyrotor.Params{Alias: "alias/a"}},
		{Number: 3, Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}},
	}}
	const confirmed, discrepant, unreadable = keyrotor.Confirmed, keyrotor.Discrepant, keyrotor.Unreadable
	year := done.AddDate(0, 0, 365)

	for name, tt := range map[string]struct {
		change  keyrotor.Change
		state   keyrotor.OutcomeState
		fresh   *keyrotor.Asset
		err     error
		now     time.Time
		verdict keyrotor.VerificationVerdict
		found   string
		details []string
	}{
		"on with the promised period and date":               {change: enable, fresh: asset(), verdict: confirmed, found: "on, every 365 d"},
		"a day's difference in the date is within tolerance": {change: enable, fresh: asset(rotation(true, 365, year.Add(-24*time.Hour))), verdict: confirmed, found: "on, every 365 d"},
		"a date a month early is not what was promised": {change: enable, fresh: asset(rotation(true, 365, year.AddDate(0, 0, -30))), verdict: discrepant, found: "on, every 365 d",
			details: []string{"the next rotation is 22 Oct 2027 10:00 UTC, promised was 21 Nov 2027 10:00 UTC"}},
		"looked at after two years the date has moved on": {change: enable, fresh: asset(rotation(true, 365, done.AddDate(0, 0, 3*365))), now: done.AddDate(0, 0, 2*365+3), verdict: confirmed, found: "on, every 365 d"},
		"a rotation that was due and did not happen": {change: enable, fresh: asset(), now: year.AddDate(0, 0, 5), verdict: discrepant, found: "on, every 365 d",
			details: []string{"the next rotation was due 21 Nov 2027 10:00 UTC and has not happened"}},
		"still off":      {change: enable, fresh: asset(rotation(false, 0, time.Time{})), verdict: discrepant, found: "off", details: []string{"rotation is off"}},
		"another period": {change: enable, fresh: asset(rotation(true, 90, time.Time{})), verdict: discrepant, found: "on, every 90 d", details: []string{"the period is 90 d, promised were 365 d"}},
		"an endpoint that reports no period": {change: enable, fresh: asset(rotation(true, 0, time.Time{})), verdict: confirmed, found: "on",
			details: []string{"the endpoint reports no period: that it is 365 d was not seen", "the endpoint reports no date of the next rotation: when it is due was not seen"}},
		"a new period that the endpoint does not report": {change: period, fresh: asset(rotation(true, 0, time.Time{})), verdict: unreadable, found: "on, every ? d",
			details: []string{"the endpoint reports no period, and the period of 180 d is all that was promised", "the endpoint reports no date of the next rotation: when it is due was not seen"}},
		"a new period, seen": {change: period, fresh: asset(rotation(true, 180, time.Time{})), verdict: confirmed, found: "on, every 180 d",
			details: []string{"the endpoint reports no date of the next rotation: when it is due was not seen"}},
		"rotation off where a new period was promised": {change: period, fresh: asset(rotation(false, 0, time.Time{})), verdict: discrepant, found: "off", details: []string{"rotation is off"}},
		"pending deletion reads as off and is not": {change: enable, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.State = "PendingDeletion" })), verdict: discrepant, found: "pending deletion",
			details: []string{"the key is pending deletion: its settings are locked and cannot be compared"}},
		"on but disabled since": {change: enable, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.State = "Disabled" })), verdict: confirmed, found: "on, every 365 d",
			details: []string{"the key is in state Disabled: it does not rotate until it is enabled again"}},
		"a key that is gone":          {change: enable, err: fmt.Errorf("look: %w", keyrotor.ErrNotFound), verdict: discrepant, found: "does not exist", details: []string{"the service knows no such key"}},
		"a key that cannot be read":   {change: enable, err: errors.New("access denied"), verdict: unreadable, found: "could not be read", details: []string{"access denied"}},
		"a key that nobody looked at": {change: enable, verdict: unreadable, found: "was not looked at"},
		"a status that was refused": {change: enable, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.Rotation = nil }), func(a *keyrotor.Asset) {
			a.Unread = []keyrotor.Unread{{Fact: keyrotor.FactRotation, Call: "kms:GetKeyRotationStatus", Code: "AccessDenied"}}
		}), verdict: unreadable, found: "rotation unknown", details: []string{"kms:GetKeyRotationStatus answered AccessDenied"}},

		"off as promised":            {change: off, fresh: asset(rotation(false, 0, time.Time{})), verdict: confirmed, found: "off"},
		"on though off was promised": {change: off, fresh: asset(), verdict: discrepant, found: "on", details: []string{"rotation is still on"}},
		"rolled back to what nobody wrote down": {change: keyrotor.Change{ID: enable.ID, Target: enable.Target, Steps: enable.Steps}, state: keyrotor.RolledBack,
			fresh: asset(), verdict: unreadable, found: "cannot be compared", details: []string{"the plan does not say how it was before"}},
		"rolled back is compared with then": {change: enable, state: keyrotor.RolledBack, fresh: asset(rotation(false, 0, time.Time{})), verdict: confirmed, found: "off"},

		"one more rotation in the history": {change: rotate, fresh: asset(kms(func(k *keyrotor.KMSFacts) {
			k.History = &keyrotor.RotationHistory{OnDemand: 1, Rotations: []keyrotor.Rotation{{At: done, Type: "ON_DEMAND"}}}
		})), verdict: confirmed, found: "rotated on demand, 21 Nov 2026 10:00 UTC"},
		"new material without a history": {change: rotate, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.Material.ID, k.History = "m2", nil })), verdict: confirmed, found: "new key material",
			details: []string{"the key material is another one; its history does not show an on-demand rotation"}},
		"two rotations where one was promised": {change: rotate, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.History.OnDemand = 2 })), verdict: discrepant, found: "rotated on demand 2 times",
			details: []string{"2 on-demand rotations since the plan, one was promised"}},
		"a rotation under way": {change: rotate, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.Rotation.OnDemandStarted = &done })), verdict: discrepant, found: "a rotation under way",
			details: []string{"the on-demand rotation is under way since 21 Nov 2026 10:00 UTC and not finished"}},
		"no trace of a rotation": {change: rotate, fresh: asset(), verdict: discrepant, found: "not rotated",
			details: []string{"its key material and the count of its rotations are those of before the plan"}},
		"nothing to tell a rotation by": {change: rotate, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.Material, k.History = nil, nil })), verdict: unreadable, found: "unknown whether it rotated",
			details: []string{"neither its key material id nor its rotations could be read to compare with the plan"}},

		"a tag is missing":               {change: tag, fresh: asset(), verdict: discrepant, found: "env=dev", details: []string{`the tag "owner" is missing`}},
		"tags that could not be read":    {change: tag, fresh: asset(func(a *keyrotor.Asset) { a.Tags = nil }), verdict: unreadable, found: "tags unknown", details: []string{"its tags could not be read"}},
		"a tag that should be gone":      {change: untag, fresh: asset(), verdict: discrepant, details: []string{`the tag "env" is still there`}},
		"a new key as it was promised":   {change: create, fresh: asset(), verdict: confirmed, found: "key k, env=dev, alias/a, on, every 365 d"},
		"a new key without its alias":    {change: create, fresh: asset(kms(func(k *keyrotor.KMSFacts) { k.Aliases = nil })), verdict: discrepant, found: "key k, env=dev, no alias/a, on, every 365 d", details: []string{"alias/a does not point to the key"}},
		"a verb that cannot be compared": {change: step(keyrotor.Step{Verb: keyrotor.Install}), fresh: asset(), verdict: unreadable, details: []string{"cannot compare the step install"}},
	} {
		t.Run(name, func(t *testing.T) {
			now := tt.now
			if now.IsZero() {
				now = done.Add(time.Minute)
			}
			out := keyrotor.Outcome{State: tt.state}
			for _, s := range tt.change.Steps {
				out.Receipts = append(out.Receipts, keyrotor.Receipt{Step: s.Number, Verb: s.Verb, At: done})
			}
			v := verify.Compare("run", tt.change, out, tt.fresh, tt.err, now)
			type said struct {
				Verdict keyrotor.VerificationVerdict
				Found   string
				Details []string
			}
			if diff := cmp.Diff(said{tt.verdict, tt.found, tt.details}, said{v.Verdict, v.Found, v.Details}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got, want := verify.Settled(v), tt.verdict == confirmed; got != want {
				t.Errorf("settled: got %v, want %v", got, want)
			}
			if v.Change != "c" || v.Run != "run" || v.Looks != 1 || !v.At.Equal(now) || v.Schema != keyrotor.SchemaVerification {
				t.Errorf("joined to %q of %q at %v, %d looks", v.Change, v.Run, v.At, v.Looks)
			}
		})
	}
}

func TestWhatWasFoundIsToldApartFromWhetherItWasPromised(t *testing.T) {
	next := done.AddDate(0, 0, 180)
	change := keyrotor.Change{ID: "c", Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}}}}
	fresh := asset(rotation(true, 180, next), kms(func(k *keyrotor.KMSFacts) { k.Material.Since = done }))
	v := verify.Compare("run", change, keyrotor.Outcome{State: keyrotor.Succeeded}, fresh, nil, done)
	want := &keyrotor.FoundKey{State: "Enabled", Rotation: &keyrotor.RotationFacts{On: true, PeriodDays: 180, Next: &next}, MaterialSince: done}
	if diff := cmp.Diff(want, v.Key); v.Verdict != keyrotor.Discrepant || diff != "" {
		t.Errorf("%s (-want +got):\n%s", v.Verdict, diff)
	}
	if v := verify.Compare("run", change, keyrotor.Outcome{}, nil, errors.New("refused"), done); v.Key != nil {
		t.Errorf("what could not be read was found as %+v", v.Key)
	}
}

func TestAnEffectFoundAfterACrashHasNoExactDate(t *testing.T) {
	c := keyrotor.Change{Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}}}}
	out := keyrotor.Outcome{Receipts: []keyrotor.Receipt{{Step: 1, Verb: keyrotor.EnableRotation, At: done.AddDate(0, 0, 20), Recovered: true}}}
	if v := verify.Compare("run", c, out, asset(), nil, done.AddDate(0, 0, 20)); v.Verdict != keyrotor.Confirmed {
		t.Errorf("got %s %q", v.Verdict, v.Details)
	}
}

func TestPromise(t *testing.T) {
	got := verify.Promise(keyrotor.Change{Steps: []keyrotor.Step{
		{Verb: keyrotor.CreateKey}, {Verb: keyrotor.CreateAlias, Params: keyrotor.Params{Alias: "alias/a"}},
		{Verb: keyrotor.EnableRotation}, {Verb: keyrotor.RotateNow}, {Verb: keyrotor.TagKey, Params: keyrotor.Params{Tags: map[string]string{"b": "2", "a": "1"}}},
		{Verb: keyrotor.DisableRotation}, {Verb: keyrotor.UntagKey, Params: keyrotor.Params{TagKeys: []string{"c"}}}, {Verb: keyrotor.Promote},
	}})
	want := "a new key, alias/a, on, every 365 d, rotated on demand, once, tags a=1 b=2, off, without the tags c, promote"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
