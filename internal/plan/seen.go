package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// maxDescription is how much of a description a plan repeats: KMS allows 8192
// characters, and a plan is read by people.
const maxDescription = 256

// SeenOf is what a reviewer wants to see of an asset that no change names.
func SeenOf(a keyrotor.Asset, envTag string) keyrotor.Seen {
	s := seenOf(a, cmp.Or(envTag, "env"))
	s.ARN = a.ARN
	return s
}

// seenOf is what a reviewer wants to see of an asset.
func seenOf(a keyrotor.Asset, envTag string) keyrotor.Seen {
	k := a.KMS
	if k == nil {
		return keyrotor.Seen{Owner: a.Owner, Env: a.Tags[envTag], ManagedBy: a.ManagedBy}
	}
	s := keyrotor.Seen{
		Aliases: slices.Clone(k.Aliases), Description: shorten(k.Description), Spec: k.Spec, Usage: k.Usage, Origin: k.Origin,
		State: k.State, MultiRegion: k.MultiRegionRole(), Created: k.Created.UTC(), Owner: a.Owner, Env: a.Tags[envTag],
		Rotation: rotationWords(k.Rotation), ManagedBy: a.ManagedBy,
	}
	if k.MultiRegion != nil {
		s.Replicas = len(k.MultiRegion.Replicas)
	}
	if k.History != nil {
		s.Rotations = new(len(k.History.Rotations))
	}
	if k.Rotation != nil && k.Rotation.Next != nil {
		s.Next = new(k.Rotation.Next.UTC())
	}
	return s
}

func rotationWords(r *keyrotor.RotationFacts) string {
	switch {
	case r == nil:
		return "unknown"
	case !r.On:
		return "off"
	case r.PeriodDays == 0:
		return "on"
	}
	return fmt.Sprintf("on, %d d", r.PeriodDays)
}

func shorten(text string) string {
	runes := []rune(text)
	if len(runes) <= maxDescription {
		return text
	}
	return string(runes[:maxDescription]) + "…"
}

// place orders assets: account, Region, id.
type place [4]string

func placeOf(t keyrotor.Target) place { return place{t.Account, t.Region, t.ID, t.Name} }

func (p place) compare(q place) int { return slices.Compare(p[:], q[:]) }

// sample keeps the first assets by place, however many there are and in
// whatever order they come.
type sample struct {
	total int
	kept  []sampled
}

type sampled struct {
	place
	seen keyrotor.Seen
}

func (s *sample) add(p place, seen keyrotor.Seen) {
	s.total++
	s.kept = append(s.kept, sampled{p, seen})
	if len(s.kept) >= 2*maxRotating {
		s.trim(maxRotating)
	}
}

func (s *sample) trim(n int) {
	slices.SortFunc(s.kept, func(a, b sampled) int { return a.compare(b.place) })
	s.kept = s.kept[:min(n, len(s.kept))]
}

func (s *sample) first(n int) []keyrotor.Seen {
	s.trim(n)
	var seen []keyrotor.Seen
	for _, k := range s.kept {
		seen = append(seen, k.seen)
	}
	return seen
}

// leftOut are the assets that a plan leaves out, by reason.
type leftOut map[string]leftFor

// leftFor is what is left out for one reason: how much, and the first few by place.
type leftFor struct {
	total int
	first []keyrotor.Target
}

// maxLeftNamed is how many assets a plan names for each reason to leave them out: a
// reviewer wants to know which, and a plan of a large estate must stay small.
const maxLeftNamed = 5

// note leaves an asset out; one without a place is counted and not named.
func (l leftOut) note(t keyrotor.Target, reason string) {
	left := l[reason]
	left.total++
	if t.Account != "" {
		at, _ := slices.BinarySearchFunc(left.first, t, func(a, b keyrotor.Target) int { return placeOf(a).compare(placeOf(b)) })
		left.first = slices.Insert(left.first, at, t)
		left.first = left.first[:min(len(left.first), maxLeftNamed)]
	}
	l[reason] = left
}

// lines are the reasons, the most frequent first. Reasons with dates and names
// in them can be many; the long tail is counted.
func (l leftOut) lines() []string {
	const most = 20
	reasons := sortedKeys(l)
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(l[b].total, l[a].total) })
	var lines []string
	rest := 0
	for i, r := range reasons {
		if i >= most {
			rest += l[r].total
			continue
		}
		lines = append(lines, fmt.Sprintf("%s left out: %s%s", count(l[r].total, "key"), r, l[r].names()))
	}
	if rest > 0 {
		lines = append(lines, count(rest, "key")+" left out for other reasons")
	}
	return lines
}

// names are the first of what is left out, and how many more there are, to stand
// behind the reason.
func (l leftFor) names() string {
	if len(l.first) == 0 {
		return ""
	}
	var names []string
	for _, t := range l.first {
		names = append(names, t.String())
	}
	if rest := l.total - len(l.first); rest > 0 {
		names = append(names, fmt.Sprintf("and %d more", rest))
	}
	return " (" + strings.Join(names, ", ") + ")"
}
