package main

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// rotatingKey is what the list shows of a key that rotates already. There may be a
// hundred thousand of them, so it is no more than a row, its preview and the
// filter need.
type rotatingKey struct {
	name, arn, description string
	words                  string
	text                   string // what the filter looks at
}

// compare orders keys by account, Region and name.
func (k rotatingKey) compare(other rotatingKey) int {
	account, region := placeOf(k.arn)
	otherAccount, otherRegion := placeOf(other.arn)
	return cmp.Or(cmp.Compare(account, otherAccount), cmp.Compare(region, otherRegion), cmp.Compare(k.name, other.name), cmp.Compare(k.arn, other.arn))
}

// placeOf is the account and Region of an ARN, "" where it has none.
func placeOf(arn string) (account, region string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "", ""
	}
	return parts[4], parts[3]
}

// rotatingRow makes a row of what was seen; planned says that the plan changes the
// key all the same, such as its period.
func rotatingRow(s keyrotor.Seen, planned bool) rotatingKey {
	k := rotatingKey{name: keyIDOf(s.ARN), arn: s.ARN, description: s.Description, text: filterText(keyrotor.Target{ID: s.ARN}, s, nil)}
	if len(s.Aliases) > 0 {
		k.name = s.Aliases[0]
	}
	k.words = "already rotating: " + s.Rotation
	if s.Next != nil {
		k.words += ", next " + s.Next.UTC().Format("2 Jan 2006")
	}
	if planned {
		k.words += " (its change stands above)"
	} else {
		k.words += " (not changed)"
	}
	return k
}

// rotatingIn are the keys that rotate already, of those that the plan was made
// for: from the run's inventory where the plan's own list is a sample. They stand by
// account, Region and name, for an inventory has them as they answered.
func (s *session) rotatingIn(run *store.Run, pl keyrotor.Plan) ([]rotatingKey, error) {
	planned := map[string]bool{}
	for _, ch := range pl.Changes {
		planned[ch.Target.ARN] = true
	}
	var rows []rotatingKey
	if len(pl.Rotating) >= pl.RotatingTotal {
		for _, seen := range pl.Rotating {
			rows = append(rows, rotatingRow(seen, planned[seen.ARN]))
		}
		slices.SortFunc(rows, rotatingKey.compare)
		return rows, nil
	}
	meant := s.meantBy(run, pl)
	err := s.eachRotating(run, func(a keyrotor.Asset) {
		if meant.holds(a) {
			rows = append(rows, rotatingRow(plan.SeenOf(a, pl.Rollout.EnvTag), planned[a.ARN]))
		}
	})
	slices.SortFunc(rows, rotatingKey.compare)
	return rows, err
}

// eachRotating streams the keys of a run that were rotating.
func (s *session) eachRotating(run *store.Run, each func(keyrotor.Asset)) error {
	j, err := s.judge(run)
	if err != nil {
		return err
	}
	return stream(run, j)(func(a keyrotor.Assessment) error {
		if a.View == keyrotor.ViewRotating {
			each(a.Asset)
		}
		return nil
	})
}

// meantBy is the expression that the plan was made with. A choice from a plan has
// one of its own, which says nothing of keys that no plan changes: what counts is
// that of the plan it was chosen from. Where it cannot be told, all are meant.
func (s *session) meantBy(run *store.Run, pl keyrotor.Plan) selection {
	for range 100 { // choices of choices; a circle of them would be forged
		if pl.From == "" {
			break
		}
		parent, err := readPlanFile(filepath.Join(run.Dir(), cycle.DirPlans, pl.From.Short()+".json"))
		if err != nil {
			return selection{}
		}
		pl = parent
	}
	meant, err := s.selected(pl.Selection)
	if err != nil {
		return selection{}
	}
	return meant
}

// byIDs chooses changes by their keys' names. Keys that rotate already are told
// apart from names of nothing, by the run's inventory: the plan lists a sample.
func (s *session) byIDs(run *store.Run, pl keyrotor.Plan, ids []string) (func(keyrotor.Change) bool, error) {
	var rotating map[string]bool
	var broken error
	keep, err := plan.Select(pl, func(id string) bool {
		if rotating == nil {
			rotating = map[string]bool{}
			broken = s.eachRotating(run, func(a keyrotor.Asset) {
				for _, id := range ids {
					if named(a, id) {
						rotating[id] = true
					}
				}
			})
		}
		return rotating[id]
	}, ids...)
	switch {
	case broken != nil:
		return nil, broken
	case err != nil:
		return nil, &usageError{err}
	}
	return keep, nil
}

// filterText is what the filter looks for its words in.
func filterText(t keyrotor.Target, s keyrotor.Seen, why []string) string {
	return strings.ToLower(strings.Join(append(append([]string{
		t.ID, t.Account, t.Region, s.Description, s.Spec, s.Usage, s.State, s.Rotation,
		"env=" + s.Env, "owner=" + s.Owner,
	}, s.Aliases...), why...), "\n"))
}

// matches reports whether every word of the filter is somewhere in the text;
// "env=prod" and "owner=pay" look at one field.
func matches(filter, text string) bool {
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// rotatingAt is the key that rotates already in row i of what is shown.
func (c *chooser) rotatingAt(i int) rotatingKey { return c.rotating[c.shown[i]-len(c.plan.Changes)] }

// rotatingLine is the row of a key that rotates already.
func (c *chooser) rotatingLine(i int) string {
	k := c.rotatingAt(i)
	return " ✓  " + pad(report.Shorten(report.Clean(k.name), c.nameWidth(), "…"), c.nameWidth()) + " " + report.Clean(k.words)
}
