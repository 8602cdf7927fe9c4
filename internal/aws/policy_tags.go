package aws

import (
	"regexp"
	"strings"
)

// readTagKeys notes the tag keys that a condition reads, of the key
// (aws:ResourceTag/x), of a tagging request (aws:RequestTag/x, aws:TagKeys) or
// through a policy variable: setting such a tag changes who may use the key.
func (s *policySummary) readTagKeys(st policyStatement) {
	for operator, keys := range st.Condition {
		for key, values := range keys {
			s.readTagKey(operator, key, values)
		}
	}
}

func (s *policySummary) readTagKey(operator, key string, values conditionValues) {
	op := strings.ToLower(operator)
	scope, tag, slash := strings.Cut(key, "/")
	switch scope = strings.ToLower(scope); {
	case slash && (scope == "aws:resourcetag" || scope == "aws:requesttag"):
		s.conditionOn(tag)
	case scope == "aws:tagkeys" && op != "null": // its true or false is no tag key
		for _, v := range values {
			// A * is a letter where the operator takes no patterns, and no tag key has one.
			if strings.Contains(op, "like") || !strings.ContainsAny(v, "*?") {
				s.conditionOn(v)
			}
		}
	}
	for _, v := range values {
		for _, name := range tagVariables(v) {
			s.conditionOn(name)
		}
	}
}

func (s *policySummary) conditionOn(tag string) {
	s.facts.ConditionTagKeys = append(s.facts.ConditionTagKeys, tag)
}

// tagVariables are the tag keys in the policy variables of a value, such as
// "${aws:PrincipalTag/team}" or "${aws:ResourceTag/team, 'none'}". What a
// principal is tagged with is most often held against the same tag of the key.
func tagVariables(value string) []string {
	if !strings.Contains(value, "${") {
		return nil
	}
	variable := regexp.MustCompile(`(?i)\$\{\s*aws:(?:resource|request|principal)tag/([^},]+)`)
	var names []string
	for _, m := range variable.FindAllStringSubmatch(value, -1) {
		names = append(names, strings.TrimSpace(m[1]))
	}
	return names
}
