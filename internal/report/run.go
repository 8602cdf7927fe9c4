package report

import (
	"time"

	"github.com/keyrotor/keyrotor"
)

// Stream hands out assessments one by one until yield returns an error, which
// it passes on. It may be called more than once; each call starts anew.
type Stream func(yield func(keyrotor.Assessment) error) error

// Run is everything that is known of one trip round the loop. Stages that have
// not run leave their part empty.
type Run struct {
	Summary       keyrotor.Summary
	Population    keyrotor.Population
	Places        []keyrotor.Place
	Gaps          []keyrotor.Gap
	Assessments   Stream // customer and AWS managed keys; nil before the first scan
	Plan          *keyrotor.Plan
	Approvals     []keyrotor.Approval
	Outcomes      []keyrotor.Outcome
	Verifications []keyrotor.Verification
	Rules         []keyrotor.RuleInfo
	ExpectedGaps  []keyrotor.ExpectedGap
	Waivers       []keyrotor.Exemption
	// Assessed is when the verdicts were reached, zero for Now; From by what, nil
	// where it was not recorded. ChangedSince names what of it is not so any more.
	Assessed     time.Time
	From         *keyrotor.AssessedFrom
	ChangedSince []string
	// LedgerHead is the estate log's head, "size:root hash"; CheckpointKey the
	// verifier key that signs its checkpoints.
	LedgerHead    string
	CheckpointKey string
	// Digests are those of the run's files as they were recorded, by path.
	Digests map[string]keyrotor.Digest
	// Where is the folder of the run within what is handed over, for the command
	// that checks it: "STATE/runs/RUN". A path of the machine that wrote the
	// report helps no reader.
	Where string
	// EnvTag is the tag that names a key's environment, "" for "env".
	EnvTag string
	Now    time.Time
	// TakenBack are the changes of this run that later runs undid.
	TakenBack map[keyrotor.ChangeID]TakenBack
	// Undone is the run that this one takes back, nil for a run that surveyed
	// the estate, and when the undone run is not at hand.
	Undone *Undone
}

// Undone is what an undone run did, and what of it this run takes up.
type Undone struct {
	Plan     keyrotor.Plan
	Outcomes []keyrotor.Outcome
	// Reverted are the changes of Plan that this run's plan takes back, each with
	// the change that does.
	Reverted map[keyrotor.ChangeID]keyrotor.ChangeID
	// ByUs says which other run of ours left a key as it is now, "" for none.
	ByUs func(keyrotor.Asset) string
	// Accounts are those of the undone run, for their names.
	Accounts []keyrotor.Account
}

// undoes is the run that this one takes back, "" for a survey.
func (r Run) undoes() keyrotor.RunID {
	if r.Plan != nil && r.Plan.Undoes != "" {
		return r.Plan.Undoes
	}
	return r.Population.Undoes
}

// assessed is the clock of the verdicts: how old a key was is judged by it.
func (r Run) assessed() time.Time {
	if r.Assessed.IsZero() {
		return r.Now
	}
	return r.Assessed
}

// ChangedWords say what is not as it was when the run was assessed, "" for nothing.
func ChangedWords(r Run) string {
	if len(r.ChangedSince) == 0 {
		return ""
	}
	return "Since run " + Clean(string(r.Population.Run)) + " was assessed, at " + stamp(r.assessed()) + ", the " + sentence(r.ChangedSince) + " changed"
}

// each walks the assessments of a run, if it has any.
func (r Run) each(yield func(keyrotor.Assessment) error) error {
	if r.Assessments == nil {
		return nil
	}
	return r.Assessments(yield)
}
