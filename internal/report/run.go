package report

import (
	"time"

	"github.com/keyrotor/keyrotor"
)

// Stream hands out assessments one by one until yield returns an error, which
// it passes on. It may be called more than once; each call starts anew.
type Stream func(yield func(keyrotor.Assessment) error) error

// Assessments makes a Stream of what is in memory already.
func Assessments(all []keyrotor.Assessment) Stream {
	return func(yield func(keyrotor.Assessment) error) error {
		for _, a := range all {
			if err := yield(a); err != nil {
				return err
			}
		}
		return nil
	}
}

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
	Waivers       []Waiver
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
	Now   time.Time
	// Undone is the run that this one takes back, nil for a run that surveyed
	// the estate, and when the undone run is not at hand.
	Undone *Undone
}

// Undone is what an undone run did, and what of it this run takes up.
type Undone struct {
	Plan     keyrotor.Plan
	Outcomes []keyrotor.Outcome
	// Reverted holds the changes of Plan that this run's plan takes back.
	Reverted map[keyrotor.ChangeID]bool
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

// Waiver is an exemption as its reviewed file states it.
type Waiver struct {
	Match  string    `json:"match"`
	Rule   string    `json:"rule"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
	Signer string    `json:"signer,omitempty"`
	Used   int       `json:"used"` // findings that it turned into waived
}

// each walks the assessments of a run, if it has any.
func (r Run) each(yield func(keyrotor.Assessment) error) error {
	if r.Assessments == nil {
		return nil
	}
	return r.Assessments(yield)
}
