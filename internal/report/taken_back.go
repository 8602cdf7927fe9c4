package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// TakenBack is that a later run undid a change of this one.
type TakenBack struct {
	By keyrotor.RunID
	At time.Time
}

// stateUndone is, in reports alone, what became of a change that a later run took
// back: its outcome stays what it was, and does not hold any more.
const stateUndone keyrotor.OutcomeState = "undone"

// withoutUndone is a run as it stands: changes that were taken back are neither
// done nor confirmed.
func withoutUndone(r Run) Run {
	if len(r.TakenBack) == 0 {
		return r
	}
	r.Outcomes = slices.Clone(r.Outcomes)
	for i, o := range r.Outcomes {
		if t, undone := r.TakenBack[o.Change]; undone {
			r.Outcomes[i].State, r.Outcomes[i].Error = stateUndone, nil
			r.Outcomes[i].Reason = "undone by run " + string(t.By) + " on " + stamp(t.At)
		}
	}
	r.Verifications = slices.DeleteFunc(slices.Clone(r.Verifications), func(v keyrotor.Verification) bool {
		_, undone := r.TakenBack[v.Change]
		return undone
	})
	return r
}

// reversal is what one later run took back of this one.
type reversal struct {
	by   keyrotor.RunID
	at   time.Time // of its last change
	done int
}

// reversals are the runs that took back something, the one that took most first.
func (b *builder) reversals() []reversal {
	var all []reversal
	for _, t := range b.run.TakenBack {
		i := slices.IndexFunc(all, func(u reversal) bool { return u.by == t.By })
		if i < 0 {
			i, all = len(all), append(all, reversal{by: t.By})
		}
		all[i].done++
		if t.At.After(all[i].at) {
			all[i].at = t.At
		}
	}
	slices.SortFunc(all, func(x, y reversal) int { return cmp.Or(y.done-x.done, cmp.Compare(x.by, y.by)) })
	return all
}

// undoneWords say that this run does not stand, or not all of it.
func (b *builder) undoneWords() []string {
	var out []string
	for _, u := range b.reversals() {
		by := " undone by run " + Clean(string(u.by)) + " on " + stamp(u.at)
		if u.done == b.made() {
			return []string{"This run was" + by + ": " + noneStands(u.done) + "."}
		}
		out = append(out, count(u.done)+" of the "+plural(b.made(), "change")+" that this run made "+oneOr(u.done, "was", "were")+by+".")
	}
	return out
}

func noneStands(n int) string {
	if n == 1 {
		return "its one change does not stand"
	}
	return "none of the " + count(n) + " changes that it made stands"
}

// made counts the changes that this run carried out, undone or not.
func (b *builder) made() int {
	return countStates(b.run.Outcomes)[keyrotor.Succeeded] + len(b.run.TakenBack)
}

// undoneBefore begins the verdict on a run that was taken back.
func (b *builder) undoneBefore() string {
	switch n := len(b.run.TakenBack); {
	case n == 0:
		return ""
	case n < b.made():
		return "This run was undone in part. "
	}
	return "This run was undone. "
}

// undoneCheck is what a second look said of a change before it was taken back, or
// says since.
func (b *builder) undoneCheck(id keyrotor.ChangeID) cell {
	t := b.run.TakenBack[id]
	for _, v := range b.looks {
		switch {
		case v.Change != id:
		case v.At.After(t.At):
			return cell{Text: Clean("since then: " + v.Found), Mark: idle, Class: "status"}
		case v.Verdict == keyrotor.Confirmed:
			return cell{Text: "confirmed, before that", Mark: idle, Class: "status"}
		}
	}
	return cell{Text: "–", Sort: "~"}
}
