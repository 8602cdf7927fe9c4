package plan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

func TestCommandsRefuse(t *testing.T) {
	all := func(keyrotor.Asset) bool { return true }
	undescribed := key(1, func(a *keyrotor.Assessment) {
		a.Asset.KMS, a.Asset.Tags = &keyrotor.KMSFacts{}, nil
		a.Asset.Unread = []keyrotor.Unread{{Fact: keyrotor.FactDescription, Call: "kms:DescribeKey", Code: "AccessDeniedException"}}
	})
	fine := plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new"}
	newKey := func(change func(*plan.NewKey)) plan.CommandOptions {
		k := fine
		change(&k)
		return plan.CommandOptions{Key: k}
	}
	for name, tt := range map[string]struct {
		kind   plan.Command
		key    keyrotor.Assessment
		period int
		choose func(keyrotor.Asset) bool
		c      plan.CommandOptions
		want   string
	}{
		"a period for a key that is off":         {plan.CommandSetPeriod, key(1), 180, all, plan.CommandOptions{}, "1 key left out: rotation is off: there is no period to set; keyrotor plan proposes to turn it on"},
		"a period for a key that cannot rotate":  {plan.CommandSetPeriod, key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.State = "Disabled" }), 180, all, plan.CommandOptions{}, "1 key left out: its state is Disabled, not Enabled"},
		"the period that it has":                 {plan.CommandSetPeriod, key(1, on(180)), 180, all, plan.CommandOptions{}, "the period is 180 d already"},
		"no period, of a key with a shorter one": {plan.CommandSetPeriod, key(1, on(180)), 0, all, plan.CommandOptions{}, "1 key left out: its period of 180 d is shorter than 365 d already; --period DAYS makes it longer"},
		"no period, of a key with that of KMS":   {plan.CommandSetPeriod, key(1, on(365)), 0, all, plan.CommandOptions{}, "1 key left out: the period is 365 d already"},
		"no choice":                              {plan.CommandRotateNow, key(1), 0, nil, plan.CommandOptions{}, "without a choice of keys"},
		"a choice of nothing":                    {plan.CommandRotateNow, key(1), 0, func(keyrotor.Asset) bool { return false }, plan.CommandOptions{}, "no key fits key-9"},
		"a key whose 25 rotations are spent":     {plan.CommandRotateNow, key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.History.OnDemand = 25 }), 0, all, plan.CommandOptions{}, "all 25 on-demand rotations of this key's life are used up"},
		"an asymmetric key":                      {plan.CommandRotateNow, key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.Spec = "RSA_2048" }), 0, all, plan.CommandOptions{}, "KMS rotates no key of spec RSA_2048"},
		"an AWS managed key":                     {plan.CommandRotateNow, key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.KeyManager = "AWS" }), 0, all, plan.CommandOptions{}, "AWS manages this key"},
		"a key that is on":                       {plan.CommandEnable, key(1, on(365)), 0, all, plan.CommandOptions{}, "rotation is on already"},
		"a tag that the key policy reads": {plan.CommandTag, key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.Policy.ConditionTagKeys = []string{"team"} }), 0,
			all, plan.CommandOptions{Tags: map[string]string{"team": "x"}}, `its key policy has a condition on the tag "team"`},
		"a tag where the key policy is unread": {plan.CommandTag, key(1, func(a *keyrotor.Assessment) { a.Asset.KMS.Policy = nil }), 0,
			all, plan.CommandOptions{Tags: map[string]string{"team": "x"}}, "its key policy was not read"},
		"a tag of AWS's own":            {plan.CommandTag, key(1), 0, all, plan.CommandOptions{Tags: map[string]string{"aws:x": "y"}}, "names that begin with aws: are AWS's own"},
		"no tag":                        {plan.CommandTag, key(1), 0, all, plan.CommandOptions{}, "0 tags given"},
		"an alias that exists":          {plan.CommandCreateKey, key(1), 0, nil, newKey(func(k *plan.NewKey) { k.Alias = "alias/key-1" }), "alias/key-1 exists and points to"},
		"an alias of AWS's own":         {plan.CommandCreateKey, key(1), 0, nil, newKey(func(k *plan.NewKey) { k.Alias = "alias/aws/s3" }), "AWS's own"},
		"an alias with a space":         {plan.CommandCreateKey, key(1), 0, nil, newKey(func(k *plan.NewKey) { k.Alias = "alias/a b" }), "letters, digits"},
		"an account that is none":       {plan.CommandCreateKey, key(1), 0, nil, newKey(func(k *plan.NewKey) { k.Account = "prod" }), "12 digits"},
		"no Region":                     {plan.CommandCreateKey, key(1), 0, nil, newKey(func(k *plan.NewKey) { k.Region = "" }), "no Region"},
		"a policy that is none":         {plan.CommandCreateKey, key(1), 0, nil, newKey(func(k *plan.NewKey) { k.Policy = "allow all" }), "no JSON object"},
		"a key that was not described":  {plan.CommandEnable, undescribed, 0, all, plan.CommandOptions{}, "1 key left out: it could not be read (AccessDeniedException on kms:DescribeKey)"},
		"a tag of such a key":           {plan.CommandTag, undescribed, 0, all, plan.CommandOptions{Tags: map[string]string{"team": "x"}}, "1 key left out: it could not be read (AccessDeniedException on kms:DescribeKey)"},
		"a period of an asymmetric key": {plan.CommandCreateKey, key(1), 180, nil, newKey(func(k *plan.NewKey) { k.Spec, k.Usage = "RSA_2048", "SIGN_VERIFY" }), "KMS rotates no key of spec RSA_2048"},
		"a command that is none":        {"destroy", key(1), 0, nil, plan.CommandOptions{}, "there is no such command"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.PeriodDays, o.Choose, o.Selection = tt.period, tt.choose, "key-9"
			_, err := plan.BuildCommand(tt.kind, of(tt.key), o, tt.c)
			var refusal *keyrotor.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// The command, else the rule, else 365: --period was needed whatever the rules said.
func TestThePeriodThatIsSetIsTheCommandsElseTheRulesElse365(t *testing.T) {
	for name, tt := range map[string]struct {
		key     keyrotor.Assessment
		command int
		want    int
	}{
		"the command":            {key(1, on(365, "own-90")), 200, 200},
		"a longer one, if named": {key(1, on(100)), 200, 200},
		"the rule":               {key(1, on(365, "own-90")), 0, 90},
		"365":                    {key(1, on(1000)), 0, 365},
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.PeriodDays, o.Choose = tt.command, func(keyrotor.Asset) bool { return true }
			o.RulePeriod = func(a keyrotor.Assessment) int { return 90 * len(a.Failed()) }
			p, err := plan.BuildCommand(plan.CommandSetPeriod, of(tt.key), o, plan.CommandOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Changes[0].Steps[0].Params.PeriodDays; got != tt.want {
				t.Errorf("every %d d, want %d", got, tt.want)
			}
		})
	}
}

