package approve

import (
	"slices"
	"strings"
)

// matchList is OpenSSH's match_pattern_list: s matches when some pattern of the
// comma-separated list does and none that is negated with "!" does.
func matchList(s, list string) bool {
	matched := false
	for _, p := range strings.Split(list, ",") {
		negated := strings.HasPrefix(p, "!")
		if !matchPattern(s, strings.TrimPrefix(p, "!")) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// matchPattern matches with * (any characters) and ? (one byte). It runs in
// time proportional to the product of the lengths: it goes back to the last
// star only, since an earlier one could swallow nothing more.
func matchPattern(s, p string) bool {
	i, j := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case j < len(p) && p[j] == '*':
			star, mark = j, i
			j++
		case j < len(p) && (p[j] == '?' || p[j] == s[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	return strings.Trim(p[j:], "*") == ""
}

// isPattern reports whether a word can only be a pattern, or a list of them.
func isPattern(s string) bool { return strings.HasPrefix(s, "!") || strings.ContainsAny(s, "*?,") }

// wildcards returns the patterns of a list that can match more than one
// principal, less those that are negated.
func wildcards(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(p string) bool {
		return strings.HasPrefix(p, "!") || !strings.ContainsAny(p, "*?")
	})
}

// literals returns the patterns of a list that name exactly one principal and
// match it: one that is also negated does not.
func literals(list string) []string {
	var names, negated []string
	for p := range strings.SplitSeq(list, ",") {
		if not, ok := strings.CutPrefix(p, "!"); ok {
			negated = append(negated, not)
		} else if p != "" && !strings.ContainsAny(p, "*?") {
			names = append(names, p)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(negated, func(p string) bool { return matchPattern(name, p) })
	})
}
