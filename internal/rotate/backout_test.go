package rotate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/rotate"
	"github.com/keyrotor/keyrotor/internal/rotate/rotatetest"
)

func backStepOf(v keyrotor.Verb) keyrotor.Step {
	for _, s := range rotate.BackOut(rotate.SingleUser, target, keyrotor.Params{GraceHours: 24}, keyrotor.Before{VersionID: "v0"}) {
		if s.Verb == v {
			s.Token = "token"
			return s
		}
	}
	return keyrotor.Step{}
}

func TestWhereTheTokenStandsDecidesWhetherTheOldOneIsPutBack(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		versions rotate.Versions
		target   string // the password that opens the database before
		want     string // and after put-back
		err      error  // conflict, superseded, or nil
	}{
		"pending, and installed: put back":                       {rotate.Versions{Current: "v0", Pending: "token"}, "next", "old", nil},
		"pending, and never installed: nothing to do":            {rotate.Versions{Current: "v0", Pending: "token"}, "old", "old", nil},
		"current: consumers have it, and it is not taken back":   {rotate.Versions{Current: "token", Previous: "v0"}, "next", "next", nil},
		"current after the old one was put back: held once more": {rotate.Versions{Current: "token", Previous: "v0"}, "old", "next", nil},
		"another version is current: superseded":                 {rotate.Versions{Current: "v9", Bare: []string{"token"}}, "next", "next", keyrotor.ErrSuperseded},
		"nothing is current: nobody knows what to put back":      {rotate.Versions{Pending: "token"}, "next", "next", keyrotor.ErrConflict},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			db, store, _, actor := scene(t)
			db.Set("app", tt.target)
			store.versions = tt.versions
			_, err := actor.Do(t.Context(), backStepOf(keyrotor.PutBack))
			if !errors.Is(err, tt.err) || (errors.Is(tt.err, keyrotor.ErrConflict) && errors.Is(err, keyrotor.ErrSuperseded)) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			for _, password := range []string{"old", "next"} {
				if opens := db.Opens(rotatetest.Seal(rotatetest.Login{User: "app", Password: password})); opens != (password == tt.want) {
					t.Errorf("version with the %s password logs in: %v", password, opens)
				}
			}
			done, cerr := actor.Check(t.Context(), backStepOf(keyrotor.PutBack))
			if done != (tt.err == nil) || !errors.Is(cerr, tt.err) {
				t.Errorf("Check says %v, %v", done, cerr)
			}
		})
	}
}

// Check once installed a password itself, with neither an intent nor a receipt.
func TestAPromotionThatLandsAfterThePutBackIsHeldByDoAlone(t *testing.T) {
	t.Parallel()
	for verb, tt := range map[keyrotor.Verb]struct {
		result map[string]string
		err    string
	}{
		keyrotor.PutBack:     {map[string]string{"version": "token", "held": "token"}, ""},
		keyrotor.DropPending: {nil, "is not taken back; the target did not accept it, and it was installed once more"},
	} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			db, store, _, actor := scene(t) // only the old password logs in
			store.versions = rotate.Versions{Current: "token", Previous: "v0"}
			works := func() bool { return db.Opens(rotatetest.Seal(rotatetest.Login{User: "app", Password: "next"})) }
			if done, err := actor.Check(t.Context(), backStepOf(verb)); done || err != nil || works() {
				t.Errorf("Check says %v, %v, and consumers can log in: %v; want something to do, and nothing done", done, err, works())
			}
			r, err := actor.Do(t.Context(), backStepOf(verb))
			if diff := cmp.Diff(tt.result, r.Result); diff != "" || !works() {
				t.Errorf("consumers can log in: %v; result (-want +got):\n%s", works(), diff)
			}
			if (err == nil) != (tt.err == "") || (err != nil && (!errors.Is(err, keyrotor.ErrConflict) || !strings.Contains(err.Error(), tt.err))) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			// Either way the version stays, and the next look says why.
			if _, err := actor.Check(t.Context(), backStepOf(keyrotor.DropPending)); !errors.Is(err, keyrotor.ErrConflict) {
				t.Errorf("dropping it afterwards: %v, want a conflict", err)
			}
		})
	}
}

