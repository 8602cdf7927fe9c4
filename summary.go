package keyrotor

import "time"

// Summary is summary.json: the counts of a run so far, and the digests of its
// files. Stages that have not run yet leave their part nil.
type Summary struct {
	Schema     string                      `json:"schema"` // SchemaSummary
	Version    int                         `json:"version"`
	Run        RunID                       `json:"run"`
	Updated    time.Time                   `json:"updated"`
	Population *Population                 `json:"population,omitempty"`
	Assessed   *AssessedCounts             `json:"assessed,omitempty"`
	Planned    *PlannedCounts              `json:"planned,omitempty"`
	Applied    map[OutcomeState]int        `json:"applied,omitempty"`
	Verified   map[VerificationVerdict]int `json:"verified,omitempty"`
}

// AssessedCounts are the totals of an assessment.
type AssessedCounts struct {
	At    time.Time    `json:"at"`
	Views map[View]int `json:"views"`
	Rules []RuleCounts `json:"rules"`
	// Classes counts not eligible keys by Eligibility.Class.
	Classes map[string]int `json:"classes"`
	// Instead is what to do for each class.
	Instead map[string]string `json:"instead"`
	// Overdue counts keys whose material is older than its cryptoperiod, whether
	// they rotate, could, or can be rotated on demand alone.
	Overdue int `json:"overdue"`
	Waived  int `json:"waived"`
	// From is what the verdicts were reached by; nil in runs of versions that did
	// not record it.
	From *AssessedFrom `json:"from,omitempty"`
}

// AssessedFrom is what an inventory was held against: whoever reads the verdicts
// later must not take the rules of that day for those of hers.
type AssessedFrom struct {
	Config  Digest `json:"config"`
	Rules   Digest `json:"rules"`
	Waivers Digest `json:"waivers"`
	// Exemptions are the waivers that were in force or had ended, whether or not
	// they covered anything.
	Exemptions []Exemption `json:"exemptions,omitempty"`
}

// Exemption is a waiver as its reviewed file stated it.
type Exemption struct {
	Rule     string    `json:"rule"`
	Match    string    `json:"match"`
	Reason   string    `json:"reason"`
	Until    time.Time `json:"until"`
	Approver string    `json:"approver,omitempty"`
	Signer   string    `json:"signer,omitempty"`
}

// RuleCounts are the verdicts of one rule over all assets.
type RuleCounts struct {
	RuleInfo
	Verdicts map[Verdict]int `json:"verdicts"`
}

// PlannedCounts are the totals of a plan.
type PlannedCounts struct {
	Digest  Digest `json:"digest"`
	Changes int    `json:"changes"`
	Waves   int    `json:"waves"`
	Calls   int    `json:"calls"`
}
