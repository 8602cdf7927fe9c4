package keyrotor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
)

func TestShortDigestsAreTwelveHexDigitsAndNothingPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hex := rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "hex")
		if got, want := keyrotor.Digest("sha256:"+hex).Short(), hex[:12]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		any := keyrotor.Digest(rapid.String().Draw(t, "any"))
		if got := any.Short(); !strings.Contains(string(any), got) {
			t.Errorf("got %q, which is no part of %q", got, any)
		}
	})
}

func TestOnlyFinalOutcomesLeaveALaterRunNothingToDo(t *testing.T) {
	for state, want := range map[keyrotor.OutcomeState]bool{
		keyrotor.Succeeded: true, keyrotor.Unchanged: true, keyrotor.Skipped: true, keyrotor.RolledBack: true,
		keyrotor.Unproven: true, // a second call could do it twice
		keyrotor.Waiting:  false, keyrotor.Failed: false, keyrotor.NotStarted: false,
		"": false, "of a later version": false,
	} {
		if got := state.Final(); got != want {
			t.Errorf("%q: got final %v, want %v", state, got, want)
		}
	}
}

func TestOnceOnlyVerbsAreThoseWithoutAToken(t *testing.T) {
	for verb, want := range map[keyrotor.Verb]bool{
		keyrotor.RotateNow: true, keyrotor.CreateKey: true,
		keyrotor.EnableRotation: false, keyrotor.SetPeriod: false, keyrotor.DisableRotation: false,
		keyrotor.CreateAlias: false, keyrotor.TagKey: false, keyrotor.UntagKey: false,
		keyrotor.CreatePending: false, keyrotor.Install: false, keyrotor.Try: false, keyrotor.Promote: false, keyrotor.Retire: false,
	} {
		if got := verb.OnceOnly(); got != want {
			t.Errorf("%s: got once only %v, want %v", verb, got, want)
		}
		if got, want := verb.Async(), verb == keyrotor.RotateNow; got != want {
			t.Errorf("%s: got async %v, want %v", verb, got, want)
		}
	}
}

func TestSeveritiesRankFromInfoToCritical(t *testing.T) {
	order := []keyrotor.Severity{"of a later version", keyrotor.Info, keyrotor.Low, keyrotor.Medium, keyrotor.High, keyrotor.Critical}
	for want, s := range order {
		if got := s.Rank(); got != want {
			t.Errorf("%s: got rank %d, want %d", s, got, want)
		}
	}
}

func TestStepsKeepWhatApplyFillsInOutOfThePlan(t *testing.T) {
	on := true
	s := keyrotor.Step{
		Number: 1, Verb: keyrotor.EnableRotation, Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, ID: "k"},
		Before: keyrotor.Before{RotationOn: &on}, Token: "secret of the run", After: time.Unix(1, 0), Since: time.Unix(2, 0),
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got keyrotor.Step
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := s
	want.Token, want.After, want.Since = "", time.Time{}, time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a step after a round trip (-want +got):\n%s", diff)
	}
}

func TestErrorsAreFoundThroughTheirWrappings(t *testing.T) {
	sdk := errors.New("from the SDK")
	for name, c := range map[string]struct {
		err, is error
		text    string
	}{
		"a problem hands on what failed":   {err: &keyrotor.Problem{Err: keyrotor.ErrConflict}, is: keyrotor.ErrConflict, text: "the plan no longer fits the world"},
		"doubt hands on what failed":       {err: &keyrotor.InDoubt{Err: sdk}, is: sdk, text: "no certain answer: from the SDK"},
		"a failed call hands on the SDK's": {err: &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "kms:X", Code: "C", Message: "m"}, Err: sdk}, is: sdk, text: "kms:X: C: m"},
		"a refusal lists its reasons":      {err: &keyrotor.Refusal{What: "no", Why: []string{"a", "b"}}, text: "no: a; b"},
		"a refusal needs no reasons":       {err: &keyrotor.Refusal{What: "no"}, text: "no"},
		"not yet says when to look again":  {err: &keyrotor.NotYet{Again: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Reason: "under way"}, text: "not yet: under way (look again at 2026-11-21T10:00:00Z)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.err.Error(); got != c.text {
				t.Errorf("got %q, want %q", got, c.text)
			}
			if wrapped := fmt.Errorf("step 1: %w", c.err); c.is != nil && !errors.Is(wrapped, c.is) {
				t.Errorf("%v is not found in %v", c.is, wrapped)
			}
		})
	}
}

func TestAnAssetIsCalledByItsFirstAliasElseItsID(t *testing.T) {
	a := keyrotor.Asset{Kind: keyrotor.KindKMSKey, ID: "1234", Account: "111111111111", Region: "eu-west-1"}
	if got, want := a.Target().String(), "1234 111111111111/eu-west-1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if a.Facts() != nil {
		t.Error("an asset of a kind unknown here has facts")
	}
	a.KMS = &keyrotor.KMSFacts{Aliases: []string{"alias/payments", "alias/old"}}
	if got, want := a.Target().String(), "alias/payments 111111111111/eu-west-1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	unborn := keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: "111111111111", Region: "eu-west-1"}
	if got, want := unborn.String(), "new kms-key 111111111111/eu-west-1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADateThatIsNotKnownIsNotInTheFiles(t *testing.T) {
	line, err := json.Marshal(keyrotor.KMSFacts{})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(line), "created") {
		t.Errorf("a key that could not be described was created at some time: %s", line)
	}
}

func TestQuotasLeaveNoOnDemandRotationBelowZero(t *testing.T) {
	for done, want := range map[int]int{0: 25, 24: 1, 25: 0, 30: 0} {
		h := &keyrotor.RotationHistory{OnDemand: done}
		if got := h.OnDemandLeft(); got != want {
			t.Errorf("after %d: got %d left, want %d", done, got, want)
		}
	}
}