func TestWhatWasPromotedAndCannotBeHeldIsNotCalledAConflict(t *testing.T) {
	t.Parallel()
	for _, verb := range []keyrotor.Verb{keyrotor.PutBack, keyrotor.DropPending} {
		t.Run(string(verb), func(t *testing.T) {
			t.Parallel()
			db, store, _, actor := scene(t)
			db.Set("app", "strange")
			store.versions = rotate.Versions{Current: "token", Previous: "v0"}
			_, err := actor.Do(t.Context(), backStepOf(verb))
			var refused *keyrotor.CallFailed
			if !errors.As(err, &refused) || errors.Is(err, keyrotor.ErrConflict) {
				t.Fatalf("error %v, want a refusal and no conflict, by which the change would go on", err)
			}
			for _, want := range []string{"version token, which consumers read, does not log in", "version v0, previous, does not log in"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want %q in it", err, want)
				}
			}
		})
	}
}

func TestThePendingVersionIsDroppedOnlyWhileTheOldOneLogsIn(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		opens   string
		after   time.Duration // since put-back was seen done
		again   bool          // *NotYet
		dropped bool
	}{
		"the old one has been back for a while":                {"old", time.Hour, false, true},
		"it is back since a moment: a late call may undo that": {"old", 10 * time.Second, true, false},
		"a late call undid it: put back again, then dropped":   {"next", time.Hour, false, true},
		"neither logs in: not dropped":                         {"strange", time.Hour, false, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			db, store, _, actor := scene(t)
			db.Set("app", tt.opens)
			s := backStepOf(keyrotor.DropPending)
			s.After = noon.Add(-tt.after)
			_, err := actor.Do(t.Context(), s)
			v, rerr := store.Store.Read(t.Context(), target)
			if rerr != nil {
				t.Fatal(rerr)
			}
			var notYet *keyrotor.NotYet
			if errors.As(err, &notYet) != tt.again || (err == nil) != tt.dropped || (v.Pending == "") != tt.dropped {
				t.Errorf("got %v with version %q pending", err, v.Pending)
			}
			if tt.dropped && !db.Opens(rotatetest.Seal(rotatetest.Login{User: "app", Password: "old"})) {
				t.Error("dropped, and the old credential does not log in")
			}
		})
	}
}

func TestAPutBackThatFailsSaysWhatTheTargetAccepts(t *testing.T) {
	t.Parallel()
	db, _, _, actor := scene(t)
	db.Set("app", "strange")
	_, err := actor.Do(t.Context(), backStepOf(keyrotor.PutBack))
	var refused *keyrotor.CallFailed
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want a definite refusal", err)
	}
	for _, want := range []string{"version v0, which consumers read, does not log in", "version token, pending, does not log in"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "strange") || strings.Contains(err.Error(), "\"") {
		t.Error("the error quotes a password")
	}
}

// After a back-out nothing holds up the next change, which makes a value of its own.
func TestTheNextChangeBeginsAnewAfterABackOut(t *testing.T) {
	t.Parallel()
	db, store, _, actor := scene(t)
	actor.Store = store.Store
	db.Set("app", "next")
	for _, v := range []keyrotor.Verb{keyrotor.PutBack, keyrotor.DropPending} {
		if _, err := actor.Do(t.Context(), backStepOf(v)); err != nil {
			t.Fatal(err)
		}
	}
	late := stepOf(keyrotor.Install) // of the change that was backed out
	if _, err := actor.Do(t.Context(), late); !errors.Is(err, keyrotor.ErrConflict) {
		t.Errorf("a late install of the dropped version: %v, want a conflict", err)
	}
	for _, v := range []keyrotor.Verb{keyrotor.CreatePending, keyrotor.Install, keyrotor.Try, keyrotor.Promote} {
		s := stepOf(v)
		s.Token = "second"
		if _, err := actor.Do(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
	}
	v, err := actor.Store.Read(t.Context(), target)
	if err != nil || v.Current != "second" || v.Previous != "v0" {
		t.Errorf("versions %+v, %v, want second current after v0", v, err)
	}
}

func TestOnlyASingleUserHasAWayBack(t *testing.T) {
	t.Parallel()
	got := map[rotate.Strategy][]keyrotor.Verb{}
	for _, st := range []rotate.Strategy{rotate.SingleUser, rotate.AlternatingUsers, rotate.TwoCredentials} {
		for i, s := range rotate.BackOut(st, target, keyrotor.Params{GraceHours: 24}, keyrotor.Before{VersionID: "v0"}) {
			got[st] = append(got[st], s.Verb)
			if s.Number != 6+i || s.Before.VersionID != "v0" || (s.Stretch == 1) != (s.Verb == keyrotor.PutBack) {
				t.Errorf("%s: step %+v", st, s)
			}
		}
	}
	want := map[rotate.Strategy][]keyrotor.Verb{rotate.SingleUser: {keyrotor.PutBack, keyrotor.DropPending}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
