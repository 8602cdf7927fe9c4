package plan

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Diff says in lines what differs from a to b: "change 17 alias/x: period 365 →
// 2560". Changes are matched by their id, else by what they are made for.
func Diff(a, b keyrotor.Plan) []string {
	lines := changed(a, b, "added")
	removed := matched(b.Changes, a.Changes)
	for i, c := range a.Changes {
		if removed[i] == nil {
			lines = append(lines, label(i, c)+": removed")
		}
	}
	lines = append(lines, diffFields("", heading(a), heading(b))...)
	if len(lines) > 0 {
		return lines
	}
	// The same changes under the same heading: waves, budget or what is shown.
	a.Changes, b.Changes, a.Digest, b.Digest = nil, nil, "", ""
	return diffFields("", a, b)
}

// changed tells what differs in the changes of b; one that a has not is
// described by the words for a new one.
func changed(a, b keyrotor.Plan, isNew string) []string {
	var lines []string
	for i, c := range matched(a.Changes, b.Changes) {
		now := b.Changes[i]
		if c == nil {
			lines = append(lines, label(i, now)+": "+isNew)
			continue
		}
		lines = append(lines, diffFields(label(i, now)+": ", *c, now)...)
	}
	return lines
}

// matched finds for each change of b the one of a that it stands for.
func matched(a, b []keyrotor.Change) []*keyrotor.Change {
	ids := map[keyrotor.ChangeID]*keyrotor.Change{}
	purposes := map[string]*keyrotor.Change{}
	for i := range a {
		ids[a[i].ID] = &a[i]
		purposes[purpose(a[i])] = &a[i]
	}
	pairs := make([]*keyrotor.Change, len(b))
	for i, c := range b {
		pairs[i] = cmp.Or(ids[c.ID], purposes[purpose(c)])
	}
	return pairs
}

func purpose(c keyrotor.Change) string {
	return strings.Join([]string{c.Recipe, c.Target.Account, c.Target.Region, cmp.Or(c.Target.ID, c.Target.Name)}, " ")
}

// heading is a plan without its changes and what follows from them.
func heading(p keyrotor.Plan) keyrotor.Plan {
	p.Changes, p.Waves, p.Budget, p.Rotating, p.Digest = nil, nil, nil, nil, ""
	return p
}

// label is a change as people find it: its place in the plan, and its name.
func label(i int, c keyrotor.Change) string {
	return fmt.Sprintf("change %d %s", i+1, cmp.Or(c.Target.Name, c.Target.ID, string(c.ID)))
}

func diffFields(prefix string, a, b any) []string {
	before, after := flat(a), flat(b)
	paths := sortedKeys(before)
	for p := range after {
		if _, both := before[p]; !both {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	var lines []string
	for _, p := range paths {
		if before[p] != after[p] {
			lines = append(lines, fmt.Sprintf("%s%s %s → %s", prefix, fieldWords(p), cmp.Or(before[p], "none"), cmp.Or(after[p], "none")))
		}
	}
	return lines
}

// flat is a value as paths and texts.
func flat(v any) map[string]string {
	leaves := map[string]string{}
	text, err := json.Marshal(v)
	if err != nil {
		return leaves
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var tree any
	if dec.Decode(&tree) == nil {
		flatten(tree, "", leaves)
	}
	return leaves
}

func flatten(v any, path string, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(e, path+"/"+k, into)
		}
	case []any:
		for i, e := range v {
			flatten(e, path+"/"+strconv.Itoa(i+1), into)
		}
	case nil:
	case string:
		into[path] = strconv.Quote(v)
		if !strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' || r == '"' }) && v != "" {
			into[path] = v
		}
	default:
		into[path] = fmt.Sprint(v)
	}
}

// fieldWords makes "/steps/1/params/period_days" read "period": the first step
// is the usual one, and the reader knows that periods are in days.
func fieldWords(path string) string {
	path = strings.TrimPrefix(path, "/")
	path = strings.TrimPrefix(path, "steps/1/")
	path = strings.TrimPrefix(path, "params/")
	path = strings.ReplaceAll(path, "params/", "")
	path = strings.ReplaceAll(path, "period_days", "period")
	return strings.NewReplacer("/", " ", "_", " ").Replace(path)
}
