package approve

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
)

// clockSkew is how far the clock of whoever signs may be ahead of the one here:
// as far as plan lets an inventory seem to come from the future. A statement
// tells its end only, not when it was signed.
const clockSkew = 5 * time.Minute

// Requirement is what approvals must satisfy; a plan carries its own.
type Requirement = keyrotor.Needs

// Result says who approved a plan, and until when that holds.
type Result struct {
	Approvers []Approver
	// Expires is the earliest expiry of the approvals that counted.
	Expires time.Time
	// Ignored says which approvals did not count, and why; enough others did.
	Ignored []string
}

// Approver is one person whose approval counted.
type Approver struct {
	Principal   string
	Fingerprint string
	Expires     time.Time
	Signature   string // of the approval that counted
}

// Verify decides whether enough people approve of exactly this plan at this
// moment. A no is a *keyrotor.Refusal that lists every reason. digestOf computes
// a plan's digest from its content.
func Verify(p keyrotor.Plan, digestOf func(keyrotor.Plan) (keyrotor.Digest, error), approvals []keyrotor.Approval, signers *AllowedSigners, now time.Time) (Result, error) {
	return verify(p, digestOf, approvals, signers, newPersons(signers), now)
}

func verify(p keyrotor.Plan, digestOf func(keyrotor.Plan) (keyrotor.Digest, error), approvals []keyrotor.Approval, signers *AllowedSigners, who *persons, now time.Time) (Result, error) {
	digest, err := digestOf(p)
	if err != nil {
		return Result{}, fmt.Errorf("digest of plan: %w", err)
	}
	if digest != p.Digest {
		return Result{}, refuse(p, []string{fmt.Sprintf("the plan was altered: its content has digest %s, it says %s", digest.Short(), p.Digest.Short())},
			"keyrotor plan")
	}
	v := verification{plan: p, signers: signers, now: now, persons: who}
	author, err := v.author()
	if err != nil {
		return Result{}, err
	}
	var result Result
	counted := map[string]bool{}
	var valid []Approver
	for _, a := range approvals {
		approver, err := v.check(a)
		if err != nil {
			result.Ignored = append(result.Ignored, fmt.Sprintf("approval of %q: %v", a.Principal, err))
			continue
		}
		v.persons.same(keyNode(approver.Fingerprint), principalNode(approver.Principal))
		valid = append(valid, approver)
	}
	// Of a person's approvals the one that holds longest counts: who signs again
	// before the first one ends has renewed it.
	slices.SortStableFunc(valid, func(a, b Approver) int { return b.Expires.Compare(a.Expires) })
	// Persons are told apart only now: a later approval may show that two
	// earlier ones are the same person's.
	for _, approver := range valid {
		person := v.persons.find(keyNode(approver.Fingerprint))
		switch {
		case v.isAuthor(author, person):
			result.Ignored = append(result.Ignored, fmt.Sprintf("approval of %q: %v", approver.Principal, errAuthor))
		case counted[person]:
			result.Ignored = append(result.Ignored, fmt.Sprintf("approval of %q: this person's approval is counted already", approver.Principal))
		default:
			counted[person] = true
			result.Approvers = append(result.Approvers, approver)
			if result.Expires.IsZero() || approver.Expires.Before(result.Expires) {
				result.Expires = approver.Expires
			}
		}
	}
	// A plan that asks for nobody still needs somebody.
	if need := max(1, p.Needs.Approvals); len(result.Approvers) < need {
		why := append([]string{fmt.Sprintf("%d of %d approvals", len(result.Approvers), need)}, result.Ignored...)
		next := "keyrotor approve PLAN.json"
		if len(result.Approvers) > 0 {
			next = "keyrotor approve --all PLAN.json" // what somebody signed is signed whole
		}
		return result, refuse(p, why, next)
	}
	return result, nil
}

// Check holds one approval against the plan: made by somebody who may sign, not
// by the author where that is asked, for this plan, and in force. It does not
// ask whether enough others signed. A no is a *keyrotor.Refusal.
func Check(p keyrotor.Plan, a keyrotor.Approval, signers *AllowedSigners, now time.Time) (Approver, error) {
	v := verification{plan: p, signers: signers, now: now, persons: newPersons(signers)}
	author, err := v.author()
	if err != nil {
		return Approver{}, err
	}
	approver, err := v.check(a)
	if err == nil {
		v.persons.same(keyNode(approver.Fingerprint), principalNode(approver.Principal))
		if v.isAuthor(author, v.persons.find(keyNode(approver.Fingerprint))) {
			err = errAuthor
		}
	}
	if err != nil {
		return Approver{}, &keyrotor.Refusal{
			What: fmt.Sprintf("approval of plan %s by %q is not valid", p.Digest.Short(), a.Principal),
			Why:  []string{err.Error()},
			Now:  "nothing was changed",
			Next: "have it signed by somebody who may:\nkeyrotor approve --all PLAN.json",
		}
	}
	return approver, nil
}

