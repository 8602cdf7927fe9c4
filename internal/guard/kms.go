package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// AWS's words that decide; every other word means "not suitable".
const (
	stateEnabled         = "Enabled"
	statePendingDeletion = "PendingDeletion"
	stateReplicaDeletion = "PendingReplicaDeletion"
	specSymmetric        = "SYMMETRIC_DEFAULT"
	originKMS            = "AWS_KMS"
	originExternal       = "EXTERNAL"
	roleReplica          = "REPLICA"
)

// automatic says why automatic rotation cannot be configured on a key as it
// stands, "" when it can.
func automatic(k *keyrotor.KMSFacts) string {
	switch {
	case !slices.Contains([]string{"", specSymmetric}, k.Spec):
		return fmt.Sprintf("KMS rotates no key of spec %s", k.Spec)
	case k.Origin == originExternal:
		return "its material is imported: KMS cannot make new material for it"
	case k.Origin != "" && k.Origin != originKMS:
		return fmt.Sprintf("KMS does not rotate keys of origin %s", k.Origin)
	}
	return usable(k)
}

// usable says why a key's rotation cannot be touched in its present state.
func usable(k *keyrotor.KMSFacts) string {
	if why := going(k); why != "" {
		return why
	}
	if k.State != stateEnabled {
		return fmt.Sprintf("its state is %s, not Enabled", k.State)
	}
	if k.MultiRegionRole() == roleReplica {
		return "it is a replica: rotation is set on its primary " + k.MultiRegion.Primary
	}
	return ""
}

// going says that a key is about to be deleted.
func going(k *keyrotor.KMSFacts) string {
	switch {
	case k.State == stateReplicaDeletion:
		return "pending deletion, once its replicas are gone"
	case k.State == statePendingDeletion && k.DeletionDate != nil:
		return "pending deletion on " + day(*k.DeletionDate)
	case k.State == statePendingDeletion:
		return "pending deletion"
	}
	return ""
}

func enableRotation(s keyrotor.Step, a keyrotor.Asset) Verdict {
	if why := automatic(a.KMS); why != "" {
		return skip(why)
	}
	r := a.KMS.Rotation
	if r == nil {
		return skip(unreadRotation(a))
	}
	if !r.On {
		return goOn
	}
	if r.PeriodDays == 0 || s.Params.PeriodDays == 0 || r.PeriodDays == s.Params.PeriodDays {
		return unchanged("rotation is " + every(r) + " already; somebody turned it on since the plan")
	}
	return skip(fmt.Sprintf("somebody turned rotation on every %d d since the plan", r.PeriodDays))
}

func setPeriod(s keyrotor.Step, a keyrotor.Asset) Verdict {
	if why := automatic(a.KMS); why != "" {
		return skip(why)
	}
	r := a.KMS.Rotation
	switch {
	case r == nil:
		return skip(unreadRotation(a))
	case !r.On:
		return skip("somebody turned rotation off since the plan")
	case r.PeriodDays != 0 && r.PeriodDays == s.Params.PeriodDays:
		return unchanged(fmt.Sprintf("the period is %d d already", r.PeriodDays))
	case r.PeriodDays != s.Before.PeriodDays:
		return skip(fmt.Sprintf("the period is %s now, and was %s when the plan was made", days(r.PeriodDays), days(s.Before.PeriodDays)))
	}
	return sameClock(s, r)
}

func disableRotation(s keyrotor.Step, a keyrotor.Asset) Verdict {
	if why := automatic(a.KMS); why != "" {
		return skip(why)
	}
	r := a.KMS.Rotation
	switch {
	case r == nil:
		return skip(unreadRotation(a))
	case !r.On:
		return unchanged("rotation is off already")
	case r.PeriodDays != 0 && s.Before.PeriodDays != 0 && r.PeriodDays != s.Before.PeriodDays:
		return skip(fmt.Sprintf("somebody set the period to %d d since", r.PeriodDays))
	}
	return sameClock(s, r)
}

// sameClock tells rotation that the plan saw on from rotation that somebody turned
// off and on since, with the same period: that is theirs.
func sameClock(s keyrotor.Step, r *keyrotor.RotationFacts) Verdict {
	if s.Before.Next == nil || !r.LaterThan(*s.Before.Next) {
		return goOn
	}
	return skip(fmt.Sprintf("somebody turned rotation on anew since: the next one is on %s, and was to be on %s", day(*r.Next), day(*s.Before.Next)))
}

// createKey holds the alias that the key shall get against what it points to by
// now: a key without its name would be nobody's, and paid for. Where the key is
// this very change's, of an earlier turn that nobody remembers, the change goes
// on as soon as its Check finds the key; a second one is not made meanwhile.
func createKey(s keyrotor.Step, a keyrotor.Asset) Verdict {
	if !s.Before.AbsentAlias || a.KMS == nil || !slices.Contains(a.KMS.Aliases, s.Target.Name) {
		return goOn
	}
	if token, tagged := a.Tags[keyrotor.ChangeTag]; tagged && s.Token != "" && token == s.Token {
		return Verdict{State: keyrotor.Waiting, Reason: fmt.Sprintf("%s points to %s, which this change made, and the listing of keys does not show it yet", s.Target.Name, a.ID)}
	}
	return skip(fmt.Sprintf("%s exists and points to %s", s.Target.Name, a.ID))
}

func createAlias(s keyrotor.Step, a keyrotor.Asset) Verdict {
	if why := going(a.KMS); why != "" {
		return skip(why)
	}
	if slices.Contains(a.KMS.Aliases, s.Params.Alias) {
		return unchanged("the key has the alias already")
	}
	return goOn
}

func unreadRotation(a keyrotor.Asset) string {
	if why := refused(a, keyrotor.FactRotation); why != "" {
		return "its rotation status could not be read" + why
	}
	return "its rotation status is not known"
}

// Undescribed says that a key refused to be described: whatever else is asked of it,
// nobody knows what it is. It is "" for every other key.
func Undescribed(a keyrotor.Asset) string {
	if why := refused(a, keyrotor.FactDescription); why != "" {
		return "it could not be read" + why
	}
	return ""
}

// refused names the call that refused to tell a fact, and how; "" where none did.
func refused(a keyrotor.Asset, fact string) string {
	for _, u := range a.Unread {
		if u.Fact == fact {
			return fmt.Sprintf(" (%s on %s)", u.Code, u.Call)
		}
	}
	return ""
}

func every(r *keyrotor.RotationFacts) string {
	if r.PeriodDays == 0 {
		return "on"
	}
	return fmt.Sprintf("on every %d d", r.PeriodDays)
}

func days(n int) string {
	if n == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d d", n)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func quoted(keys []string) string { return `"` + strings.Join(keys, `", "`) + `"` }
