package plan

import (
	"cmp"
	"fmt"
	"slices"

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

// leftOut counts assets that a plan leaves out, by reason.
type leftOut map[string]int

func (l leftOut) note(reason string) { l[reason]++ }

// lines are the reasons, the most frequent first. Reasons with dates and names
// in them can be many; the long tail is counted.
func (l leftOut) lines() []string {
	const most = 20
	reasons := sortedKeys(l)
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(l[b], l[a]) })
	var lines []string
	rest := 0
	for i, r := range reasons {
		if i >= most {
			rest += l[r]
			continue
		}
		lines = append(lines, fmt.Sprintf("%s left out: %s", count(l[r], "key"), r))
	}
	if rest > 0 {
		lines = append(lines, count(rest, "key")+" left out for other reasons")
	}
	return lines
}
