package plan

import (
	"slices"

	"github.com/keyrotor/keyrotor"
)

// calls are the service calls that apply makes for a step, one name for each
// call: the fresh look, the question whether it is so already, the act, and for
// what the service does later one more question.
func calls(s keyrotor.Step) []string {
	check := checkCalls(s)
	all := slices.Concat(s.LookCalls(), check, actCalls(s.Verb))
	if s.Verb.Async() {
		all = append(all, check...)
	}
	return all
}

// checkCalls are how the actor asks whether a step's effect is there.
func checkCalls(s keyrotor.Step) []string {
	switch s.Verb {
	case keyrotor.EnableRotation, keyrotor.SetPeriod, keyrotor.DisableRotation:
		return []string{"kms:GetKeyRotationStatus"}
	case keyrotor.RotateNow:
		return []string{"kms:GetKeyRotationStatus", "kms:ListKeyRotations"}
	case keyrotor.CreateKey:
		return []string{"kms:ListKeys", perKey}
	case keyrotor.CreateAlias:
		return []string{"kms:DescribeKey"}
	case keyrotor.TagKey, keyrotor.UntagKey:
		return []string{"kms:ListResourceTags"}
	}
	return nil
}

// perKey is asked of each key of the Region while a key is looked for by its tag.
const perKey = "kms:ListResourceTags"

func actCalls(v keyrotor.Verb) []string {
	switch v {
	case keyrotor.EnableRotation, keyrotor.SetPeriod:
		return []string{"kms:EnableKeyRotation"}
	case keyrotor.DisableRotation:
		return []string{"kms:DisableKeyRotation"}
	case keyrotor.RotateNow:
		return []string{"kms:RotateKeyOnDemand"}
	case keyrotor.CreateKey:
		return []string{"kms:CreateKey"}
	case keyrotor.CreateAlias:
		return []string{"kms:CreateAlias"}
	case keyrotor.TagKey:
		return []string{"kms:TagResource"}
	case keyrotor.UntagKey:
		return []string{"kms:UntagResource"}
	}
	return nil
}

// budget counts the calls of the changes per account, Region and call, beside
// the documented quota: those of apply, which checks its canary by a second
// look, and apart from them those of verify.
func budget(changes []keyrotor.Change, waves []keyrotor.Wave) []keyrotor.CallBudget {
	b := tallies{}
	canary := map[keyrotor.ChangeID]bool{}
	for _, w := range waves {
		for _, id := range w.Changes {
			canary[id] = w.Canary
		}
	}
	for _, c := range changes {
		for _, s := range c.Steps {
			for _, call := range s.Calls {
				b.at(c.Target, call).Count += times(s, call)
			}
		}
		for _, call := range keyrotor.PromiseCalls(c.Steps) {
			b.at(c.Target, call).Verify++
			if canary[c.ID] {
				b.at(c.Target, call).Count++
			}
		}
	}
	return b.lines()
}

// times is how often a step makes one of its calls.
func times(s keyrotor.Step, call string) int {
	if s.Verb == keyrotor.CreateKey && call == perKey {
		return s.Before.KeysThere
	}
	return 1
}

// tallies are a budget being counted, by account, Region and call.
type tallies map[[3]string]*keyrotor.CallBudget

func (l tallies) at(t keyrotor.Target, call string) *keyrotor.CallBudget {
	key := [3]string{t.Account, t.Region, call}
	if l[key] == nil {
		quota, _ := keyrotor.RequestQuota(call)
		l[key] = &keyrotor.CallBudget{Account: t.Account, Region: t.Region, Call: call, PerSecond: quota.PerSecond}
	}
	return l[key]
}

func (l tallies) lines() []keyrotor.CallBudget {
	lines := make([]keyrotor.CallBudget, 0, len(l))
	for _, line := range l {
		if line.Count > 0 || line.Verify > 0 {
			lines = append(lines, *line)
		}
	}
	slices.SortFunc(lines, func(a, b keyrotor.CallBudget) int {
		return slices.Compare([]string{a.Account, a.Region, a.Call}, []string{b.Account, b.Region, b.Call})
	})
	return lines
}