func TestAReplicasRotationIsChangedOnItsPrimaryOnce(t *testing.T) {
	o := options()
	o.Choose = func(a keyrotor.Asset) bool { return a.ID == "mrk-9" && a.Region == "eu-west-1" }
	p, err := plan.BuildCommand(plan.CommandRotateNow, of(estate()...), o, plan.CommandOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 1 || p.Changes[0].Target.ARN != "arn:aws:kms:us-east-1:111122223333:key/mrk-9" || p.Changes[0].Target.Region != "us-east-1" {
		t.Errorf("got %q", acts(p))
	}
}

func TestANewKeysIDIsOfItsRun(t *testing.T) {
	create := func(run keyrotor.RunID) keyrotor.Change {
		o := options()
		o.Run = run
		p, err := plan.BuildCommand(plan.CommandCreateKey, of(), o, plan.CommandOptions{Key: plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new"}})
		if err != nil {
			t.Fatal(err)
		}
		return p.Changes[0]
	}
	a, b := create("run-1"), create("run-2")
	if a.ID == b.ID {
		t.Error("a key of another run would be taken for this one's")
	}
	var verbs []keyrotor.Verb
	for _, s := range a.Steps {
		verbs = append(verbs, s.Verb)
	}
	if diff := cmp.Diff([]keyrotor.Verb{keyrotor.CreateKey, keyrotor.CreateAlias, keyrotor.EnableRotation}, verbs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(a.Undo) != 0 || a.CannotUndo == "" {
		t.Errorf("undo %v, %q", a.Undo, a.CannotUndo)
	}
}

// A new key was put into the partition aws, whoever asked for it.
func TestANewKeyIsMadeInItsAuthorsPartition(t *testing.T) {
	for identity, want := range map[string]string{
		"arn:aws-cn:sts::111122223333:assumed-role/ops/carol": "aws-cn", "": "aws", "carol": "aws",
	} {
		o := options()
		o.Author.Identity = identity
		p, err := plan.BuildCommand(plan.CommandCreateKey, of(), o, plan.CommandOptions{Key: plan.NewKey{Account: "111122223333", Region: "cn-north-1", Alias: "alias/new"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Changes[0].Target.Partition; got != want {
			t.Errorf("of %q: partition %q, want %q", identity, got, want)
		}
	}
}
