package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// MaxInventoryAge is how old an inventory may be that a plan is made from.
const MaxInventoryAge = 24 * time.Hour

// clockSkew is how far in the future an inventory may seem to be taken.
const clockSkew = 5 * time.Minute

// Options say how to plan, and for whom. Zero values mean what is documented.
type Options struct {
	Run    keyrotor.RunID
	Author keyrotor.Author
	Ticket string
	Reason string
	Inputs keyrotor.Inputs
	Needs  keyrotor.Needs

	// Choose says which assets may be changed; nil: all, but for BuildCommand. The
	// others are looked at as well, for they tell which accounts hold production.
	Choose func(keyrotor.Asset) bool
	// Selection is Choose as the user wrote it, for the plan.
	Selection string

	// PeriodDays is the period that the command asks for; 0: the rule's, else
	// the cryptoperiod where it is shorter, else KMS's 365.
	PeriodDays int
	// RulePeriod is the period that an asset's rules ask for, 0 for none. Optional.
	RulePeriod func(keyrotor.Assessment) int
	// PeriodOf is the period that one rule asks for, 0 for none. Optional.
	PeriodOf func(rule string) int
	// Judge holds an asset that is not there yet against the rules, for the period of
	// a key that is to be made. Optional.
	Judge func(keyrotor.Asset) keyrotor.Assessment
	// StillFails names the rules without a period of their own that an asset goes on
	// failing when it rotates every so many days (0: as it is), and would not with a
	// shorter period. Optional.
	StillFails func(a keyrotor.Assessment, days int) []string
	// Remedy is the verb that cures a failing rule, "" when no change here
	// does, false for a rule that it does not know. Default: Remedy of this
	// package.
	Remedy func(rule string) (keyrotor.Verb, bool)
	// RotateOverdue also rotates once, on demand, what is past its cryptoperiod.
	RotateOverdue    bool
	CryptoperiodDays int

	// ByUs says of an undo which other run of ours left an asset as it is now, ""
	// for none. Optional.
	ByUs func(keyrotor.Asset) string

	// Canary is the greatest number of changes in the first wave: default 5.
	Canary int
	// EnvTag is the tag that tells production: default "env". Production are
	// its values that mean production: default prod, production, prd, live.
	EnvTag           string
	ProductionValues []string
	// Management is the organization's management account, where it is known.
	Management string

	// Limits that apply will ask for; exceeding them is a warning here, since a
	// narrower plan can still keep them.
	Limits guard.Limits
	Now    time.Time
}

// Remedy is the verb that cures a rule of the built-in pack; false for a rule
// of a user's own.
func Remedy(rule string) (keyrotor.Verb, bool) {
	verb, known := map[string]keyrotor.Verb{
		"kms-rotation-on":                   keyrotor.EnableRotation,
		"kms-rotation-turned-off":           keyrotor.EnableRotation,
		"kms-period-within-cryptoperiod":    keyrotor.SetPeriod,
		"kms-material-within-cryptoperiod":  keyrotor.RotateNow,
		"kms-rotation-missing-from-history": "", // new material would not mend the history
		"kms-imported-material-expiring":    "",
		"kms-usable-from-outside":           "",
		"kms-public-policy":                 "",
		"kms-on-demand-nearly-spent":        "",
		"kms-owner-tag":                     "",
	}[rule]
	return verb, known
}

func (o Options) filled() Options {
	o.Canary = cmp.Or(o.Canary, 5)
	o.EnvTag = cmp.Or(o.EnvTag, "env")
	if len(o.ProductionValues) == 0 {
		o.ProductionValues = []string{"prod", "production", "prd", "live"}
	}
	if o.Remedy == nil {
		o.Remedy = Remedy
	}
	if o.Choose == nil {
		o.Choose = func(keyrotor.Asset) bool { return true }
	}
	if o.RulePeriod == nil {
		o.RulePeriod = func(keyrotor.Assessment) int { return 0 }
	}
	if o.PeriodOf == nil {
		o.PeriodOf = func(string) int { return 0 }
	}
	if o.StillFails == nil {
		o.StillFails = func(keyrotor.Assessment, int) []string { return nil }
	}
	o.Inputs.InventoryTaken = o.Inputs.InventoryTaken.UTC()
	return o
}

// validate names the option that cannot be, before anything is planned.
func (o Options) validate() error {
	if o.PeriodDays != 0 && (o.PeriodDays < keyrotor.MinRotationPeriodDays || o.PeriodDays > keyrotor.MaxRotationPeriodDays) {
		return refuse("a plan with a period of "+count(o.PeriodDays, "day"),
			[]string{fmt.Sprintf("KMS allows %d to %d days", keyrotor.MinRotationPeriodDays, keyrotor.MaxRotationPeriodDays)},
			fmt.Sprintf("choose a period from %d to %d days", keyrotor.MinRotationPeriodDays, keyrotor.MaxRotationPeriodDays))
	}
	if o.Canary < 0 {
		return refuse("a plan with a canary wave of less than one change", nil, "choose a canary of 1 or more")
	}
	return nil
}

// freshEnough refuses an inventory that has gone stale.
func (o Options) freshEnough() error {
	taken := o.Inputs.InventoryTaken
	age := o.Now.Sub(taken)
	switch {
	case age > MaxInventoryAge:
		return refuse("a plan from an inventory older than 24 h",
			[]string{"it was taken " + taken.UTC().Format(time.RFC3339) + ", " + hours(age) + " ago"}, "keyrotor scan\nkeyrotor plan   after that")
	case age < -clockSkew:
		return refuse("a plan from an inventory of the future",
			[]string{"it was taken " + taken.UTC().Format(time.RFC3339) + ", and now is " + o.Now.UTC().Format(time.RFC3339)}, "set the clock, then\nkeyrotor scan")
	}
	return nil
}

func hours(d time.Duration) string {
	if d > 1000*time.Hour {
		return "more than 1000 h"
	}
	return fmt.Sprintf("%d h", int(d/time.Hour))
}

func (o Options) rollout() keyrotor.Rollout {
	values := slices.Clone(o.ProductionValues)
	for i, v := range values {
		values[i] = strings.ToLower(v)
	}
	slices.Sort(values)
	return keyrotor.Rollout{Canary: o.Canary, EnvTag: o.EnvTag, Production: slices.Compact(values), Management: o.Management}
}

func refuse(what string, why []string, next string) *keyrotor.Refusal {
	return &keyrotor.Refusal{What: what, Why: why, Now: "nothing was changed in AWS", Next: next}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