var errAuthor = errors.New("the author of a plan may not approve it")

type verification struct {
	plan    keyrotor.Plan
	signers *AllowedSigners
	now     time.Time
	persons *persons
}

// author returns the nodes that stand for the plan's author. A plan that does
// not tell them cannot show that author and approver differ.
func (v *verification) author() ([]string, error) {
	a := v.plan.Author
	if v.plan.Needs.AuthorMayApprove {
		return nil, nil
	}
	var nodes []string
	if a.Key != "" {
		nodes = append(nodes, keyNode(a.Key))
	}
	if a.Principal != "" {
		nodes = append(nodes, principalNode(a.Principal))
	}
	if len(nodes) == 0 {
		return nil, refuse(v.plan, []string{"the author may not approve it, and it does not say which key or principal its author has"},
			"keyrotor plan --author-key KEY.pub   names the author's signing key")
	}
	return nodes, nil
}

func (v *verification) isAuthor(author []string, person string) bool {
	for _, node := range author {
		if v.persons.find(node) == person {
			return true
		}
	}
	return false
}

// check holds one approval against the plan and the allowed signers.
func (v *verification) check(a keyrotor.Approval) (Approver, error) {
	s := a.Statement
	message, err := Canonical(s)
	if err != nil {
		return Approver{}, err
	}
	sig, err := openSignature(message, []byte(a.Signature), Namespace)
	if err != nil {
		return Approver{}, err
	}
	if err := v.signers.Check(a.Principal, sig.PublicKey, Namespace, v.now); err != nil {
		return Approver{}, fmt.Errorf("wrong signer: %w", err)
	}
	switch {
	case s.Schema != keyrotor.SchemaApproval || s.Version != keyrotor.SchemaVersion:
		return Approver{}, fmt.Errorf("statement has schema %q version %d", s.Schema, s.Version)
	case s.Plan != v.plan.Digest:
		return Approver{}, fmt.Errorf("it is for plan %s, not for %s", s.Plan.Short(), v.plan.Digest.Short())
	case s.Changes != len(v.plan.Changes):
		return Approver{}, fmt.Errorf("it is for %d changes, the plan has %d", s.Changes, len(v.plan.Changes))
	case !v.now.Before(s.Expires):
		return Approver{}, fmt.Errorf("expired at %s", s.Expires.UTC().Format(time.RFC3339))
	}
	longest := time.Duration(v.plan.Needs.ValidHours) * time.Hour
	if longest > 0 && s.Expires.Sub(v.now) > longest+clockSkew {
		return Approver{}, fmt.Errorf("valid until %s, more than the %d hours that the plan allows from now on; the clock here says %s: if it was signed within these hours, this clock or that of whoever signed is wrong",
			s.Expires.UTC().Format(time.RFC3339), v.plan.Needs.ValidHours, v.now.UTC().Format(time.RFC3339))
	}
	return Approver{Principal: a.Principal, Fingerprint: fingerprint(sig.PublicKey), Expires: s.Expires, Signature: a.Signature}, nil
}

// Weaker says in which ways a plan asks for less than it must, one line each. A
// plan carries its own requirement under the digest; whoever makes plans would
// otherwise decide how many have to agree to them.
func Weaker(p keyrotor.Plan, least Requirement) []string {
	var why []string
	if need := max(1, p.Needs.Approvals); need < least.Approvals {
		why = append(why, fmt.Sprintf("it asks for %d approvals, the configuration for %d", need, least.Approvals))
	}
	if p.Needs.AuthorMayApprove && !least.AuthorMayApprove {
		why = append(why, "it lets its author approve, the configuration does not")
	}
	if hours := p.Needs.ValidHours; least.ValidHours > 0 && (hours <= 0 || hours > least.ValidHours) {
		why = append(why, fmt.Sprintf("it lets approvals hold for %s, the configuration for %d hours", holds(hours), least.ValidHours))
	}
	return why
}

func holds(hours int) string {
	if hours <= 0 {
		return "ever"
	}
	return fmt.Sprintf("%d hours", hours)
}

func refuse(p keyrotor.Plan, why []string, next string) *keyrotor.Refusal {
	return &keyrotor.Refusal{
		What: "plan " + p.Digest.Short() + " is not approved",
		Why:  why,
		Now:  "nothing was changed",
		Next: next,
	}
}
