package cycle_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/testenv"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// rotating makes the plan one of rotations on demand, whose call is made once.
func rotating(t *testing.T, p keyrotor.Plan) keyrotor.Plan {
	t.Helper()
	for i := range p.Changes {
		p.Changes[i].Recipe, p.Changes[i].Steps[0].Verb = "rotate-now", keyrotor.RotateNow
		p.Changes[i].Steps[0].Params, p.Changes[i].Steps[0].Before = keyrotor.Params{}, keyrotor.Before{MaterialID: materials[false]}
	}
	return signed(t, p)
}

// signed gives a plan that was altered its digest.
func signed(t *testing.T, p keyrotor.Plan) keyrotor.Plan {
	t.Helper()
	var err error
	if p.Digest, err = plan.Digest(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// A canary that ended unproven held up the rest of its plan for good.
func TestACanaryThatShowsLaterLetsTheRestGoOn(t *testing.T) {
	testenv.Slow(t, "waits for what shows late")
	e := newEstate(t)
	p := rotating(t, e.planFor(t, day, "k1", "k2"))
	approval := e.approval(t, p, time.Hour)
	stopped := func(turn string) {
		t.Helper()
		done, err := e.apply(t, p, approval)
		var problem *keyrotor.Problem
		if !errors.Is(err, apply.ErrStopped) || !errors.As(err, &problem) || !strings.Contains(problem.Next, "keyrotor scan\nkeyrotor plan") {
			t.Fatalf("%s: %v, want to stop and to be told to plan anew", turn, err)
		}
		if got := done.Counts(); got[keyrotor.Unproven] != 1 || got[keyrotor.NotStarted] != 1 {
			t.Fatalf("%s: %v, want one unproven and one not started", turn, got)
		}
	}
	e.silent = true
	stopped("first turn")
	e.silent = false
	stopped("second turn, nothing to be seen yet")
	if e.calls != 1 {
		t.Fatalf("called %d times, want once", e.calls)
	}
	e.on["k1"] = true // the effect shows after all
	done, err := e.apply(t, p, approval)
	if got := done.Outcomes[0]; got.State != keyrotor.Succeeded || !got.Receipts[0].Recovered || e.calls > 2 {
		t.Errorf("canary %s: %s after %d calls, want succeeded and recovered", got.State, got.Reason, e.calls)
	}
	if got := done.Outcomes[1].State; got != keyrotor.Succeeded {
		t.Errorf("second wave %s, %v; want succeeded", got, err)
	}
}

// An edit of allowed_signers in the middle of a run kept it from being finished.
func TestARunIsFinishedUnderTheSignersItWasBegunUnder(t *testing.T) {
	line := func(e *estate) string {
		return "alice@example.com " + string(ssh.MarshalAuthorizedKey(e.alice.PublicKey()))
	}
	edit := func(t *testing.T, e *estate, text string) {
		t.Helper()
		var err error
		if e.signers, err = approve.ParseAllowedSigners("allowed_signers", []byte(text)); err != nil {
			t.Fatal(err)
		}
		e.signersText = []byte(text)
	}
	for sentence, tt := range map[string]struct {
		begun   bool
		edited  func(e *estate) string
		forget  bool // the copy that the run keeps is another one
		refused string
	}{
		"a line was added":               {begun: true, edited: func(e *estate) string { return line(e) + "# more to come\n" }},
		"before the run began":           {edited: func(e *estate) string { return line(e) + "# more to come\n" }, refused: "not those of the plan"},
		"the approver was taken out":     {begun: true, edited: func(*estate) string { return "# nobody\n" }, refused: `does not name the principal "alice@example.com"`},
		"the copy is not the plan's own": {begun: true, forget: true, edited: func(e *estate) string { return line(e) + "# more\n" }, refused: "not those of the plan"},
	} {
		t.Run(sentence, func(t *testing.T) {
			e := newEstate(t)
			edit(t, e, line(e))
			p := e.planFor(t, day, "k1", "k2")
			p.Inputs.Signers = cycle.TextDigest(e.signersText)
			p = signed(t, p)
			approval := e.approval(t, p, time.Hour)
			if tt.begun {
				e.refused["k2"] = true
				if _, err := e.apply(t, p, approval); err != nil {
					t.Fatal(err)
				}
				delete(e.refused, "k2")
			}
			if tt.forget {
				rec := e.open(t)
				if err := rec.Write(cycle.FileSigners, writes(line(e)+"mallory@example.com "+line(e))); err != nil {
					t.Fatal(err)
				}
				if err := rec.Log.Close(); err != nil {
					t.Fatal(err)
				}
			}
			edit(t, e, tt.edited(e))
			done, err := e.apply(t, p, approval)
			if tt.refused != "" {
				refusedWith(t, err, tt.refused)
				if e.on["k2"] {
					t.Error("the rest was done all the same")
				}
				return
			}
			if err != nil || done.Counts()[keyrotor.Succeeded] != 2 {
				t.Errorf("%v, %v; want both succeeded", done.Counts(), err)
			}
		})
	}
}

func TestAPlanThatChangesNothingIsNotCarriedOut(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day)
	_, err := e.apply(t, p, e.approval(t, p, time.Hour))
	refusedWith(t, err, "changes nothing")
}

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}
