package guard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

func asset(change ...func(*keyrotor.Asset)) keyrotor.Asset {
	a := keyrotor.Asset{
		Kind: keyrotor.KindKMSKey, ID: "k", Tags: map[string]string{"env": "dev"},
		KMS: &keyrotor.KMSFacts{
			Aliases: []string{"alias/a"}, State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS", KeyManager: "CUSTOMER",
			Rotation: &keyrotor.RotationFacts{}, History: &keyrotor.RotationHistory{OnDemand: 3}, Material: &keyrotor.MaterialFacts{ID: "m1"},
			Policy: &keyrotor.PolicyFacts{ConditionTagKeys: []string{"team"}},
		},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func rotating(days int) func(*keyrotor.Asset) {
	return func(a *keyrotor.Asset) { a.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: days} }
}

func kms(change func(*keyrotor.KMSFacts)) func(*keyrotor.Asset) {
	return func(a *keyrotor.Asset) { change(a.KMS) }
}

// reads makes the key policy read these tag keys.
func reads(keys ...string) func(*keyrotor.Asset) {
	return func(a *keyrotor.Asset) { a.KMS.Policy.ConditionTagKeys = keys }
}

// many gives the key so many tags in all.
func many(n int) func(*keyrotor.Asset) {
	return func(a *keyrotor.Asset) {
		for i := len(a.Tags); i < n; i++ {
			a.Tags[fmt.Sprintf("tag-%d", i)] = "x"
		}
	}
}

func TestStep(t *testing.T) {
	enable := keyrotor.Step{Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: 365}, Before: keyrotor.Before{RotationOn: new(false)}}
	period := keyrotor.Step{Verb: keyrotor.SetPeriod, Params: keyrotor.Params{PeriodDays: 180}, Before: keyrotor.Before{PeriodDays: 365}}
	off := keyrotor.Step{Verb: keyrotor.DisableRotation, Before: keyrotor.Before{RotationOn: new(true), PeriodDays: 365}}
	rotate := keyrotor.Step{Verb: keyrotor.RotateNow, Before: keyrotor.Before{MaterialID: "m1", OnDemand: new(3)}}
	tag := func(kv ...string) keyrotor.Step {
		return keyrotor.Step{Verb: keyrotor.TagKey, Params: keyrotor.Params{Tags: map[string]string{kv[0]: kv[1]}}, Before: keyrotor.Before{Tags: map[string]string{"env": "dev"}}}
	}
	untag := keyrotor.Step{Verb: keyrotor.UntagKey, Params: keyrotor.Params{TagKeys: []string{"env"}}, Before: keyrotor.Before{Tags: map[string]string{"env": "dev"}}}
	create := keyrotor.Step{Verb: keyrotor.CreateKey, Target: keyrotor.Target{Name: "alias/a"}, Before: keyrotor.Before{AbsentAlias: true}}
	gone := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	timed := func(s keyrotor.Step) keyrotor.Step { s.Before.Next = &gone; return s }
	nextOn := func(at time.Time) func(*keyrotor.Asset) {
		return func(a *keyrotor.Asset) {
			a.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: 365, Next: &at}
		}
	}
	undescribed := keyrotor.Asset{KMS: &keyrotor.KMSFacts{}, Unread: []keyrotor.Unread{{Fact: keyrotor.FactDescription, Call: "kms:DescribeKey", Code: "AccessDeniedException"}}}
	const (
		on        = keyrotor.OutcomeState("")
		skipped   = keyrotor.Skipped
		unchanged = keyrotor.Unchanged
	)
	for name, tt := range map[string]struct {
		step   keyrotor.Step
		asset  keyrotor.Asset
		want   keyrotor.OutcomeState
		reason string
	}{
		"a key that is off is turned on":                        {enable, asset(), on, ""},
		"a key that somebody turned on alike is left unchanged": {enable, asset(rotating(365)), unchanged, "rotation is on every 365 d already; somebody turned it on since the plan"},
		"an endpoint without periods counts as alike":           {enable, asset(rotating(0)), unchanged, "rotation is on already; somebody turned it on since the plan"},
		"a key that somebody turned on otherwise is skipped":    {enable, asset(rotating(90)), skipped, "somebody turned rotation on every 90 d since the plan"},
		"a key pending deletion is skipped": {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.State, k.DeletionDate = "PendingDeletion", &gone })),
			skipped, "pending deletion on 2026-12-01"},
		"a disabled key is skipped":                     {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.State = "Disabled" })), skipped, "its state is Disabled, not Enabled"},
		"a state of tomorrow is skipped":                {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.State = "Resting" })), skipped, "its state is Resting, not Enabled"},
		"a spec of tomorrow is skipped":                 {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.Spec = "ML_KEM_9" })), skipped, "KMS rotates no key of spec ML_KEM_9"},
		"imported material is not rotated by KMS":       {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.Origin = "EXTERNAL" })), skipped, "its material is imported: KMS cannot make new material for it"},
		"a key of a custom key store is skipped":        {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.Origin = "AWS_CLOUDHSM" })), skipped, "KMS does not rotate keys of origin AWS_CLOUDHSM"},
		"a replica is skipped and its primary is named": {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.MultiRegion = &keyrotor.MultiRegion{Role: "REPLICA", Primary: "arn:p"} })), skipped, "it is a replica: rotation is set on its primary arn:p"},
		"an AWS managed key is skipped":                 {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.KeyManager = "AWS" })), skipped, "AWS manages this key; nobody else can configure it"},
		"an unread status is not taken for off": {enable, asset(kms(func(k *keyrotor.KMSFacts) { k.Rotation = nil }), func(a *keyrotor.Asset) {
			a.Unread = []keyrotor.Unread{{Fact: keyrotor.FactRotation, Call: "kms:GetKeyRotationStatus", Code: "AccessDeniedException"}}
		}), skipped, "its rotation status could not be read (AccessDeniedException on kms:GetKeyRotationStatus)"},
		"an asset without facts is skipped": {enable, keyrotor.Asset{}, skipped, "a fresh look told nothing of this key"},

		"the period that the plan saw is changed":    {period, asset(rotating(365)), on, ""},
		"the wanted period is left unchanged":        {period, asset(rotating(180)), unchanged, "the period is 180 d already"},
		"somebody else's period is skipped":          {period, asset(rotating(90)), skipped, "the period is 90 d now, and was 365 d when the plan was made"},
		"a key that was turned off keeps its period": {period, asset(), skipped, "somebody turned rotation off since the plan"},

		"rotation that we turned on is turned off": {off, asset(rotating(365)), on, ""},
		"rotation that is off stays unchanged":     {off, asset(), unchanged, "rotation is off already"},
		"rotation that somebody turned on anew is theirs": {timed(off), asset(nextOn(gone.AddDate(0, 0, 2))), skipped,
			"somebody turned rotation on anew since: the next one is on 2026-12-03, and was to be on 2026-12-01"},
		"a period of a clock that somebody started anew is theirs": {timed(period), asset(nextOn(gone.AddDate(0, 0, 2))), skipped,
			"somebody turned rotation on anew since: the next one is on 2026-12-03, and was to be on 2026-12-01"},
		"the clock that the plan saw goes on":           {timed(off), asset(nextOn(gone.Add(time.Minute))), on, ""},
		"a date that is not told is not compared":       {timed(off), asset(rotating(365)), on, ""},
		"a key that was not described is not guessed":   {enable, undescribed, skipped, "it could not be read (AccessDeniedException on kms:DescribeKey)"},
		"nor are its tags changed":                      {tag("env", "prod"), undescribed, skipped, "it could not be read (AccessDeniedException on kms:DescribeKey)"},
		"rotation that somebody else changed is theirs": {off, asset(rotating(90)), skipped, "somebody set the period to 90 d since"},

		"a key as the plan saw it is rotated": {rotate, asset(), on, ""},
		"a key with other material was rotated by somebody": {rotate, asset(kms(func(k *keyrotor.KMSFacts) { k.Material.ID = "m2" })), unchanged,
			"it was rotated since the plan: its key material is another one"},
		"a key with one more rotation was rotated by somebody": {rotate, asset(kms(func(k *keyrotor.KMSFacts) { k.History.OnDemand = 4 })), unchanged,
			"it was rotated since the plan: 4 on-demand rotations, 3 when the plan was made"},
		"a key whose 25 rotations are used up is skipped": {rotate, asset(kms(func(k *keyrotor.KMSFacts) { k.History.OnDemand = 25 })), skipped,
			"all 25 on-demand rotations of this key's life are used up"},
		"a rotation under way is not joined": {rotate, asset(kms(func(k *keyrotor.KMSFacts) { k.Rotation.OnDemandStarted = &gone })), skipped,
			"an on-demand rotation of somebody else is under way since 2026-12-01"},
		"what cannot be compared is not rotated": {rotate, asset(kms(func(k *keyrotor.KMSFacts) { k.Material, k.History = nil, nil })), skipped,
			"neither its key material id nor its rotations could be read to compare with the plan"},
		"a plan that saw no ids rotates nothing": {keyrotor.Step{Verb: keyrotor.RotateNow}, asset(), skipped,
			"the plan saw neither its key material id nor its rotations: a second rotation could not be told from the first"},
		"imported material without a successor is skipped": {rotate, asset(kms(func(k *keyrotor.KMSFacts) { k.Origin = "EXTERNAL" })), skipped,
			"no new material was imported: there is nothing to rotate to"},
		"imported material with a successor is rotated": {rotate, asset(kms(func(k *keyrotor.KMSFacts) {
			k.Origin, k.Import = "EXTERNAL", &keyrotor.ImportFacts{Pending: "m2"}
		})), on, ""},
		"imported material that a replica lacks is skipped": {rotate, asset(kms(func(k *keyrotor.KMSFacts) {
			k.Origin, k.Import = "EXTERNAL", &keyrotor.ImportFacts{Pending: "m2", AwaitsReplicas: true}
			k.MultiRegion = &keyrotor.MultiRegion{Role: "PRIMARY"}
		})), skipped, "its new material is not in every replica yet: import the same bytes into every replica first"},

		"a tag is set":     {tag("env", "test"), asset(), on, ""},
		"a new tag is set": {tag("owner", "x"), asset(), on, ""},
		"a tag that is so already is left unchanged":                {tag("env", "dev"), asset(), unchanged, "its tags are so already"},
		"a tag that the key policy reads is refused":                {tag("team", "x"), asset(), skipped, `its key policy has a condition on the tag "team": changing it would change who may use the key`},
		"a tag key is compared as IAM does, without regard to case": {tag("Team", "x"), asset(), skipped, `its key policy has a condition on the tag "Team": changing it would change who may use the key`},
		"a pattern of tag keys binds those it matches":              {tag("cost-Center", "x"), asset(reads("COST*")), skipped, `its key policy has a condition on the tag "cost-Center": changing it would change who may use the key`},
		"a pattern of one letter binds one letter":                  {tag("owner2", "x"), asset(reads("owner?")), skipped, `its key policy has a condition on the tag "owner2": changing it would change who may use the key`},
		"a pattern binds no other key":                              {tag("owner", "x"), asset(reads("owner?", "cost*", "o.ner")), on, ""},
		"a removed tag is compared likewise":                        {untag, asset(reads("ENV")), skipped, `its key policy has a condition on the tag "env": changing it would change who may use the key`},
		"the 51st tag is refused":                                   {tag("owner", "x"), asset(many(50)), skipped, "it would have 51 tags, and a key takes 50"},
		"a 50th tag is set, and tags of AWS's own do not count":     {tag("owner", "x"), asset(many(49), func(a *keyrotor.Asset) { a.Tags["aws:cloudformation:stack-name"] = "s" }), on, ""},
		"a value is set where 50 tags are":                          {tag("env", "test"), asset(many(50)), on, ""},
		"a tag that somebody changed is theirs":                     {tag("env", "test"), asset(func(a *keyrotor.Asset) { a.Tags["env"] = "prod" }), skipped, `somebody changed its tag "env" since the plan`},
		"tags that could not be read are not set":                   {tag("env", "test"), asset(func(a *keyrotor.Asset) { a.Tags = nil }), skipped, "its tags could not be read"},
		"tags of an RSA key can be set":                             {tag("env", "test"), asset(kms(func(k *keyrotor.KMSFacts) { k.Spec = "RSA_2048" })), on, ""},
		"an unread policy is not taken for a harmless":              {tag("env", "test"), asset(func(a *keyrotor.Asset) { a.Unread = []keyrotor.Unread{{Fact: keyrotor.FactPolicy}} }), skipped, "its key policy could not be read: a condition on these tags cannot be ruled out"},
		"nor is one that nobody asked for":                          {tag("env", "test"), asset(kms(func(k *keyrotor.KMSFacts) { k.Policy = nil })), skipped, "its key policy was not read: a condition on these tags cannot be ruled out"},
		"a tag is removed":                                          {untag, asset(), on, ""},
		"a tag that is gone already is left unchanged":              {untag, asset(func(a *keyrotor.Asset) { a.Tags = map[string]string{} }), unchanged, "the tags are gone already"},
		"a tag that somebody changed since is not taken":            {untag, asset(func(a *keyrotor.Asset) { a.Tags["env"] = "x" }), skipped, `somebody changed its tag "env" since the plan`},

		"a key whose alias is free is made":         {create, keyrotor.Asset{}, on, ""},
		"a key whose alias exists is not made":      {create, asset(), skipped, "alias/a exists and points to k"},
		"a verb of another kind is left to its own": {keyrotor.Step{Verb: keyrotor.Install}, keyrotor.Asset{}, on, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := guard.Verdict{State: tt.want, Reason: tt.reason}
			if diff := cmp.Diff(want, guard.Step(tt.step, tt.asset)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFreezeIsFromItsFirstMomentToBeforeItsLast(t *testing.T) {
	from := time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, 10)
	windows := []guard.Window{{From: from, To: from.Add(time.Hour)}, {From: from, To: to, Reason: "holidays"}}
	for name, tt := range map[string]struct {
		at     time.Time
		reason string
		frozen bool
	}{
		"before it":                  {from.Add(-1), "", false},
		"its first moment":           {from, "holidays, until 2026-12-30T00:00:00Z", true},
		"the last moment before end": {to.Add(-1), "holidays, until 2026-12-30T00:00:00Z", true},
		"its end":                    {to, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			reason, frozen := guard.Freeze(windows, tt.at)
			if reason != tt.reason || frozen != tt.frozen {
				t.Errorf("got %q %v, want %q %v", reason, frozen, tt.reason, tt.frozen)
			}
		})
	}
}

func TestBlastRadiusNamesEveryLimitThatIsExceeded(t *testing.T) {
	change := func(account string) keyrotor.Change {
		return keyrotor.Change{Target: keyrotor.Target{Account: account}}
	}
	p := keyrotor.Plan{Changes: []keyrotor.Change{change("2"), change("1"), change("1")}}
	got := guard.BlastRadius(p, guard.Limits{MaxPerAccount: 1, MaxPerRun: 2})
	want := []string{"3 changes, and a run may make 2", "2 changes in account 1, and a run may make 1 in one account"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := guard.BlastRadius(p, guard.Limits{}); got != nil {
		t.Errorf("without limits got %q", got)
	}
}
