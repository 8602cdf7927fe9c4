package plan

import (
	"cmp"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// undoOf returns the steps that take back what was, last one first, numbered
// from 1, and why some of it cannot be taken back.
func undoOf(steps []keyrotor.Step) (undo []keyrotor.Step, cannot string) {
	var reasons []string
	for _, s := range slices.Backward(steps) {
		back, why := inverse(s)
		undo = append(undo, back...)
		if why != "" {
			reasons = append(reasons, why)
		}
	}
	for i := range undo {
		undo[i].Number, undo[i].Calls = i+1, calls(undo[i])
	}
	return undo, join(reasons...)
}

// inverse takes back one step. Before of its steps is what the step leaves, so
// that the guard sees what somebody else changed since.
func inverse(s keyrotor.Step) (undo []keyrotor.Step, cannot string) {
	back := keyrotor.Step{Target: s.Target}
	switch s.Verb {
	case keyrotor.EnableRotation:
		if s.Target.ID == "" {
			return nil, "" // of a key that this change makes, which stays
		}
		back.Verb = keyrotor.DisableRotation
		back.Before = keyrotor.Before{RotationOn: new(true), PeriodDays: s.Params.PeriodDays}
		return []keyrotor.Step{back}, ""
	case keyrotor.SetPeriod:
		back.Verb = keyrotor.SetPeriod
		back.Params.PeriodDays = cmp.Or(s.Before.PeriodDays, keyrotor.DefaultRotationPeriodDays)
		back.Before = keyrotor.Before{RotationOn: new(true), PeriodDays: s.Params.PeriodDays}
		return []keyrotor.Step{back}, ""
	case keyrotor.DisableRotation:
		back.Verb = keyrotor.EnableRotation
		back.Params.PeriodDays = cmp.Or(s.Before.PeriodDays, keyrotor.DefaultRotationPeriodDays)
		back.Before = keyrotor.Before{RotationOn: new(false)}
		return []keyrotor.Step{back}, ""
	case keyrotor.TagKey:
		return untag(s), ""
	case keyrotor.UntagKey:
		back.Verb = keyrotor.TagKey
		back.Params.Tags = s.Before.Tags
		return []keyrotor.Step{back}, ""
	case keyrotor.RotateNow:
		return nil, "a rotation cannot be taken back: the new key material stays current, and what the old one encrypted is still decrypted"
	case keyrotor.CreateKey:
		return nil, "a key that was made stays: deleting keys is no undo"
	case keyrotor.CreateAlias:
		return nil, "" // belongs to the key that stays
	}
	return nil, "nobody here knows how to take back " + string(s.Verb)
}

// untag restores earlier values and removes tags that were not there.
func untag(s keyrotor.Step) []keyrotor.Step {
	var undo []keyrotor.Step
	restore := keyrotor.Step{Verb: keyrotor.TagKey, Target: s.Target}
	remove := keyrotor.Step{Verb: keyrotor.UntagKey, Target: s.Target}
	for _, k := range sortedKeys(s.Params.Tags) {
		v, was := s.Before.Tags[k]
		into := &remove.Before.Tags
		if was {
			into = &restore.Before.Tags
			put(&restore.Params.Tags, k, v)
		} else {
			remove.Params.TagKeys = append(remove.Params.TagKeys, k)
		}
		put(into, k, s.Params.Tags[k])
	}
	if len(restore.Params.Tags) > 0 {
		undo = append(undo, restore)
	}
	if len(remove.Params.TagKeys) > 0 {
		undo = append(undo, remove)
	}
	return undo
}

func put(m *map[string]string, k, v string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[k] = v
}
