package main

import (
	"runtime/debug"
	"testing"
)

func TestABuildThatIsNoReleaseNamesItsCommitAndWhatWasAddedToIt(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "602aa8e69f21c0ffee602aa8e69f21c0ffee602a"}
	for name, c := range map[string]struct {
		settings []debug.BuildSetting
		want     string
	}{
		"nothing was recorded":        {nil, "devel"},
		"a commit":                    {[]debug.BuildSetting{commit, {Key: "vcs.modified", Value: "false"}}, "devel 602aa8e69f21"},
		"a commit and changes on top": {[]debug.BuildSetting{commit, {Key: "vcs.modified", Value: "true"}}, "devel 602aa8e69f21, modified"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := buildText(c.settings); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
