package plan

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/keyrotor/keyrotor"
)

// WrongTags says why tags cannot be set on a key as they are. How many the key
// has already is not asked here.
func WrongTags(tags map[string]string) []string {
	if len(tags) == 0 || len(tags) > keyrotor.TagsPerKey {
		return append([]string{fmt.Sprintf("%s given, and 1 to %d can be set", count(len(tags), "tag"), keyrotor.TagsPerKey)}, wrongTags(tags)...)
	}
	return wrongTags(tags)
}

// wrongTags holds every tag against what KMS takes; source: KMS API reference
// "Tag", and "Tagging AWS resources" for the characters.
func wrongTags(tags map[string]string) []string {
	allowed := regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	const characters = "letters, digits, spaces and _ . : / = + - @ only"
	var why []string
	for _, k := range sortedKeys(tags) {
		name := fmt.Sprintf("the tag %q: ", k)
		switch {
		case reserved(k, "aws:"):
			why = append(why, name+"names that begin with aws: are AWS's own")
		case reserved(k, "keyrotor:"):
			why = append(why, name+"names that begin with keyrotor: are keyrotor's own, by which it finds what it made")
		case k == "" || utf8.RuneCountInString(k) > 128:
			why = append(why, name+"a name has 1 to 128 characters")
		case utf8.RuneCountInString(tags[k]) > 256:
			why = append(why, name+"a value has at most 256 characters")
		case !allowed.MatchString(k):
			why = append(why, name+"a name has "+characters)
		case !allowed.MatchString(tags[k]):
			why = append(why, name+"a value has "+characters)
		}
	}
	return why
}

func reserved(key, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(key), prefix)
}
