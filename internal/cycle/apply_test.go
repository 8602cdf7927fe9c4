package cycle_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// estate is a run in a state folder, a clock, and a world of keys that rotate
// or do not.
type estate struct {
	state   *store.State
	run     *store.Run
	now     time.Time
	alice   ssh.Signer
	key     ledger.Signer
	signers *approve.AllowedSigners
	on      map[string]bool // by key id
	refused map[string]bool // EnableKeyRotation of these is refused
	silent  bool            // no call is answered, and none has an effect to be seen
	blind   bool            // nobody can look again
	calls   int

	signersText []byte // the file, where it shall be held against the plan
}

func newEstate(t testing.TB) *estate {
	t.Helper()
	state, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{state: state, now: noon, on: map[string]bool{}, refused: map[string]bool{}}
	if e.run, err = state.NewRun(noon, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if e.key, _, err = ledger.LoadOrCreateKey(filepath.Join(t.TempDir(), "ledger.key"), "keyrotor-ledger", rand.Reader); err != nil {
		t.Fatal(err)
	}
	seed := sha256.Sum256([]byte("alice"))
	if e.alice, err = ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:])); err != nil {
		t.Fatal(err)
	}
	line := "alice@example.com " + string(ssh.MarshalAuthorizedKey(e.alice.PublicKey()))
	if e.signers, err = approve.ParseAllowedSigners("allowed_signers", []byte(line)); err != nil {
		t.Fatal(err)
	}
	return e
}

// Check and Do make the estate an actor whose only verb is enable-rotation.
func (e *estate) Check(_ context.Context, s keyrotor.Step) (bool, error) {
	return e.on[s.Target.ID], nil
}

func (e *estate) Do(_ context.Context, s keyrotor.Step) (keyrotor.Receipt, error) {
	e.calls++
	if e.silent {
		return keyrotor.Receipt{}, &keyrotor.InDoubt{Err: errors.New("connection reset by peer")}
	}
	if e.refused[s.Target.ID] {
		return keyrotor.Receipt{}, &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "kms:EnableKeyRotation", Code: "DisabledException"}}
	}
	e.on[s.Target.ID] = true
	return keyrotor.Receipt{RequestIDs: []string{"r-" + s.Target.ID}}, nil
}

// materials are those before and after a key was switched on, or rotated.
var materials = map[bool]string{false: "first", true: "second"}

// look is the second look of the canary's check.
func (e *estate) look(_ context.Context, t keyrotor.Target, _ []string) (keyrotor.Asset, error) {
	if e.blind {
		return keyrotor.Asset{}, errors.New("AccessDenied")
	}
	return keyrotor.Asset{ID: t.ID, ARN: t.ARN, KMS: &keyrotor.KMSFacts{
		State: "Enabled", Rotation: &keyrotor.RotationFacts{On: e.on[t.ID], PeriodDays: 365},
		Material: &keyrotor.MaterialFacts{ID: materials[e.on[t.ID]]},
	}}, nil
}

