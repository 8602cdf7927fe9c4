package keyrotor

import "time"

// Receipt is what a step did.
type Receipt struct {
	Change ChangeID  `json:"change"`
	Step   int       `json:"step"`
	Verb   Verb      `json:"verb"`
	At     time.Time `json:"at"`
	// RequestIDs are the service's (AWS), in order of the calls: the reads and the
	// tries that failed of the turn that took the step included.
	RequestIDs []string `json:"request_ids,omitempty"`
	// Recovered: the effect was found in the world after a crash or a lost
	// answer; the request id of the call that made it may not be among them.
	Recovered bool `json:"recovered,omitempty"`
	// Found: the world was so already and we had no open intent; we did nothing.
	Found bool `json:"found,omitempty"`
	// Result names what came into being (key id, version id); never a value.
	Result map[string]string `json:"result,omitempty"`
}

// OutcomeState is what became of a change.
type OutcomeState string

// What became of a change.
const (
	Succeeded  OutcomeState = "succeeded"
	Unchanged  OutcomeState = "unchanged"   // the world was already so, not by us
	Skipped    OutcomeState = "skipped"     // no longer suitable: nothing was done, or it was superseded (Reason)
	Waiting    OutcomeState = "waiting"     // goes on without us; a later run takes it up
	Failed     OutcomeState = "failed"      // an error; Reason says what holds now
	RolledBack OutcomeState = "rolled-back" // undone after a failure
	Unproven   OutcomeState = "unproven"    // done perhaps; it cannot be told
	NotStarted OutcomeState = "not-started" // a breaker, a freeze or Ctrl-C came first
)

// Final reports whether a later run has nothing left to do for the change.
func (s OutcomeState) Final() bool {
	switch s {
	case Succeeded, Unchanged, Skipped, RolledBack, Unproven:
		return true
	case Waiting, Failed, NotStarted:
		return false
	}
	return false // a state of a later version: look again
}

// Outcome is what became of one change.
type Outcome struct {
	Schema  string       `json:"schema"` // SchemaOutcome
	Version int          `json:"version"`
	Run     RunID        `json:"run"`
	Plan    Digest       `json:"plan"`
	Change  ChangeID     `json:"change"`
	Recipe  string       `json:"recipe"`
	Target  Target       `json:"target"`
	Wave    int          `json:"wave"`
	State   OutcomeState `json:"state"`
	Reason  string       `json:"reason,omitempty"`
	Error   *CallError   `json:"error,omitempty"`
	// InDoubt: a call of ours has no answer, and its effect was not seen either;
	// it may be there all the same, whatever State says of the change.
	InDoubt bool `json:"in_doubt,omitempty"`
	// Until is when a waiting change is worth another look.
	Until    *time.Time `json:"until,omitempty"`
	Receipts []Receipt  `json:"receipts,omitempty"`
	Started  time.Time  `json:"started"`
	Ended    time.Time  `json:"ended"`
}

// CallError is a service's refusal, in its own words.
type CallError struct {
	Call      string `json:"call"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	RequestID string `json:"request_id,omitempty"`
}

// VerificationVerdict is what a fresh look says of an outcome.
type VerificationVerdict string

// What a fresh look says.
const (
	Confirmed  VerificationVerdict = "confirmed"
	Discrepant VerificationVerdict = "discrepant"
	Unreadable VerificationVerdict = "unreadable"
)

// Verification joins an outcome to a second, independent look.
type Verification struct {
	Schema  string              `json:"schema"` // SchemaVerification
	Version int                 `json:"version"`
	Run     RunID               `json:"run"`
	Change  ChangeID            `json:"change"`
	Target  Target              `json:"target"`
	Verdict VerificationVerdict `json:"verdict"`
	// Promised and Found are short descriptions: "on, every 365 d".
	Promised string `json:"promised"`
	Found    string `json:"found"`
	// Key is what the look saw of a KMS key, nil when it could not look.
	Key     *FoundKey  `json:"key,omitempty"`
	Details []string   `json:"details,omitempty"`
	Next    *time.Time `json:"next,omitempty"`
	At      time.Time  `json:"at"`
	Looks   int        `json:"looks"` // how many reads it took
}

// FoundKey is what a second look saw of a KMS key, for programs: whether a key
// rotates is not the same question as whether it does as was promised.
type FoundKey struct {
	State string `json:"state"`
	// Rotation is nil when it was not read.
	Rotation *RotationFacts `json:"rotation,omitempty"`
	// MaterialSince is zero when it is not known.
	MaterialSince time.Time `json:"material_since,omitzero"`
}
