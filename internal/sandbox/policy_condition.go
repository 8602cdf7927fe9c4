package sandbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conditions are a statement's Condition: operator ▶ condition key ▶ values.
type conditions map[string]map[string]conditionValues

// conditionValues are texts; policies write numbers and booleans bare too.
type conditionValues []string

// UnmarshalJSON reads one value or a list of such.
func (v *conditionValues) UnmarshalJSON(b []byte) error {
	var many oneOrMany[any]
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	*v = make(conditionValues, 0, len(many))
	for _, one := range many {
		switch x := one.(type) {
		case string:
			*v = append(*v, x)
		case bool:
			*v = append(*v, strconv.FormatBool(x))
		case float64:
			*v = append(*v, strconv.FormatFloat(x, 'f', -1, 64))
		default:
			return errf("MalformedPolicyDocumentException", "")
		}
	}
	return nil
}

// verdict on a condition. What the sandbox does not know is neither met nor not met:
// it lets nobody in by an Allow, and keeps everybody out by a Deny.
type verdict int

const (
	notMet verdict = iota
	met
	unknown
)

func verdictOf(ok bool) verdict {
	if ok {
		return met
	}
	return notMet
}

// hold says whether all conditions are met: one that certainly is not decides, then
// one that is unknown.
func (c conditions) hold(request *policyContext) verdict {
	out := met
	for operator, keys := range c {
		for name, values := range keys {
			switch request.meets(operator, name, values) {
			case notMet:
				return notMet
			case unknown:
				out = unknown
			}
		}
	}
	return out
}

// meets decides one line of a condition.
func (p *policyContext) meets(operator, name string, values conditionValues) verdict {
	if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "${") }) {
		return unknown // policy variables are not filled in
	}
	there, known := p.values(name)
	if !known {
		return unknown
	}
	quantifier, bare, quantified := strings.Cut(operator, ":")
	if !quantified {
		quantifier, bare = "", operator
	}
	bare, ifExists := strings.CutSuffix(bare, "IfExists")
	switch {
	case bare == "Null" && !ifExists && !quantified:
		return isNull(there, values)
	case len(there) == 0 && ifExists:
		return met
	}
	compare, negated, known := comparison(bare)
	if !known {
		return unknown
	}
	return quantify(quantifier, there, negated, func(value string) verdict { return anyOf(values, value, compare) })
}

// isNull: "true" wants the key absent, "false" wants it there.
func isNull(there []string, values conditionValues) verdict {
	for _, v := range values {
		if strings.EqualFold(v, "true") == (len(there) == 0) {
			return met
		}
	}
	return notMet
}

// quantify asks one value, or all or any of many. An absent key meets the negated
// operators and those for all values, and no other.
func quantify(quantifier string, there []string, negated bool, fits func(string) verdict) verdict {
	switch quantifier {
	case "":
		if len(there) > 1 {
			return unknown // what AWS advises against and does not define
		}
		if len(there) == 0 {
			return verdictOf(negated)
		}
		return turned(fits(there[0]), negated)
	case "ForAllValues":
		out := met
		for _, v := range there {
			if one := turned(fits(v), negated); one != met {
				out = one
				break
			}
		}
		return out
	case "ForAnyValue":
		out := notMet
		for _, v := range there {
			if one := turned(fits(v), negated); one != notMet {
				out = one
				break
			}
		}
		return out
	}
	return unknown
}

func turned(v verdict, negated bool) verdict {
	if !negated || v == unknown {
		return v
	}
	return verdictOf(v == notMet)
}

func anyOf(values conditionValues, value string, compare comparer) verdict {
	out := notMet
	for _, want := range values {
		switch compare(value, want) {
		case met:
			return met
		case unknown:
			out = unknown
		}
	}
	return out
}

// comparer compares a value of the request with one of the policy.
type comparer func(got, want string) verdict

// comparison returns the operator without Not, and whether it was negated.
func comparison(operator string) (compare comparer, negated, known bool) {
	text := func(f func(got, want string) bool) comparer {
		return func(got, want string) verdict { return verdictOf(f(got, want)) }
	}
	switch operator {
	case "StringEquals", "StringNotEquals":
		return text(func(got, want string) bool { return got == want }), operator == "StringNotEquals", true
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		return text(strings.EqualFold), operator == "StringNotEqualsIgnoreCase", true
	case "StringLike", "StringNotLike":
		return text(func(got, want string) bool { return wild(want, got) }), operator == "StringNotLike", true
	case "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike": // Equals and Like are one to IAM
		return text(likeARN), strings.HasPrefix(operator, "ArnNot"), true
	case "Bool":
		return text(strings.EqualFold), false, true
	}
	if order, isNumber := strings.CutPrefix(operator, "Numeric"); isNumber {
		return ordered(order, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	}
	if order, isDate := strings.CutPrefix(operator, "Date"); isDate {
		return ordered(order, dateOf)
	}
	return nil, false, false
}

// ordered compares numbers, or dates as numbers. What is no number is unknown.
func ordered(order string, parse func(string) (float64, error)) (compare comparer, negated, known bool) {
	fits := map[string]func(got, want float64) bool{
		"Equals":            func(got, want float64) bool { return got == want },
		"NotEquals":         func(got, want float64) bool { return got == want },
		"LessThan":          func(got, want float64) bool { return got < want },
		"LessThanEquals":    func(got, want float64) bool { return got <= want },
		"GreaterThan":       func(got, want float64) bool { return got > want },
		"GreaterThanEquals": func(got, want float64) bool { return got >= want },
	}[order]
	if fits == nil {
		return nil, false, false
	}
	return func(got, want string) verdict {
		g, err := parse(got)
		w, err2 := parse(want)
		if err != nil || err2 != nil {
			return unknown
		}
		return verdictOf(fits(g, w))
	}, order == "NotEquals", true
}

// dateOf reads seconds since the epoch or ISO 8601.
func dateOf(s string) (float64, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return n, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	return float64(t.UnixMilli()) / 1000, err
}

// likeARN matches part by part, so that a * does not reach over a colon; the last
// part takes the rest.
func likeARN(got, want string) bool {
	g, w := strings.SplitN(got, ":", 6), strings.SplitN(want, ":", 6)
	if len(g) != 6 || len(w) != 6 {
		return false
	}
	for i := range g {
		if !wild(w[i], g[i]) {
			return false
		}
	}
	return true
}

// wild matches IAM's patterns: * is any text, ? any character.
func wild(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0: // let the last * take one more
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
