package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

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
	Usage       string            // default ENCRYPT_DECRYPT for that spec
	Tags        map[string]string // beside the tag that apply sets to find the key again
	MultiRegion bool
}

const symmetric = "SYMMETRIC_DEFAULT"

func (k NewKey) validate(o Options) error {
	var why []string
	if len(k.Account) != 12 || strings.Trim(k.Account, "0123456789") != "" {
		why = append(why, fmt.Sprintf("the account %q: wanted are 12 digits", k.Account))
	}
	if k.Region == "" {
		why = append(why, "no Region is given")
	}
	why = append(why, wrongAlias(k.Alias)...)
	if len(k.Tags) > 0 {
		why = append(why, wrongTags(k.Tags)...)
	}
	if len(k.Description) > 8192 {
		why = append(why, "the description: at most 8192 characters")
	}
	if k.Policy != "" {
		var document map[string]json.RawMessage
		if err := json.Unmarshal([]byte(k.Policy), &document); err != nil {
			why = append(why, "the key policy is no JSON object: "+err.Error())
		}
		if len(k.Policy) > 32*1024 {
			why = append(why, "the key policy: at most 32768 bytes")
		}
	}
	if spec := cmp.Or(k.Spec, symmetric); spec != symmetric {
		if o.PeriodDays != 0 {
			why = append(why, "KMS rotates no key of spec "+spec)
		}
		if k.Usage == "" {
			why = append(why, "a key of spec "+spec+" needs a usage")
		}
	}
	if len(why) > 0 {
		return refuse("plan create-key", why, "keyrotor plan create-key --help")
	}
	return nil
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
	usage := cmp.Or(k.Usage, "ENCRYPT_DECRYPT")
	steps := []keyrotor.Step{
		{
			Verb: keyrotor.CreateKey, Before: keyrotor.Before{AbsentAlias: true},
			Params: keyrotor.Params{Description: k.Description, Policy: k.Policy, Spec: spec, Usage: usage, Tags: maps.Clone(k.Tags), MultiRegion: k.MultiRegion},
		},
		{Verb: keyrotor.CreateAlias, Params: keyrotor.Params{Alias: k.Alias}, Before: keyrotor.Before{AbsentAlias: true}},
	}
	if spec == symmetric {
		days, _ := o.period(keyrotor.Assessment{})
		steps = append(steps, keyrotor.Step{
			Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: days}, Before: keyrotor.Before{RotationOn: new(false)},
		})
	}
	c := keyrotor.Change{
		Recipe: RecipeCreateKey, Why: []string{"plan create-key"},
		Target: keyrotor.Target{
			Kind: keyrotor.KindKMSKey, Partition: cmp.Or(k.Partition, partitionOf(o.Author.Identity), "aws"), Account: k.Account, Region: k.Region, Name: k.Alias,
		},
		Seen:          keyrotor.Seen{Env: k.Tags[o.EnvTag]},
		Preconditions: []string{k.Alias + " does not exist there"},
	}
	if len(k.Tags) > 0 {
		c.Warning = "tags can grant or take access: a policy elsewhere may have a condition on " + strings.Join(sortedKeys(k.Tags), ", ")
	}
	for i, s := range steps {
		s.Number, s.Target, s.Calls = i+1, c.Target, calls(s.Verb)
		c.Steps = append(c.Steps, s)
	}
	c.Undo, c.CannotUndo = undoOf(c.Steps)
	return c
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
