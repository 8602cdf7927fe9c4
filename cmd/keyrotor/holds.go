package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/report"
)

// within refuses a plan that exceeds the limits of a run. It is asked before anybody
// signs and by apply once more, for the configuration may have changed meanwhile.
func (s *session) within(pl keyrotor.Plan) error {
	why := guard.BlastRadius(pl, s.limits())
	if len(why) == 0 {
		return nil
	}
	return &keyrotor.Refusal{
		What: "plan " + pl.Digest.Short() + " reaches further than one run may", Why: why,
		Now: "nothing was changed in AWS",
		Next: "keyrotor approve --no-sign --select EXPR --out OTHER.json " + planArg + "   chooses fewer of its changes, while nobody has signed it\n" +
			narrower + "\nor raise apply.max_per_account or apply.max_per_run in a reviewed change",
	}
}

// narrower is how to plan for fewer keys. It names no command: which one made the
// plan, and with which flags, its file does not tell.
const narrower = "or the same plan command once more, with a narrower --select EXPR and -o OTHER.json"

// sayBeyond says of a plan that was made, or chosen, that apply would refuse it.
func (s *session) sayBeyond(pl keyrotor.Plan) {
	for _, why := range guard.BlastRadius(pl, s.limits()) {
		fmt.Fprintf(s.err, "! apply would refuse this plan, and approve does: %s\n", why)
	}
}

// freeze is a stretch of windows without a gap in which apply starts nothing.
type freeze struct {
	to     time.Time
	reason string // of the window that ends it
}

// freezeAt is the freeze that holds at a moment, to the end of the last window that
// follows without a gap.
func freezeAt(windows []guard.Window, at time.Time) (freeze, bool) {
	var f freeze
	for end := at; ; end = f.to {
		for _, w := range windows {
			if !end.Before(w.From) && w.To.After(end) && w.To.After(f.to) {
				f = freeze{w.To, w.Reason}
			}
		}
		if !f.to.After(end) {
			return f, !f.to.IsZero()
		}
	}
}

// frozenWords say what a freeze does to an approval that is given now: apply waits
// for its end, or has only until it begins, or never comes to its turn.
func frozenWords(windows []guard.Window, now, expires time.Time) []string {
	var words []string
	held, frozen := freezeAt(windows, now)
	switch {
	case frozen && !held.to.Before(expires):
		return []string{fmt.Sprintf("apply starts nothing until %s (%s), and by then this approval has run out: %s", untilText(held.to), held.reason, untilText(expires))}
	case frozen:
		words = append(words, fmt.Sprintf("apply starts nothing until %s (%s)", untilText(held.to), held.reason))
	}
	for _, w := range slices.SortedFunc(slices.Values(windows), func(a, b guard.Window) int { return a.From.Compare(b.From) }) {
		later, _ := freezeAt(windows, w.From)
		if w.From.After(now) && !w.From.Before(held.to) && w.From.Before(expires) && !later.to.Before(expires) {
			return append(words, fmt.Sprintf("apply starts nothing from %s until %s (%s), and this approval runs out in between: %s", untilText(w.From), untilText(later.to), later.reason, untilText(expires)))
		}
	}
	return words
}

// sayFrozen warns who is about to sign of the freezes that would hold up apply.
func (s *session) sayFrozen(valid time.Duration) {
	for _, words := range s.frozenWords(valid) {
		fmt.Fprintf(s.err, "! %s\n", report.Clean(words))
	}
}

func (s *session) frozenWords(valid time.Duration) []string {
	now := s.now().UTC()
	return frozenWords(s.windows(), now, now.Add(valid))
}

// heldByFreeze reports whether a freeze is all that keeps a change waiting.
func heldByFreeze(o keyrotor.Outcome) bool {
	return o.State == keyrotor.NotStarted && strings.HasPrefix(o.Reason, "frozen: ") && !o.InDoubt
}

// thawed is when the freeze ends that alone held up a turn of apply.
func (s *session) thawed(outcomes []keyrotor.Outcome) (time.Time, bool) {
	f, frozen := freezeAt(s.windows(), s.now().UTC())
	held := 0
	for _, o := range outcomes {
		switch {
		case heldByFreeze(o):
			held++
		case o.State != keyrotor.Succeeded && o.State != keyrotor.Unchanged && o.State != keyrotor.Skipped:
			return time.Time{}, false
		}
	}
	return f.to, frozen && held > 0
}
