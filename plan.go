package keyrotor

import "time"

// Digest is "sha256:" and 64 hex digits.
type Digest string

// Short is the first twelve hex digits, for file names and people.
func (d Digest) Short() string {
	const prefix = "sha256:"
	if len(d) < len(prefix)+12 {
		return string(d)
	}
	return string(d[len(prefix) : len(prefix)+12])
}

// ChangeID names a change within its plan; it is derived from what the change
// does, so that the same change has the same id in a narrower plan.
type ChangeID string

// Verb is what a step does. An actor that does not know a verb refuses it.
type Verb string

// Verbs on KMS keys.
const (
	EnableRotation  Verb = "enable-rotation"  // EnableKeyRotation with a period
	SetPeriod       Verb = "set-period"       // EnableKeyRotation on a key already on
	DisableRotation Verb = "disable-rotation" // only to undo what a run did
	RotateNow       Verb = "rotate-now"       // RotateKeyOnDemand
	CreateKey       Verb = "create-key"
	CreateAlias     Verb = "create-alias"
	TagKey          Verb = "tag-key"
	UntagKey        Verb = "untag-key" // only to undo what a run did
)

// Verbs of a credential change; Secrets Manager calls the first four
// createSecret, setSecret, testSecret and finishSecret.
const (
	CreatePending Verb = "create-pending"
	Install       Verb = "install"
	Try           Verb = "try"
	Promote       Verb = "promote"
	Retire        Verb = "retire"
)

// Verbs of the way back out of a credential change that cannot be ended.
const (
	PutBack     Verb = "put-back"     // the old credential into the target, seen to log in
	DropPending Verb = "drop-pending" // the new one out of the store
)

// Step is one act: a verb on a target. Doing a step twice with one token is
// doing it once.
type Step struct {
	// Number counts from 1 within the change.
	Number int    `json:"number"`
	Verb   Verb   `json:"verb"`
	Target Target `json:"target"`
	Params Params `json:"params,omitzero"`
	// Before holds what the plan saw: ids against which a resumed step tells
	// whether its effect already happened.
	Before Before `json:"before,omitzero"`
	// Stretch is the same non-zero number on consecutive steps between which
	// nobody may stop, because a consumer is locked out in between.
	Stretch int `json:"stretch,omitempty"`
	// Calls are the service calls that apply is expected to make for the step,
	// "kms:EnableKeyRotation", its fresh look included.
	Calls []string `json:"calls,omitempty"`

	// Token is the same for every try of the step's change: derived by apply
	// from the plan's digest and the change's id, hence not part of the plan.
	Token string `json:"-"`
	// After is when the previous step was first seen done, by our own record;
	// zero when nobody saw it. Apply fills it in; a grace period counts from it.
	After time.Time `json:"-"`
	// Since is when the intent was written under which a call may have been
	// made that nobody saw answered; zero when there was none. Apply fills it in.
	Since time.Time `json:"-"`
}

// OnceOnly reports that the service's call carries no token: doubt about its
// effect is never answered by a second call.
func (v Verb) OnceOnly() bool { return v == RotateNow || v == CreateKey }

// Async reports that the service accepts the call first and does it later, so
// that only another look can say that it is done.
func (v Verb) Async() bool { return v == RotateNow }