// planFor turns rotation on for the keys: the first is the canary.
func (e *estate) planFor(t *testing.T, needs keyrotor.Needs, keys ...string) keyrotor.Plan {
	t.Helper()
	p := keyrotor.Plan{
		Schema: keyrotor.SchemaPlan, Version: keyrotor.SchemaVersion, Run: e.run.ID(),
		Author: keyrotor.Author{Principal: "carol@example.com"}, Needs: needs,
	}
	for i, id := range keys {
		at := keyrotor.Target{Kind: keyrotor.KindKMSKey, Partition: "aws", Account: "111122223333", Region: "eu-west-1", ID: id}
		p.Changes = append(p.Changes, keyrotor.Change{ID: keyrotor.ChangeID(id), Recipe: "enable-rotation", Target: at, Steps: []keyrotor.Step{
			{Number: 1, Verb: keyrotor.EnableRotation, Target: at, Params: keyrotor.Params{PeriodDays: 365}},
		}})
		p.Waves = append(p.Waves, keyrotor.Wave{Number: i + 1, Canary: i == 0, Changes: []keyrotor.ChangeID{keyrotor.ChangeID(id)}})
	}
	var err error
	if p.Digest, err = plan.Digest(p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (e *estate) approval(t *testing.T, p keyrotor.Plan, valid time.Duration) keyrotor.Approval {
	t.Helper()
	a, err := approve.Sign(keyrotor.Statement{Plan: p.Digest, Changes: len(p.Changes), Expires: e.now.Add(valid), LedgerHead: "0:"}, "alice@example.com", e.alice, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// open takes the run up as its one writer.
func (e *estate) open(t testing.TB) *cycle.Record {
	t.Helper()
	rec, err := cycle.Open(e.run, e.run.Dir(), e.key, filepath.Join(e.state.Dir(), "ledger"), func() time.Time { return e.now })
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// apply is one turn, as the command line makes it.
func (e *estate) apply(t *testing.T, p keyrotor.Plan, approvals ...keyrotor.Approval) (cycle.Applied, error) {
	t.Helper()
	clock := func() time.Time { return e.now }
	rec := e.open(t)
	defer rec.Log.Close()
	done, err := cycle.Apply(t.Context(), rec, cycle.ApplyOptions{
		Plan: p, Approvals: approvals, Signers: e.signers, SignersText: e.signersText, Needs: day,
		Actor:  func(keyrotor.Step) (apply.Actor, bool) { return e, true },
		Verify: e.look, Now: clock, Patience: time.Second, Concurrency: 1,
	})
	return done, errors.Join(err, rec.Seal())
}

func (e *estate) planKept(t *testing.T) keyrotor.Plan {
	t.Helper()
	f, err := e.run.Open(cycle.FilePlan)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Decode(cycle.FilePlan, data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// day is one approval, not the author's, for a day at most.
var day = keyrotor.Needs{Approvals: 1, ValidHours: 24}

func refusedWith(t *testing.T, err error, words string) {
	t.Helper()
	var refusal *keyrotor.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v, want a refusal that says %q", err, words)
	}
}

// An older plan file, applied by mistake, once took the place of the run's plan
// before anybody asked whether it was approved; verify then knew no change of
// the outcomes.
func TestAPlanThatIsNotApprovedDoesNotBecomeTheRunsPlan(t *testing.T) {
	e := newEstate(t)
	good, other := e.planFor(t, day, "k1", "k2"), e.planFor(t, day, "k3")
	rec := e.open(t)
	if err := cycle.SavePlan(rec, good); err != nil {
		t.Fatal(err)
	}
	rec.Log.Close()
	_, err := e.apply(t, other)
	refusedWith(t, err, "is not approved")
	if got := e.planKept(t).Digest; got != good.Digest {
		t.Errorf("the run's plan is %s, want %s", got.Short(), good.Digest.Short())
	}
}

// The outcomes of a second plan took the place of the first one's, so that
// verify and undo knew nothing of what the first had done.
func TestARunCarriesOutOnePlan(t *testing.T) {
	e := newEstate(t)
	first, second := e.planFor(t, day, "k1"), e.planFor(t, day, "k2")
	if _, err := e.apply(t, first, e.approval(t, first, time.Hour)); err != nil {
		t.Fatal(err)
	}
	// Before anybody is asked to approve of it: that would not help.
	_, err := e.apply(t, second)
	refusedWith(t, err, "takes no other")
	_, err = e.apply(t, second, e.approval(t, second, time.Hour))
	refusedWith(t, err, "takes no other")
	if e.on["k2"] {
		t.Error("the second plan's key was changed")
	}
	outcomes, err := cycle.Outcomes(e.run)
	if err != nil || len(outcomes) != 1 || outcomes[0].Change != "k1" {
		t.Errorf("outcomes %v, %v, want those of the first plan", outcomes, err)
	}
}

func TestAPlanThatNobodyBeganMakesRoomForAnother(t *testing.T) {
	e := newEstate(t)
	first, second := e.planFor(t, day, "k1"), e.planFor(t, day, "k2")
	_, err := e.apply(t, first)
	refusedWith(t, err, "is not approved")
	if _, err := e.apply(t, second, e.approval(t, second, time.Hour)); err != nil || !e.on["k2"] {
		t.Errorf("second plan: %v", err)
	}
}

// Approvals of a run under way were checked as of its first intent only: seen
// from there a renewal claimed too long a validity, and the rest was never done.
func TestARenewedApprovalLetsTheRestBegin(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	old := e.approval(t, p, time.Hour)
	e.refused["k2"] = true
	if _, err := e.apply(t, p, old); err != nil {
		t.Fatal(err)
	}
	e.refused, e.now = map[string]bool{}, noon.Add(30*time.Hour)
	done, err := e.apply(t, p, old)
	if err != nil || done.Counts()[keyrotor.NotStarted] != 1 {
		t.Fatalf("after the approval's end: %v, %v, want one change not started", done.Counts(), err)
	}
	done, err = e.apply(t, p, old, e.approval(t, p, 24*time.Hour))
	if err != nil || done.Counts()[keyrotor.Succeeded] != 2 {
		t.Errorf("with a renewed approval: %v, %v, want both succeeded", done.Counts(), err)
	}
}

func TestACanaryOfWhichNothingCameThroughStopsTheRun(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	e.refused["k1"] = true
	done, err := e.apply(t, p, e.approval(t, p, time.Hour))
	if !errors.Is(err, apply.ErrStopped) || e.on["k2"] {
		t.Errorf("error %v, changed %v; want to stop before the second wave", err, e.on)
	}
	if got := done.Counts(); got[keyrotor.Failed] != 1 || got[keyrotor.NotStarted] != 1 {
		t.Errorf("outcomes %v, want one failed and one not started", got)
	}
}

// Whoever makes a plan writes into it how many have to agree to it.
func TestAPlanCannotAskForLessThanTheConfiguration(t *testing.T) {
	for sentence, weak := range map[string]keyrotor.Needs{
		"the author may approve":        {Approvals: 1, AuthorMayApprove: true, ValidHours: 24},
		"approvals hold longer":         {Approvals: 1, ValidHours: 25},
		"approvals hold for ever":       {Approvals: 1},
		"the same, and nobody to agree": {ValidHours: 24 * 365},
	} {
		t.Run(sentence, func(t *testing.T) {
			e := newEstate(t)
			p := e.planFor(t, weak, "k1")
			_, err := e.apply(t, p, e.approval(t, p, time.Hour))
			refusedWith(t, err, "asks for less than the configuration does")
			if len(e.on) > 0 {
				t.Errorf("changed %v", e.on)
			}
		})
	}
}

// A turn that is killed leaves the outcomes of the turn before it, or none; the
// undo planned from them left out everything that the killed turn had done.
func TestTheLogKnowsWhatAKilledTurnDid(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2", "k3", "k4")
	e.refused["k2"], e.refused["k3"] = true, true
	if _, err := e.apply(t, p, e.approval(t, p, time.Hour)); err != nil {
		t.Fatal(err)
	}
	rec := e.open(t)
	defer rec.Log.Close()
	for _, entry := range []ledger.Entry{
		{Type: ledger.TypeIntent, Change: "k2", Step: 1, Verb: keyrotor.EnableRotation},
		{Type: ledger.TypeIntent, Change: "k3", Step: 1, Verb: keyrotor.EnableRotation},
		{Type: ledger.TypeReceipt, Change: "k2", Step: 1, Receipt: &keyrotor.Receipt{Change: "k2", Step: 1, Verb: keyrotor.EnableRotation}},
	} { // and there the power failed
		if err := rec.Log.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	_, err := cycle.Verify(t.Context(), rec, cycle.VerifyOptions{Plan: p, Look: e.look, Now: func() time.Time { return e.now }, Concurrency: 1})
	refusedWith(t, err, "ended before it wrote its outcomes")
	outcomes, err := cycle.Recorded(rec.Log, p)
	if err != nil {
		t.Fatal(err)
	}
	got := map[keyrotor.ChangeID]string{}
	for _, o := range outcomes {
		got[o.Change] = fmt.Sprintf("%s, %d receipts", o.State, len(o.Receipts))
	}
	want := map[keyrotor.ChangeID]string{"k1": "succeeded, 1 receipts", "k2": "failed, 1 receipts", "k3": "unproven, 0 receipts", "k4": "succeeded, 1 receipts"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// One key that could not be read once stood in the way of undoing all others.
func TestAKeyThatCannotBeReadDoesNotStopTheUndoOfOthers(t *testing.T) {
	e := newEstate(t)
	p := e.planFor(t, day, "k1", "k2")
	done, err := e.apply(t, p, e.approval(t, p, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	look := func(ctx context.Context, at keyrotor.Target) (keyrotor.Asset, error) {
		if at.ID == "k1" {
			return keyrotor.Asset{}, &keyrotor.CallFailed{CallError: keyrotor.CallError{Call: "kms:DescribeKey", Code: "AccessDeniedException"}}
		}
		return e.look(ctx, at, nil)
	}
	rec := e.open(t)
	defer rec.Log.Close()
	fresh, pop, err := cycle.Relook(t.Context(), rec, cycle.RelookOptions{
		Plan: p, Outcomes: done.Outcomes, Look: look, Now: func() time.Time { return e.now }, Version: "v1.2.3",
	})
	if err != nil || len(fresh) != 1 || pop.Gaps != 1 || pop.Undoes != p.Run || pop.Version != "v1.2.3" {
		t.Errorf("%d keys, %+v, %v; want one key, one gap, the run that is undone and who looked", len(fresh), pop, err)
	}
}
