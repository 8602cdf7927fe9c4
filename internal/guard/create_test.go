package guard_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

func TestAKeyIsMadeOnlyWhereItsAliasIsFree(t *testing.T) {
	step := keyrotor.Step{Verb: keyrotor.CreateKey, Target: keyrotor.Target{Name: "alias/a"}, Before: keyrotor.Before{AbsentAlias: true}, Token: "ours"}
	made := func(token string) keyrotor.Asset {
		return asset(func(a *keyrotor.Asset) { a.Tags[keyrotor.ChangeTag] = token })
	}
	untagged := step
	untagged.Token = ""
	for name, tt := range map[string]struct {
		step  keyrotor.Step
		asset keyrotor.Asset
		want  guard.Verdict
	}{
		"nothing has the alias":   {step, keyrotor.Asset{}, guard.Verdict{}},
		"another key has it":      {step, asset(), guard.Verdict{State: keyrotor.Skipped, Reason: "alias/a exists and points to k"}},
		"another change's key":    {step, made("theirs"), guard.Verdict{State: keyrotor.Skipped, Reason: "alias/a exists and points to k"}},
		"no token is no sameness": {untagged, made(""), guard.Verdict{State: keyrotor.Skipped, Reason: "alias/a exists and points to k"}},
		"this change's own key waits to be found": {step, made("ours"), guard.Verdict{
			State: keyrotor.Waiting, Reason: "alias/a points to k, which this change made, and the listing of keys does not show it yet",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, guard.Step(tt.step, tt.asset)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
