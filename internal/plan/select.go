package plan

import (
	"fmt"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// Select chooses changes by ids: key ids, ARNs, aliases or change ids. An id
// that chooses nothing is refused by name, before anybody signs less than was
// meant.
func Select(p keyrotor.Plan, ids ...string) (func(keyrotor.Change) bool, error) {
	chosen := map[keyrotor.ChangeID]bool{}
	var why []string
	for _, id := range ids {
		found := false
		for _, c := range p.Changes {
			if named(c, id) {
				chosen[c.ID], found = true, true
			}
		}
		if !found {
			why = append(why, missing(p, id))
		}
	}
	if len(why) > 0 {
		return nil, refuse("a choice from plan "+p.Digest.Short(), why, "keyrotor plan show, and choose from it")
	}
	return func(c keyrotor.Change) bool { return chosen[c.ID] }, nil
}

func named(c keyrotor.Change, id string) bool {
	if id == "" {
		return false
	}
	names := append([]string{string(c.ID), c.Target.ID, c.Target.ARN, c.Target.Name}, c.Seen.Aliases...)
	return slices.Contains(names, id) || slices.Contains(names, "alias/"+id)
}

func missing(p keyrotor.Plan, id string) string {
	for _, s := range p.Rotating {
		if s.ARN == id || slices.Contains(s.Aliases, id) || slices.Contains(s.Aliases, "alias/"+id) {
			return fmt.Sprintf("%q is rotating already and cannot be chosen", id)
		}
	}
	return fmt.Sprintf("%q names no change of the plan", id)
}
