package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Difference is what changed from one run's assessment to another's. Nothing is
// said of what one of the runs could not see, but that it could not.
type Difference struct {
	New    []Delta `json:"new"`
	Gone   []Delta `json:"gone"`
	Better []Delta `json:"better"`
	Worse  []Delta `json:"worse"`
	// Changed is neither: a rule that failed no longer applies, or is waived.
	Changed []Delta `json:"changed"`
	// NotComparable holds the keys, and the places without a known key, that one
	// of the runs could not read, whole or in part.
	NotComparable []Delta `json:"not_comparable"`
	Same          int     `json:"same"`
}

// Delta is one asset that changed, and how. A target without an ID is all keys
// of a place, of an account, or of every account that a run could not list.
type Delta struct {
	Target keyrotor.Target `json:"target"`
	Owner  string          `json:"owner,omitempty"`
	Before keyrotor.View   `json:"before,omitempty"`
	After  keyrotor.View   `json:"after,omitempty"`
	What   []string        `json:"what,omitempty"`
	// Unread is what a run could not see of the asset, whatever list it is in.
	Unread []Hole `json:"unread,omitempty"`
}

// inBoth is Hole.Run where the runs lack the same for the same reason.
const inBoth = "both"

// withHole adds a hole to others, once.
func withHole(holes []Hole, h Hole) []Hole {
	for i, have := range holes {
		if have == h {
			return holes
		}
		run := have.Run
		have.Run = h.Run
		switch {
		case have == h && run == inBoth:
			return holes
		case have == h:
			holes[i].Run = inBoth
			return holes
		}
	}
	return append(holes, h)
}

// Hole is what one of the runs did not see, and why.
type Hole struct {
	Run  string `json:"run"` // "earlier" or "later"
	What string `json:"what"`
	Call string `json:"call,omitempty"`
	Code string `json:"code,omitempty"`
	// Cause is that of the gap, empty where nothing refused.
	Cause keyrotor.GapCause `json:"cause,omitempty"`
	// Foreseen: the configuration of that run expected the gap.
	Foreseen bool `json:"foreseen,omitempty"`
}

// refused reports that a service said no; else nobody asked.
func (h Hole) refused() bool { return h.Call != "" }

func (h Hole) String() string {
	text := h.What + " in the " + h.Run + " run"
	if h.Run == inBoth {
		text = h.What + " in either run"
	}
	if h.refused() {
		text += ": " + h.Code + " on " + h.Call
		if h.Cause != "" {
			text += ", " + causeTitle(h.Cause)
		}
	}
	if h.Foreseen {
		text += ", foreseen"
	}
	return text
}

// Partly reports that a gap which nobody foresaw kept a part from being compared.
func (d Difference) Partly() bool {
	for _, list := range [][]Delta{d.New, d.Gone, d.Better, d.Worse, d.Changed, d.NotComparable} {
		for _, delta := range list {
			if slices.ContainsFunc(delta.Unread, func(h Hole) bool { return h.refused() && !h.Foreseen }) {
				return true
			}
		}
	}
	return false
}

// Diff compares two runs' assessments by ARN. A key that both gained and lost
// failures counts as worse; one of which a run could not read what it is held
// against is better only in what both runs read, and so stands apart. AWS
// managed keys are left out.
func Diff(before, after Run) (Difference, error) {
	d := differ{earlier: sightOf("earlier", before), later: sightOf("later", after)}
	was := map[string]standing{}
	err := before.each(func(a keyrotor.Assessment) error {
		was[a.Asset.ARN] = d.earlier.remember(a)
		return nil
	})
	if err != nil {
		return Difference{}, fmt.Errorf("read the earlier run: %w", err)
	}
	err = after.each(func(a keyrotor.Assessment) error {
		old, known := was[a.Asset.ARN]
		delete(was, a.Asset.ARN)
		now := d.later.standing(a)
		switch {
		case known:
			d.compare(old, now)
		case a.View != keyrotor.ViewAWSManaged:
			d.oneSided(&d.New, d.earlier, now)
		}
		return nil
	})
	if err != nil {
		return Difference{}, fmt.Errorf("read the later run: %w", err)
	}
	for _, arn := range slices.Sorted(maps.Keys(was)) {
		if was[arn].view != keyrotor.ViewAWSManaged {
			d.oneSided(&d.Gone, d.later, was[arn])
		}
	}
	d.unseen()
	for _, list := range [][]Delta{d.New, d.Gone, d.Better, d.Worse, d.Changed, d.NotComparable} {
		slices.SortFunc(list, byTarget)
	}
	return d.Difference, nil
}

func byTarget(a, b Delta) int {
	return cmp.Or(cmp.Compare(a.Target.ARN, b.Target.ARN), cmp.Compare(a.Target.Account, b.Target.Account), cmp.Compare(a.Target.Region, b.Target.Region))
}

// differ is a comparison in the making.
type differ struct {
	Difference
	earlier, later *sight
}

// oneSided files a key that only one of the runs has: in the list, unless the
// other could not have seen it.
func (d *differ) oneSided(list *[]Delta, other *sight, key standing) {
	delta := Delta{Target: key.target, Owner: key.owner}
	if other == d.earlier {
		delta.After = key.view
	} else {
		delta.Before = key.view
	}
	hole, absent := other.reach(key.target.Account, key.target.Region)
	switch {
	case hole != nil:
		delta.Unread = []Hole{*hole}
		list = &d.NotComparable
	case absent != "":
		delta.What = []string{absent}
	}
	*list = append(*list, delta)
}

// unseen adds the places that a run could not list and of which no key tells.
func (d *differ) unseen() {
	told, at := map[hiddenPlace]bool{}, map[[2]string]int{}
	for _, delta := range d.NotComparable {
		for _, h := range delta.Unread {
			told[hiddenPlace{delta.Target.Account, delta.Target.Region, h}] = true
			told[hiddenPlace{delta.Target.Account, "", h}] = true
			told[hiddenPlace{"", "", h}] = true
		}
	}
	for _, h := range slices.Concat(d.earlier.hidden(), d.later.hidden()) {
		where := [2]string{h.account, h.region}
		i, twice := at[where]
		switch {
		case told[h]:
		case twice:
			d.NotComparable[i].Unread = withHole(d.NotComparable[i].Unread, h.Hole)
		default:
			at[where] = len(d.NotComparable)
			d.NotComparable = append(d.NotComparable, Delta{
				Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: h.account, Region: h.region}, Unread: []Hole{h.Hole},
			})
		}
	}
}

// holeWords are the holes as one text.
func holeWords(holes []Hole) string {
	var words []string
	for _, h := range holes {
		words = append(words, h.String())
	}
	return strings.Join(words, "; ")
}
