package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// Names of recipes, as in Change.Recipe.
const (
	RecipeEnableRotation = "enable-rotation"
	RecipeSetPeriod      = "set-period"
	RecipeRotateOverdue  = "rotate-overdue"
	RecipeRotateNow      = "rotate-now"
	RecipeTag            = "tag"
	RecipeCreateKey      = "create-key"
	RecipeUndo           = "undo"
)

// proposal is a change and the asset it was made from.
type proposal struct {
	keyrotor.Change
	asset keyrotor.Asset
}

// speaksAgainst asks the guard about what was seen, as apply will ask about
// what it sees: a change that would be skipped at once is not planned.
func (p proposal) speaksAgainst() string { return p.verdict().Reason }

// verdict is the guard's on the first step that it stops.
func (p proposal) verdict() guard.Verdict {
	for _, s := range p.Steps {
		if v := guard.Step(s, p.asset); v.Stops() {
			return v
		}
	}
	return guard.Verdict{}
}

func propose(recipe string, a keyrotor.Asset, envTag string, steps ...keyrotor.Step) proposal {
	c := keyrotor.Change{Recipe: recipe, Target: a.Target(), Seen: seenOf(a, envTag)}
	for i, s := range steps {
		s.Number, s.Target = i+1, c.Target
		s.Calls = calls(s)
		c.Steps = append(c.Steps, s)
	}
	c.Undo, c.CannotUndo = undoOf(c.Steps)
	return proposal{Change: c, asset: a}
}

func enableRotation(a keyrotor.Asset, days int, envTag string) proposal {
	p := propose(RecipeEnableRotation, a, envTag, keyrotor.Step{
		Verb: keyrotor.EnableRotation, Params: keyrotor.Params{PeriodDays: days},
		Before: keyrotor.Before{State: a.KMS.State, RotationOn: new(false)},
	})
	p.Preconditions = []string{"the key is enabled and not pending deletion", "rotation is still off"}
	p.Template, p.Warning = template(a.ManagedBy, days)
	return p
}

func setPeriod(a keyrotor.Asset, days int, envTag string) proposal {
	p := propose(RecipeSetPeriod, a, envTag, keyrotor.Step{
		Verb: keyrotor.SetPeriod, Params: keyrotor.Params{PeriodDays: days},
		Before: keyrotor.Before{State: a.KMS.State, RotationOn: new(true), PeriodDays: periodOf(a)},
	})
	p.Preconditions = []string{"the key is enabled and not pending deletion", "rotation is still on, " + daysOrUnknown(periodOf(a))}
	p.Template, p.Warning = template(a.ManagedBy, days)
	return p
}

func rotateNow(a keyrotor.Asset, envTag string) proposal {
	before := keyrotor.Before{State: a.KMS.State}
	if m := a.KMS.Material; m != nil {
		before.MaterialID = m.ID
	}
	warning := fmt.Sprintf("its history was not read: how many of its %d on-demand rotations are left is not known", keyrotor.OnDemandRotationLimit)
	if h := a.KMS.History; h != nil {
		before.OnDemand = new(h.OnDemand)
		warning = ""
		if left := h.OnDemandLeft(); left <= fewOnDemandLeft {
			warning = fmt.Sprintf("%d of %d on-demand rotations of its life are left before this one", left, keyrotor.OnDemandRotationLimit)
		}
	}
	p := propose(RecipeRotateNow, a, envTag, keyrotor.Step{Verb: keyrotor.RotateNow, Before: before})
	if lastOnDemand(a) && before.MaterialID != "" {
		// Whether that one is the one asked for, its material tells.
		p.Steps[0].Calls = append(p.Steps[0].Calls, "kms:DescribeKey")
	}
	p.Warning = warning
	p.Preconditions = []string{
		"the key is enabled and not pending deletion", "it has not been rotated since, by its key material and the count of its rotations",
		"no automatic rotation is due within 20 minutes",
	}
	return p
}

// lastOnDemand reports whether the newest rotation of a key was on demand.
func lastOnDemand(a keyrotor.Asset) bool {
	if a.KMS.History == nil {
		return false
	}
	last, any := a.KMS.History.Last()
	return any && last.Type == "ON_DEMAND"
}

func tag(a keyrotor.Asset, tags map[string]string, envTag string) proposal {
	before := keyrotor.Before{State: a.KMS.State, Tags: map[string]string{}}
	for k := range tags {
		if v, ok := a.Tags[k]; ok {
			before.Tags[k] = v
		}
	}
	p := propose(RecipeTag, a, envTag, keyrotor.Step{
		Verb: keyrotor.TagKey, Params: keyrotor.Params{Tags: maps.Clone(tags)}, Before: before,
	})
	p.Preconditions = []string{"the key is not pending deletion", "nobody changed these tags since", "its key policy has no condition on them"}
	p.Template = tagTemplate(a.ManagedBy, tags)
	p.Warning = "tags can grant or take access: a policy elsewhere may have a condition on " + strings.Join(sortedKeys(tags), ", ")
	return p
}

// changeID is derived from what a change does: its recipe, target, steps and
// undo. A key that is yet to be made has no id of its own to tell it from one
// that an earlier run made in the same way, hence the run.
func changeID(run keyrotor.RunID, c keyrotor.Change) keyrotor.ChangeID {
	does := struct {
		Run    keyrotor.RunID  `json:"run,omitempty"`
		Recipe string          `json:"recipe"`
		Target keyrotor.Target `json:"target"`
		Steps  []keyrotor.Step `json:"steps"`
		Undo   []keyrotor.Step `json:"undo"`
	}{Recipe: c.Recipe, Target: c.Target, Steps: c.Steps, Undo: c.Undo}
	if c.Target.ID == "" {
		does.Run = run
	}
	// None of these types can fail to encode; should one ever, the id would be
	// that of the empty text and the plan refused for a duplicate.
	text, _ := json.Marshal(does)
	if canonical, err := jcs.Transform(text); err == nil {
		text = canonical
	}
	sum := sha256.Sum256(text)
	return keyrotor.ChangeID(hex.EncodeToString(sum[:8]))
}

func periodOf(a keyrotor.Asset) int {
	if a.KMS == nil || a.KMS.Rotation == nil {
		return 0
	}
	return a.KMS.Rotation.PeriodDays
}

func daysOrUnknown(n int) string {
	if n == 0 {
		return "with the same period"
	}
	return fmt.Sprintf("every %d d", n)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// join puts sentences behind each other, leaving out empty ones.
func join(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), "; ")
}

// fewOnDemandLeft is how many on-demand rotations a key may have left for a
// reviewer to be told: what is used up does not come back.
const fewOnDemandLeft = 5
