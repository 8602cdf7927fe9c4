package verify

import (
	"cmp"
	"maps"
	"slices"

	"github.com/keyrotor/keyrotor"
)

func (l *look) created(s keyrotor.Step) {
	l.find("key %s", cmp.Or(l.asset.ID, "of unknown id"))
	if want := s.Params.Spec; want != "" && l.key.Spec != want {
		l.discrepant("its spec is %s, promised was %s", l.key.Spec, want)
	}
	if want := s.Params.Usage; want != "" && l.key.Usage != want {
		l.discrepant("its usage is %s, promised was %s", l.key.Usage, want)
	}
	if l.key.Description != s.Params.Description {
		l.discrepant("its description is another one")
	}
	if s.Params.MultiRegion != (l.key.MultiRegion != nil) {
		l.discrepant("multi-Region: %t, promised was %t", l.key.MultiRegion != nil, s.Params.MultiRegion)
	}
	if len(s.Params.Tags) > 0 {
		l.tagged(s)
	}
}

func (l *look) aliased(alias string) {
	if !slices.Contains(l.key.Aliases, alias) {
		l.find("no %s", alias)
		l.discrepant("%s does not point to the key", alias)
		return
	}
	l.find("%s", alias)
}

func (l *look) tagged(s keyrotor.Step) {
	if !l.tagsRead() {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(s.Params.Tags)) {
		got, ok := l.asset.Tags[k]
		switch {
		case !ok:
			l.discrepant("the tag %q is missing", k)
		case got != s.Params.Tags[k]:
			l.discrepant("the tag %q is %q, promised was %q", k, got, s.Params.Tags[k])
		default:
			l.find("%s=%s", k, got)
		}
	}
}

func (l *look) untagged(s keyrotor.Step) {
	if !l.tagsRead() {
		return
	}
	for _, k := range s.Params.TagKeys {
		if _, ok := l.asset.Tags[k]; ok {
			l.discrepant("the tag %q is still there", k)
			continue
		}
		l.find("no tag %s", k)
	}
}

func (l *look) tagsRead() bool {
	if l.asset.Tags != nil {
		return true
	}
	l.find("tags unknown")
	l.unreadable("its tags could not be read")
	return false
}
