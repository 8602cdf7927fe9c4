package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Promise is what a change promises, in a few words: "on, every 365 d".
func Promise(c keyrotor.Change) string { return promises(c.Steps) }

func promises(steps []keyrotor.Step) string {
	var words []string
	for _, s := range steps {
		words = append(words, promise(s))
	}
	return strings.Join(words, ", ")
}

func promise(s keyrotor.Step) string {
	switch s.Verb {
	case keyrotor.EnableRotation, keyrotor.SetPeriod:
		return fmt.Sprintf("on, every %d d", cmp.Or(s.Params.PeriodDays, keyrotor.DefaultRotationPeriodDays))
	case keyrotor.DisableRotation:
		return "off"
	case keyrotor.RotateNow:
		return "rotated on demand, once"
	case keyrotor.CreateKey:
		return "a new key"
	case keyrotor.CreateAlias:
		return s.Params.Alias
	case keyrotor.TagKey:
		return "tags " + pairs(s.Params.Tags)
	case keyrotor.UntagKey:
		return "without the tags " + strings.Join(s.Params.TagKeys, ", ")
	}
	return string(s.Verb)
}

func pairs(tags map[string]string) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, k+"="+tags[k])
	}
	return strings.Join(words, " ")
}