// Params are the parameters of a step; which ones count depends on the verb.
type Params struct {
	PeriodDays  int               `json:"period_days,omitempty"`
	Alias       string            `json:"alias,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	TagKeys     []string          `json:"tag_keys,omitempty"`
	Description string            `json:"description,omitempty"`
	Policy      string            `json:"policy,omitempty"` // key policy document
	Spec        string            `json:"spec,omitempty"`
	Usage       string            `json:"usage,omitempty"`
	MultiRegion bool              `json:"multi_region,omitempty"`
	// GraceHours is how long after promotion the old credential stays alive.
	GraceHours int    `json:"grace_hours,omitempty"`
	Strategy   string `json:"strategy,omitempty"` // of a credential change
	User       string `json:"user,omitempty"`     // account at the target, never its password
}

// Before is what the plan saw of a target. It is under the digest.
type Before struct {
	State      string `json:"state,omitempty"`
	RotationOn *bool  `json:"rotation_on,omitempty"`
	PeriodDays int    `json:"period_days,omitempty"`
	MaterialID string `json:"material_id,omitempty"`
	OnDemand   *int   `json:"on_demand,omitempty"`
	// Next is when the key was to rotate next. A later date than this is of a clock
	// that somebody started anew.
	Next        *time.Time `json:"next,omitempty"`
	VersionID   string     `json:"version_id,omitempty"`
	AbsentAlias bool       `json:"absent_alias,omitempty"`
	// KeysThere is how many keys the place of a new key held: each is asked for
	// its tags, in case the new one is there already.
	KeysThere int `json:"keys_there,omitempty"`
	// KeyIDs are the provider's credential ids that existed.
	KeyIDs []string          `json:"key_ids,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"` // earlier values of the tags that change
}

// Seen is the part of an asset that a reviewer of a plan wants to see, kept
// with the change that was made from it.
type Seen struct {
	Aliases     []string   `json:"aliases,omitempty"`
	Description string     `json:"description,omitempty"`
	Spec        string     `json:"spec,omitempty"`
	Usage       string     `json:"usage,omitempty"`
	Origin      string     `json:"origin,omitempty"`
	State       string     `json:"state,omitempty"`
	MultiRegion string     `json:"multi_region,omitempty"`
	Replicas    int        `json:"replicas,omitempty"`
	Created     time.Time  `json:"created,omitzero"`
	Owner       string     `json:"owner,omitempty"`
	Env         string     `json:"env,omitempty"`
	Rotation    string     `json:"rotation,omitempty"` // "off", "on, 365 d"
	Next        *time.Time `json:"next,omitempty"`
	// Rotations done so far, nil when the history was not read.
	Rotations *int     `json:"rotations,omitempty"`
	ManagedBy *Manager `json:"managed_by,omitempty"`
	// ARN stands here for keys that are shown without a change.
	ARN string `json:"arn,omitempty"`
}

// Change is one thing to do to one asset.
type Change struct {
	ID     ChangeID `json:"id"`
	Recipe string   `json:"recipe"` // "enable-rotation", "rotate-overdue", "undo", …
	Target Target   `json:"target"`
	Why    []string `json:"why,omitempty"` // ids of failing rules, or the command
	Seen   Seen     `json:"seen,omitzero"`
	// Preconditions are what the fresh look must still find, in words.
	Preconditions []string `json:"preconditions,omitempty"`
	Steps         []Step   `json:"steps"`
	// Undo restores what was, in order; empty with CannotUndo saying why.
	Undo       []Step `json:"undo,omitempty"`
	CannotUndo string `json:"cannot_undo,omitempty"`
	// BackOut leads out of a stretch that cannot be ended, back to what was:
	// its first steps bear the stretch's number, and all are numbered on from
	// Steps. The same apply takes them, and the change ends as rolled back.
	BackOut []Step `json:"back_out,omitempty"`
	// Template is what to change in the owner's template, else the change will
	// be reverted by the next deployment.
	Template string `json:"template,omitempty"`
	Warning  string `json:"warning,omitempty"`
}

// Wave is a group of changes after which apply looks before going on.
type Wave struct {
	Number  int        `json:"number"`
	Canary  bool       `json:"canary,omitempty"`
	About   string     `json:"about,omitempty"`
	Changes []ChangeID `json:"changes"`
}

// Plan is changes in waves. Its digest is taken over the canonical form of
// everything but Digest itself.
type Plan struct {
	Schema  string `json:"schema"` // SchemaPlan
	Version int    `json:"version"`
	Run     RunID  `json:"run"`
	Author  Author `json:"author"`
	Ticket  string `json:"ticket,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Inputs  Inputs `json:"inputs"`
	// From is the digest of the wider plan that this one was chosen from.
	From      Digest       `json:"from,omitempty"`
	Selection string       `json:"selection,omitempty"`
	Undoes    RunID        `json:"undoes,omitempty"`
	Changes   []Change     `json:"changes"`
	Waves     []Wave       `json:"waves"`
	Budget    []CallBudget `json:"budget"`
	Cost      Cost         `json:"cost"`
	Needs     Needs        `json:"needs"`
	// Rollout is what the waves were made by, so that a narrower plan can make
	// its own.
	Rollout Rollout `json:"rollout,omitzero"`
	// Rotating lists keys that are already rotating, for sight only: they
	// cannot be chosen. Left out of large plans beyond the first hundred.
	Rotating      []Seen   `json:"rotating,omitempty"`
	RotatingTotal int      `json:"rotating_total,omitempty"`
	Warnings      []string `json:"warnings,omitempty"`
	Digest        Digest   `json:"digest"`
}

