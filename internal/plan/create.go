package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keyrotor/keyrotor"
)

// NewKey is a key to be made.
type NewKey struct {
	Partition   string // default: that of the author's identity
	Account     string
	Region      string
	Alias       string // "alias/…"
	Description string
	Policy      string            // key policy document; "" for KMS's default
	Spec        string            // default SYMMETRIC_DEFAULT
	Usage       string            // default the only usage that the spec has
	Tags        map[string]string // beside the tag that apply sets to find the key again
	MultiRegion bool
}

const symmetric = "SYMMETRIC_DEFAULT"

func (k NewKey) validate(o Options) error {
	if why := k.Wrong(o.PeriodDays); len(why) > 0 {
		return refuse("plan create-key", why, "keyrotor plan create-key --help")
	}
	return nil
}

// Wrong says why KMS would not make the key, as far as its parameters tell;
// periodDays is the rotation period that it is to have, 0 for the default.
func (k NewKey) Wrong(periodDays int) []string {
	var why []string
	if len(k.Account) != 12 || strings.Trim(k.Account, "0123456789") != "" {
		why = append(why, fmt.Sprintf("the account %q: wanted are 12 digits", k.Account))
	}
	if k.Region == "" {
		why = append(why, "no Region is given")
	}
	why = append(why, wrongAlias(k.Alias)...)
	if len(k.Tags) >= keyrotor.TagsPerKey {
		why = append(why, fmt.Sprintf("%d tags given: a key takes %d, and %s is one of them", len(k.Tags), keyrotor.TagsPerKey, keyrotor.ChangeTag))
	}
	why = append(why, wrongTags(k.Tags)...)
	if utf8.RuneCountInString(k.Description) > 8192 {
		why = append(why, "the description: at most 8192 characters")
	}
	why = append(why, k.wrongPolicy()...)
	return append(why, k.wrongSpec(periodDays)...)
}

func (k NewKey) wrongPolicy() []string {
	if k.Policy == "" {
		return nil
	}
	var why []string
	var document map[string]json.RawMessage
	switch err := json.Unmarshal([]byte(k.Policy), &document); {
	case err != nil:
		why = append(why, "the key policy is no JSON object: "+err.Error())
	case document == nil:
		why = append(why, "the key policy is no JSON object: null")
	case !utf8.ValidString(k.Policy):
		why = append(why, "the key policy is not UTF-8 text: the plan would hold another one")
	}
	if len(k.Policy) > 32*1024 {
		why = append(why, "the key policy: at most 32768 bytes")
	}
	return why
}

func (k NewKey) wrongSpec(periodDays int) []string {
	spec := cmp.Or(k.Spec, symmetric)
	usages, known := keyrotor.KeyUsages(spec)
	if !known {
		return []string{fmt.Sprintf("the spec %q is not known here: it is one of %s", k.Spec, strings.Join(keyrotor.KeySpecs(), ", "))}
	}
	var why []string
	switch {
	case k.Usage == "" && len(usages) > 1:
		why = append(why, "a key of spec "+spec+" needs a usage: "+strings.Join(usages, " or "))
	case k.Usage != "" && !slices.Contains(usages, k.Usage):
		why = append(why, fmt.Sprintf("the usage %q: a key of spec %s can be made for %s", k.Usage, spec, strings.Join(usages, " or ")))
	}
	if spec == "SM2" && !strings.HasPrefix(k.Region, "cn-") {
		why = append(why, "keys of spec SM2 exist in the Regions of China alone")
	}
	if spec != symmetric && periodDays != 0 {
		why = append(why, "KMS rotates no key of spec "+spec)
	}
	return why
}

// usage is what the key is made for: what was asked for, else the only usage
// that its spec has.
func (k NewKey) usage() string {
	usages, _ := keyrotor.KeyUsages(cmp.Or(k.Spec, symmetric))
	if k.Usage == "" && len(usages) == 1 {
		return usages[0]
	}
	return k.Usage
}

func wrongAlias(alias string) []string {
	name, ok := strings.CutPrefix(alias, "alias/")
	switch {
	case !ok || name == "" || len(alias) > 256:
		return []string{fmt.Sprintf("the alias %q: wanted is alias/ and a name, at most 256 characters", alias)}
	case strings.HasPrefix(name, "aws/"):
		return []string{"names that begin with alias/aws/ are AWS's own"}
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-") != "":
		return []string{fmt.Sprintf("the alias %q: letters, digits, / _ and - only", alias)}
	}
	return nil
}

