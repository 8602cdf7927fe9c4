package keyrotor

import "time"

// Ability is what rotation AWS allows for an asset.
type Ability string

// What rotation AWS allows.
const (
	Automatic      Ability = "automatic"       // EnableKeyRotation
	OnDemand       Ability = "on-demand"       // RotateKeyOnDemand only
	Manual         Ability = "manual"          // a new key, and moving whoever uses it
	ServiceManaged Ability = "service-managed" // AWS rotates it, nobody can configure it
	NoRotation     Ability = "none"            // nothing in its present state
)

// Eligibility says what rotation AWS allows for an asset as it stands, why,
// and what to do instead.
type Eligibility struct {
	Ability Ability `json:"ability"`
	Class   string  `json:"class"`  // a short group name for tables: "asymmetric signing key"
	Reason  string  `json:"reason"` // one sentence
	Instead string  `json:"instead,omitempty"`
}

// ClassUnknown is the class of keys that AWS describes in words which this
// version does not know. They are left alone; what they could is not known.
const ClassUnknown = "unknown to this version"

// Undecided reports that the words of AWS are not known here, so that "cannot
// rotate" would be a guess.
func (e Eligibility) Undecided() bool { return e.Class == ClassUnknown }

// View is the one of three lists that a customer managed key appears in.
type View string

// The three views; AWS managed keys are in none and shown apart, and so are
// keys of which nobody knows who manages them.
const (
	ViewTarget      View = "eligible-not-rotating"
	ViewRotating    View = "eligible-rotating"
	ViewNotEligible View = "not-eligible"
	ViewAWSManaged  View = "aws-managed"
	// ViewUnknown holds eligible keys whose rotation status could not be read.
	// They are listed with the target list's caveats, never counted as off.
	ViewUnknown View = "eligible-unknown"
	// ViewUnreadable holds keys that were listed and refused to be described:
	// whether they are customer managed is not known, so no total of customer
	// managed keys contains them.
	ViewUnreadable View = "unreadable"
)

// Severity of a rule.
type Severity string

// Severities, from worst.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// Rank orders severities: 5 for critical down to 1 for info, 0 for unknown.
func (s Severity) Rank() int {
	switch s {
	case Critical:
		return 5
	case High:
		return 4
	case Medium:
		return 3
	case Low:
		return 2
	case Info:
		return 1
	}
	return 0
}

// Verdict of one rule on one asset.
type Verdict string

// Verdicts. Unknown means that a fact the rule needs was not read: it is
// neither a pass nor a failure.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Waived        Verdict = "waived"
	NotApplicable Verdict = "not-applicable"
	Unknown       Verdict = "unknown"
)

// Finding is one rule held against one asset.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Verdict  Verdict  `json:"verdict"`
	Message  string   `json:"message,omitempty"`
	// Needs names the facts whose absence made the verdict unknown.
	Needs  []string       `json:"needs,omitempty"`
	Waiver *AppliedWaiver `json:"waiver,omitempty"`
}

// AppliedWaiver is the exemption that turned a failure into Waived.
type AppliedWaiver struct {
	// Match is the expression that held of the asset.
	Match  string    `json:"match,omitempty"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
	// Approver is who answers for the exemption, as its file says.
	Approver string `json:"approver,omitempty"`
	Signer   string `json:"signer,omitempty"`
}

// Assessment is everything that assess says of one asset.
type Assessment struct {
	Asset       Asset       `json:"asset"`
	Eligibility Eligibility `json:"eligibility"`
	View        View        `json:"view"`
	Findings    []Finding   `json:"findings"`
}

// Failed returns the ids of the rules that failed.
func (a Assessment) Failed() []string {
	var ids []string
	for _, f := range a.Findings {
		if f.Verdict == Fail {
			ids = append(ids, f.Rule)
		}
	}
	return ids
}

// Reference ties a rule to a control of a framework. Several frameworks name
// no interval: the relation is "mapped by" Source, not "required by".
type Reference struct {
	Framework string `json:"framework" yaml:"framework"`
	Version   string `json:"version" yaml:"version"`
	Control   string `json:"control" yaml:"control"`
	Source    string `json:"source" yaml:"source"`
	Date      string `json:"date" yaml:"date"` // when the source was read, YYYY-MM-DD
	Note      string `json:"note,omitempty" yaml:"note"`
}

// RuleInfo is what reports need to know of a rule.
type RuleInfo struct {
	ID         string      `json:"id"`
	Pack       string      `json:"pack"`
	Title      string      `json:"title"`
	Severity   Severity    `json:"severity"`
	References []Reference `json:"references,omitempty"`
	// PeriodDays is the rotation period that a plan sets where the rule fails;
	// 0: the rule asks for none.
	PeriodDays int `json:"period_days,omitempty"`
}

// EligibilityLine is one line of eligibility.jsonl.
type EligibilityLine struct {
	Schema      string      `json:"schema"` // SchemaEligibility
	Version     int         `json:"version"`
	Target      Target      `json:"target"`
	Eligibility Eligibility `json:"eligibility"`
	View        View        `json:"view"`
}

// FindingLine is one line of findings.jsonl; verdict not-applicable is left out.
type FindingLine struct {
	Schema  string  `json:"schema"` // SchemaFinding
	Version int     `json:"version"`
	Target  Target  `json:"target"`
	Owner   string  `json:"owner,omitempty"`
	Finding Finding `json:"finding"`
}

// SeenOnLine is one line of seen-on.jsonl: the last run up to this one that saw
// the automatic rotation of a key on.
type SeenOnLine struct {
	Schema  string `json:"schema"` // SchemaSeenOn
	Version int    `json:"version"`
	ARN     string `json:"arn"`
	Run     RunID  `json:"run"`
}