// Rollout is how changes are put into waves.
type Rollout struct {
	Canary     int      `json:"canary,omitempty"`     // changes in the first wave, at most
	EnvTag     string   `json:"env_tag,omitempty"`    // the tag that tells production
	Production []string `json:"production,omitempty"` // its values that mean production
	// ProductionAccounts hold at least one asset of production; they come last.
	ProductionAccounts []string `json:"production_accounts,omitempty"`
	// Management is the organization's management account, which is in the canary
	// only where nothing better is.
	Management string `json:"management_account,omitempty"`
}

// Author is who made a plan.
type Author struct {
	Identity  string `json:"identity"`            // ARN of the caller
	Key       string `json:"key,omitempty"`       // SSH fingerprint, "SHA256:…"
	Principal string `json:"principal,omitempty"` // the person that Key belongs to in allowed_signers
}

// Inputs ties a plan to what it was made from.
type Inputs struct {
	Inventory      Digest    `json:"inventory"`
	InventoryTaken time.Time `json:"inventory_taken"`
	Config         Digest    `json:"config"`
	Rules          Digest    `json:"rules"`
	Waivers        Digest    `json:"waivers"`
	Signers        Digest    `json:"signers"`
}

// CallBudget is how many calls of one API the plan will make in one place.
type CallBudget struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Call    string `json:"call"`
	// Count is how many apply makes, the check of its canary included; Verify how
	// many verify makes after it.
	Count     int `json:"count"`
	Verify    int `json:"verify,omitempty"`
	PerSecond int `json:"per_second"` // documented quota
}

// Cost forecasts the monthly bill in US cents, by prices that name their date.
type Cost struct {
	Now           int    `json:"now_cents"`            // more per month from the day it is done
	FirstMonthly  int    `json:"first_monthly_cents"`  // more per month from the first rotation
	SecondMonthly int    `json:"second_monthly_cents"` // and more from the second
	PricesAsOf    string `json:"prices_as_of"`
	Note          string `json:"note,omitempty"`
}

// Needs is what an approval must satisfy.
type Needs struct {
	Approvals        int  `json:"approvals"`
	AuthorMayApprove bool `json:"author_may_approve"`
	ValidHours       int  `json:"valid_hours"` // longest validity an approval may claim
}

// Statement is what an approver signs, in RFC 8785 form.
type Statement struct {
	Schema     string    `json:"schema"` // SchemaApproval
	Version    int       `json:"version"`
	Plan       Digest    `json:"plan"`
	Changes    int       `json:"changes"`
	Expires    time.Time `json:"expires"`
	LedgerHead string    `json:"ledger_head"` // root hash of the estate's log, "size:base64", empty log "0:"
}

// Approval is a statement with its signature, one file in approvals/.
type Approval struct {
	Statement Statement `json:"statement"`
	Principal string    `json:"principal"` // as the signer claims; verified against allowed_signers
	Signature string    `json:"signature"` // armored SSHSIG, namespace keyrotor-approval
}

// RunID names one trip round the loop: "20261121T101502Z-5f3c".
type RunID string
