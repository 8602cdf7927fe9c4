package cycle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// FileSigners keeps the allowed signers under which a run was begun, so that the
// file of the configuration may be edited while the run goes on.
const FileSigners = "signers"

// TextDigest is the digest of texts one after the other, each with its length.
func TextDigest(texts ...[]byte) keyrotor.Digest {
	h := sha256.New()
	for _, t := range texts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(t)))
		h.Write(size[:])
		h.Write(t)
	}
	return keyrotor.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// approved says who approves of the plan. An approval bounds the start of
// changes: a run that was begun under valid approvals is finished after they
// expired. So they are checked as of now, and where nobody has renewed them as
// of the run's beginning.
func approved(a *Record, o ApplyOptions, log apply.Past) (approve.Result, error) {
	then, err := signersThen(a, o)
	if err != nil {
		return approve.Result{}, err
	}
	now := o.Now()
	r, err := then(now, o.Approvals)
	if err == nil || !intended(log) {
		return r, err
	}
	begun, ok, berr := beginning(a.Log, o.Plan.Digest)
	if berr != nil {
		return r, berr
	}
	if !ok || !begun.Before(now) {
		return r, err
	}
	before, berr := agreed(a.Log)
	if berr != nil {
		return r, berr
	}
	return then(begun, joined(o.Approvals, before))
}

// signersThen is the check of the approvals by the signers of the plan: by those
// of the configuration where they are the same, else, where our own seal shows
// that the run was begun, by those kept with it, less what the configuration has
// taken away since.
func signersThen(a *Record, o ApplyOptions) (func(at time.Time, approvals []keyrotor.Approval) (approve.Result, error), error) {
	if len(o.SignersText) == 0 || TextDigest(o.SignersText) == o.Plan.Inputs.Signers {
		return func(at time.Time, approvals []keyrotor.Approval) (approve.Result, error) {
			return approve.Verify(o.Plan, plan.Digest, approvals, o.Signers, at)
		}, nil
	}
	_, begun, err := beginning(a.Log, o.Plan.Digest)
	if err != nil {
		return nil, err
	}
	if !begun {
		return nil, otherSigners(o, whoChanged)
	}
	then, err := keptSigners(a, o)
	if err != nil {
		return nil, err
	}
	return func(at time.Time, approvals []keyrotor.Approval) (approve.Result, error) {
		return approve.VerifyBegun(o.Plan, plan.Digest, approvals, then, o.Signers, at, o.Now())
	}, nil
}

// whoChanged is the way on for a plan whose signers changed before it was begun.
// Whoever can write that file decides who may approve: the change comes first.
const whoChanged = "see in the history of the allowed signers who was added or taken out since the plan was made, and by whom; then\nkeyrotor plan"

// SignersFor are the allowed signers by whom apply would judge an approval that is
// given now: those of today, where the plan was made with them, else those that its
// run was begun under. Where neither are the plan's, somebody may have written
// herself into the file to approve it, and nobody's approval would count: that is
// a *keyrotor.Refusal.
func SignersFor(a Artifacts, log Log, p keyrotor.Plan, today *approve.AllowedSigners, text []byte) (*approve.AllowedSigners, error) {
	if TextDigest(text) == p.Inputs.Signers {
		return today, nil
	}
	_, begun, err := beginning(log, p.Digest)
	if err != nil {
		return nil, err
	}
	o := ApplyOptions{Plan: p, SignersText: text}
	if !begun {
		return nil, otherSigners(o, whoChanged)
	}
	return keptSigners(a, o)
}

// joined are the approvals of both lists, each once.
func joined(given, logged []keyrotor.Approval) []keyrotor.Approval {
	all := slices.Clone(given)
	for _, l := range logged {
		if !slices.ContainsFunc(all, func(a keyrotor.Approval) bool { return a.Signature == l.Signature }) {
			all = append(all, l)
		}
	}
	return all
}

// keptSigners are those that the run was begun under. They are the plan's by its
// digest, whatever stands in the file.
func keptSigners(a Artifacts, o ApplyOptions) (*approve.AllowedSigners, error) {
	next := "put back the allowed signers of the plan, then\nkeyrotor apply PLAN.json\nor make a plan for what is left:\nkeyrotor scan\nkeyrotor plan   after that"
	r, err := a.Open(FileSigners)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, otherSigners(o, next, "the run keeps no copy of the signers that it was begun under")
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("run %s: %s: %w", a.ID(), FileSigners, err)
	}
	if TextDigest(text) != o.Plan.Inputs.Signers {
		return nil, otherSigners(o, next, "the run's copy of the signers that it was begun under is not what the plan was made with either")
	}
	return approve.ParseAllowedSigners("the signers kept with run "+string(a.ID()), text)
}

// keepSigners keeps the signers of a run that is about to begin.
func keepSigners(a *Record, o ApplyOptions) error {
	if TextDigest(o.SignersText) != o.Plan.Inputs.Signers {
		return nil // edited since the run began: the kept ones stay
	}
	return a.Write(FileSigners, func(w io.Writer) error { _, err := w.Write(o.SignersText); return err })
}

func otherSigners(o ApplyOptions, next string, why ...string) error {
	return &keyrotor.Refusal{
		What: "the allowed signers are not those of the plan",
		Why:  append([]string{"planned with " + o.Plan.Inputs.Signers.Short() + ", now " + TextDigest(o.SignersText).Short()}, why...),
		Now:  "nothing was changed by this command",
		Next: next,
	}
}
