package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/keyrotor/keyrotor"
)

// Select chooses changes by ids: key ids, ARNs, aliases or change ids. An id that
// chooses nothing is refused by name, before anybody signs less than was meant, and
// so is one that keys in several places bear, before anybody signs more. A plan
// lists a sample of the keys that rotate already; rotates says it of all, and may
// be nil.
func Select(p keyrotor.Plan, rotates func(id string) bool, ids ...string) (func(keyrotor.Change) bool, error) {
	chosen := map[keyrotor.ChangeID]bool{}
	next := "keyrotor plan show PLAN.json   shows what there is to choose from"
	var why []string
	for _, id := range ids {
		var bear []keyrotor.Change
		for _, c := range p.Changes {
			if named(c, id) {
				chosen[c.ID] = true
				bear = append(bear, c)
			}
		}
		switch places := bearers(bear); {
		case len(bear) == 0:
			why = append(why, missing(p, rotates, id))
		case len(places) > 1:
			why = append(why, several(id, places)...)
			next = "name one by its ARN, as above, or each of those that are meant:\nkeyrotor approve --ids ARN,ARN PLAN.json"
		}
	}
	if len(why) > 0 {
		return nil, refuse("a choice from plan "+p.Digest.Short(), why, next)
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

// bearers are the changes in different places; a key that several changes are
// about counts once.
func bearers(changes []keyrotor.Change) []keyrotor.Change {
	slices.SortStableFunc(changes, func(a, b keyrotor.Change) int { return placeOf(a.Target).compare(placeOf(b.Target)) })
	return slices.CompactFunc(changes, func(a, b keyrotor.Change) bool {
		return a.Target.Account == b.Target.Account && a.Target.Region == b.Target.Region
	})
}

// several lists what a name may mean, and what to say instead.
func several(id string, places []keyrotor.Change) []string {
	const most = 20
	lines := []string{fmt.Sprintf("%q names a key in each of %d places, and would choose all of them:", id, len(places))}
	for _, c := range places[:min(most, len(places))] {
		lines = append(lines, fmt.Sprintf("%s/%s: --ids %s", c.Target.Account, c.Target.Region, cmp.Or(c.Target.ARN, string(c.ID))))
	}
	if rest := len(places) - most; rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", rest))
	}
	return lines
}

func missing(p keyrotor.Plan, rotates func(id string) bool, id string) string {
	if rotatesAlready(p, id) || id != "" && rotates != nil && rotates(id) {
		return fmt.Sprintf("%q is rotating already and cannot be chosen", id)
	}
	return fmt.Sprintf("%q names no change of the plan", id)
}

func rotatesAlready(p keyrotor.Plan, id string) bool {
	return slices.ContainsFunc(p.Rotating, func(s keyrotor.Seen) bool {
		return id != "" && (s.ARN == id || slices.Contains(s.Aliases, id) || slices.Contains(s.Aliases, "alias/"+id))
	})
}