// createKey makes the key, names it, and turns rotation on where its spec
// allows. CreateKey takes no rotation of its own.
func createKey(k NewKey, o Options) keyrotor.Change {
	spec := cmp.Or(k.Spec, symmetric)
	steps := []keyrotor.Step{
		{
			Verb: keyrotor.CreateKey, Before: keyrotor.Before{AbsentAlias: true},
			Params: keyrotor.Params{Description: k.Description, Policy: k.Policy, Spec: spec, Usage: k.usage(), Tags: maps.Clone(k.Tags), MultiRegion: k.MultiRegion},
		},
		{Verb: keyrotor.CreateAlias, Params: keyrotor.Params{Alias: k.Alias}, Before: keyrotor.Before{AbsentAlias: true}},
	}
	warning := ""
	if spec == symmetric {
		var days int
		days, warning = o.period(k.judged(o))
		steps = append(steps, keyrotor.Step{
			Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: days}, Before: keyrotor.Before{RotationOn: new(false)},
		})
	}
	c := keyrotor.Change{
		Recipe: RecipeCreateKey, Why: []string{"plan create-key"},
		Target: keyrotor.Target{
			Kind: keyrotor.KindKMSKey, Partition: k.partition(o), Account: k.Account, Region: k.Region, Name: k.Alias,
		},
		Seen:          keyrotor.Seen{Env: k.Tags[o.EnvTag]},
		Preconditions: []string{k.Alias + " does not exist there"},
		Warning:       warning,
	}
	if c.Warning == "" && o.CryptoperiodDays > 0 && o.PeriodDays > o.CryptoperiodDays {
		c.Warning = fmt.Sprintf("%s%d d is longer than the cryptoperiod of %d d", longPeriod, o.PeriodDays, o.CryptoperiodDays)
	}
	if len(k.Tags) > 0 {
		c.Warning = join(c.Warning, "tags can grant or take access: a policy elsewhere may have a condition on "+strings.Join(sortedKeys(k.Tags), ", "))
	}
	for i, s := range steps {
		s.Number, s.Target = i+1, c.Target
		s.Calls = calls(s)
		c.Steps = append(c.Steps, s)
	}
	c.Undo, c.CannotUndo = undoOf(c.Steps)
	return c
}

// judged is what the rules say of the key once it is made, before its rotation is on
// and after: either may be where a rule fails that asks for a period.
func (k NewKey) judged(o Options) keyrotor.Assessment {
	off := k.asset(o)
	if o.Judge == nil {
		return keyrotor.Assessment{Asset: off}
	}
	a, on := o.Judge(off), k.asset(o)
	on.KMS.Rotation.On = true
	on.KMS.Rotation.PeriodDays, _ = o.period(keyrotor.Assessment{Asset: off})
	fails := map[string]keyrotor.Finding{}
	for _, f := range o.Judge(on).Findings {
		if f.Verdict == keyrotor.Fail {
			fails[f.Rule] = f
		}
	}
	a.Findings = slices.Clone(a.Findings)
	for i, f := range a.Findings {
		if over, fail := fails[f.Rule]; fail {
			a.Findings[i] = over
		}
	}
	return a
}

// asset is the key as the first look at it will see it, as far as that is known.
func (k NewKey) asset(o Options) keyrotor.Asset {
	facts := &keyrotor.KMSFacts{
		Aliases: []string{k.Alias}, Description: k.Description, State: "Enabled", Spec: cmp.Or(k.Spec, symmetric), Usage: k.usage(), Origin: "AWS_KMS",
		KeyManager: "CUSTOMER", Created: o.Now, Material: &keyrotor.MaterialFacts{Since: o.Now},
		Rotation: &keyrotor.RotationFacts{}, History: &keyrotor.RotationHistory{},
	}
	if k.MultiRegion {
		facts.MultiRegion = &keyrotor.MultiRegion{Role: "PRIMARY"}
	}
	tags := map[string]string{}
	maps.Copy(tags, k.Tags)
	return keyrotor.Asset{Kind: keyrotor.KindKMSKey, Partition: k.partition(o), Account: k.Account, Region: k.Region, Tags: tags, KMS: facts}
}

func (k NewKey) partition(o Options) string {
	return cmp.Or(k.Partition, partitionOf(o.Author.Identity), "aws")
}

// partitionOf is the partition of an ARN, "" for anything else.
func partitionOf(arn string) string {
	rest, isARN := strings.CutPrefix(arn, "arn:")
	partition, _, whole := strings.Cut(rest, ":")
	if !isARN || !whole {
		return ""
	}
	return partition
}
