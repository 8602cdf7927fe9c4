package assess

import (
	"time"

	"github.com/keyrotor/keyrotor"
)

const day = 24 * time.Hour

// dueTolerance is how late an automatic rotation may be before its absence
// counts: KMS rotates within hours, and its lists follow a little later.
const dueTolerance = 3 * day

// scheduleTolerance bounds how far a date may lie from a whole number of
// periods and still be on the old schedule.
const scheduleTolerance = day

// missingRotation reports an automatic rotation that was due and is absent from
// the history, and when it was due. It speaks up only on what the dates prove:
//
//	next date long past            KMS did not rotate when it said it would
//	last ──P──▶ due ──P──▶ next    the schedule runs on from the last rotation,
//	            and is empty       so it was not restarted, yet a turn is missing
//	last ──P──▶ due ··· now        the same where the service tells no next date
//
// Switching rotation off and on restarts the clock; then next is not on the
// schedule of the last rotation and nothing is claimed.
func missingRotation(k *keyrotor.KMSFacts, now time.Time) (time.Time, bool) {
	if k.Rotation == nil || k.History == nil || !k.Rotation.On || k.State != "Enabled" {
		return time.Time{}, false
	}
	period := periodOf(k.Rotation)
	last, rotated := lastAutomatic(k.History)
	if k.Rotation.Next == nil || k.Rotation.Next.IsZero() {
		due := last.Add(period)
		return due, rotated && due.Add(dueTolerance).Before(now)
	}
	next := *k.Rotation.Next
	if next.Add(dueTolerance).Before(now) {
		return next, !rotated || last.Before(next.Add(-dueTolerance))
	}
	due := next.Add(-period)
	if !rotated || !due.Add(dueTolerance).Before(now) {
		return time.Time{}, false
	}
	return due, onLaterTurn(due.Sub(last), period)
}

// onLaterTurn reports whether gap is one or more whole periods.
func onLaterTurn(gap, period time.Duration) bool {
	if period <= 0 || gap < period-scheduleTolerance {
		return false
	}
	rest := gap % period
	return rest <= scheduleTolerance || rest >= period-scheduleTolerance
}

func lastAutomatic(h *keyrotor.RotationHistory) (time.Time, bool) {
	for i := len(h.Rotations) - 1; i >= 0; i-- {
		if h.Rotations[i].Type == "AUTOMATIC" {
			return h.Rotations[i].At, true
		}
	}
	return time.Time{}, false
}

// periodOf is the rotation period; KMS documents 365 days where it tells none.
func periodOf(r *keyrotor.RotationFacts) time.Duration {
	days := r.PeriodDays
	if days <= 0 {
		days = keyrotor.DefaultRotationPeriodDays
	}
	return time.Duration(min(days, 100*keyrotor.DefaultRotationPeriodDays)) * day
}

// materialSince is when the current material began to serve, zero when that is
// unknown: the history of a key that may have one was not read.
func materialSince(k *keyrotor.KMSFacts) time.Time {
	if since, known := k.MaterialSince(); known {
		return since
	}
	if k.History != nil {
		if last, ok := k.History.Last(); ok {
			return last.At
		}
		return k.Created
	}
	if mayHaveHistory(k) {
		return time.Time{}
	}
	return k.Created
}

// lostMaterial reports that a key waits for material which it had before, and when
// that ended, zero when it is not told. known is false when what would tell was not
// read.
//
//	PendingImport, an end date in the past     it expired
//	PendingImport, rotations or a material id  it was deleted, or an older one expired
//	PendingImport, neither                     nothing was ever imported
//
// A replica shares history and material ids with its primary, and may wait for its
// first import all the same: of it only the end date speaks.
func lostMaterial(k *keyrotor.KMSFacts, now time.Time) (ended time.Time, lost, known bool) {
	if k.State != "PendingImport" {
		return time.Time{}, false, true
	}
	if k.Import != nil && k.Import.ValidTo != nil && !k.Import.ValidTo.After(now) {
		return *k.Import.ValidTo, true, true
	}
	if k.MultiRegionRole() == "REPLICA" {
		return time.Time{}, false, true
	}
	had := k.Material != nil && k.Material.ID != "" || k.History != nil && len(k.History.Rotations) > 0
	return time.Time{}, had, had || k.History != nil || !mayHaveHistory(k)
}

// idleSince is the last use, else the moment since which none was seen.
func idleSince(k *keyrotor.KMSFacts) time.Time {
	if !k.LastUse.At.IsZero() {
		return k.LastUse.At
	}
	if k.Created.After(k.LastUse.TrackedSince) {
		return k.Created
	}
	return k.LastUse.TrackedSince
}

// mayRotateItself reports whether the type of the key, whatever its state,
// could have automatic rotation. A type unknown here could.
func mayRotateItself(k *keyrotor.KMSFacts) bool {
	return mayHaveHistory(k) && k.Origin != "EXTERNAL" && k.MultiRegionRole() != "REPLICA"
}

// mayHaveHistory reports whether a key of this type can have been rotated.
func mayHaveHistory(k *keyrotor.KMSFacts) bool {
	if k.Origin == "AWS_CLOUDHSM" || k.Origin == "EXTERNAL_KEY_STORE" {
		return false
	}
	return family(k.Spec) == familyUnknown
}

func pendingDeletion(state string) bool {
	return state == "PendingDeletion" || state == "PendingReplicaDeletion"
}
