package guard

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// tagKey refuses keys of tags that the key policy conditions on: such a tag
// grants or takes access, which is not what a label is for.
func tagKey(s keyrotor.Step, a keyrotor.Asset) Verdict {
	keys := slices.Sorted(maps.Keys(s.Params.Tags))
	if why := taggable(a, keys); why != "" {
		return skip(why)
	}
	same := true
	for _, k := range keys {
		if now, ok := a.Tags[k]; !ok || now != s.Params.Tags[k] {
			same = false
		}
	}
	if same {
		return unchanged("its tags are so already")
	}
	if why := tooManyTags(a, s.Params.Tags); why != "" {
		return skip(why)
	}
	return compareTags(s, a, keys)
}

func untagKey(s keyrotor.Step, a keyrotor.Asset) Verdict {
	if why := taggable(a, s.Params.TagKeys); why != "" {
		return skip(why)
	}
	if !slices.ContainsFunc(s.Params.TagKeys, func(k string) bool { _, ok := a.Tags[k]; return ok }) {
		return unchanged("the tags are gone already")
	}
	return compareTags(s, a, s.Params.TagKeys)
}

// compareTags tells whether somebody changed one of the tags since the plan.
func compareTags(s keyrotor.Step, a keyrotor.Asset, keys []string) Verdict {
	for _, k := range keys {
		now, is := a.Tags[k]
		then, was := s.Before.Tags[k]
		if is != was || now != then {
			return skip(fmt.Sprintf("somebody changed its tag %q since the plan", k))
		}
	}
	return goOn
}

func taggable(a keyrotor.Asset, keys []string) string {
	if why := going(a.KMS); why != "" {
		return why
	}
	if a.Refused(keyrotor.FactPolicy) {
		return "its key policy could not be read: a condition on these tags cannot be ruled out"
	}
	if a.Tags == nil {
		return "its tags could not be read"
	}
	if a.KMS.Policy == nil {
		return "its key policy was not read: a condition on these tags cannot be ruled out"
	}
	var bound []string
	for _, k := range keys {
		if slices.ContainsFunc(a.KMS.Policy.ConditionTagKeys, func(read string) bool { return sameTagKey(read, k) }) {
			bound = append(bound, k)
		}
	}
	if len(bound) > 0 {
		return fmt.Sprintf("its key policy has a condition on the tag %s: changing it would change who may use the key", quoted(bound))
	}
	return ""
}

// sameTagKey reports whether what a policy reads is the key of a tag. IAM knows
// no difference between Owner and owner there, and takes patterns in aws:TagKeys;
// in the key of a tag itself KMS allows neither * nor ?.
func sameTagKey(read, key string) bool {
	if !strings.ContainsAny(read, "*?") {
		return strings.EqualFold(read, key)
	}
	pattern := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(read))
	match, err := regexp.MatchString(`(?is)^`+pattern+`$`, key)
	return match || err != nil // a pattern that cannot be read may mean any key
}

// tooManyTags says that a key cannot take the tags beside those it has. Tags of
// AWS's own do not count.
func tooManyTags(a keyrotor.Asset, added map[string]string) string {
	all := map[string]bool{}
	for k := range a.Tags {
		all[k] = true
	}
	for k := range added {
		all[k] = true
	}
	maps.DeleteFunc(all, func(k string, _ bool) bool { return strings.HasPrefix(strings.ToLower(k), "aws:") })
	if len(all) <= keyrotor.TagsPerKey {
		return ""
	}
	return fmt.Sprintf("it would have %d tags, and a key takes %d", len(all), keyrotor.TagsPerKey)
}
