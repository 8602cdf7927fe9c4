package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

const (
	day          = 24 * time.Hour
	cryptoperiod = keyrotor.DefaultRotationPeriodDays
)

// plainFindings is the floor of the rules: the questions of the built-in pack
// written by hand in Go, in its order, for a key of which no earlier run knows.
func plainFindings(a *keyrotor.Asset, now time.Time) []keyrotor.Finding {
	k, out := a.KMS, make([]keyrotor.Finding, 0, 10)
	add := func(rule string, applies, read bool, holds func() bool, message func() string) {
		f := keyrotor.Finding{Rule: rule, Verdict: keyrotor.Pass}
		switch {
		case !applies:
			f.Verdict = keyrotor.NotApplicable
		case !read:
			f.Verdict = keyrotor.Unknown
		case !holds():
			f.Verdict, f.Message = keyrotor.Fail, message()
		}
		out = append(out, f)
	}
	say := func(s string) func() string { return func() string { return s } }
	ability := assess.Eligible(k).Ability
	auto := ability == keyrotor.Automatic
	rotates := auto || ability == keyrotor.OnDemand
	turns := auto && (k.Rotation == nil || k.Rotation.On)
	since := k.Created
	if k.Material != nil && !k.Material.Since.IsZero() {
		since = k.Material.Since
	}
	ends := k.Import == nil || k.Import.Expires

	add("kms-rotation-on", auto, k.Rotation != nil, func() bool { return k.Rotation.On }, say("rotation is off"))
	add("kms-rotation-turned-off", false, true, nil, nil)
	add("kms-period-within-cryptoperiod", turns, k.Rotation != nil,
		func() bool { return k.Rotation.PeriodDays <= cryptoperiod },
		func() string { return fmt.Sprintf("the rotation period is %d d", k.Rotation.PeriodDays) })
	add("kms-material-within-cryptoperiod", rotates, k.Material != nil && !k.Material.Since.IsZero(),
		func() bool { return now.Sub(since) < (cryptoperiod+1)*day },
		func() string { return fmt.Sprintf("material is %d d old", now.Sub(since)/day) })
	add("kms-rotation-missing-from-history", turns, k.Rotation != nil && k.History != nil,
		func() bool { return !rotationMissing(k, now) }, say("a rotation is missing"))
	gone := k.State == "PendingImport" && k.Import != nil && (k.Import.ValidTo != nil && !k.Import.ValidTo.After(now) ||
		k.Material != nil && k.Material.ID != "" || k.History != nil && len(k.History.Rotations) > 0)
	add("kms-imported-material-expiring", k.Origin == "EXTERNAL" && (k.State == "Enabled" && ends || gone), gone || k.Import != nil && k.Import.ValidTo != nil,
		func() bool { return !gone && !k.Import.ValidTo.Before(now.Add(30*day)) },
		func() string { return "imported material expires on " + k.Import.ValidTo.Format("2 Jan 2006") })
	add("kms-usable-from-outside", true, k.Policy != nil && k.Policy.Outside != nil && (len(k.Policy.Outside) > 0 || !k.Policy.NetworkOnly),
		func() bool { return len(k.Policy.Outside) == 0 }, say("usable from outside the organization"))
	add("kms-public-policy", true, k.Policy != nil, func() bool { return !k.Policy.Public }, say("the key policy allows everybody"))
	add("kms-on-demand-nearly-spent", rotates, k.History != nil,
		func() bool { return k.History.OnDemandLeft() >= 3 },
		func() string { return fmt.Sprintf("%d of 25 on-demand rotations are left", k.History.OnDemandLeft()) })
	add("kms-owner-tag", k.State != "PendingDeletion" && k.State != "PendingReplicaDeletion", a.Tags != nil,
		func() bool { return a.Owner != "" }, say("no tag names an owner"))
	return out
}

// rotationMissing is the rule of the history in plain Go.
func rotationMissing(k *keyrotor.KMSFacts, now time.Time) bool {
	period := time.Duration(cmp.Or(k.Rotation.PeriodDays, keyrotor.DefaultRotationPeriodDays)) * day
	var last time.Time
	for _, r := range k.History.Rotations {
		if r.Type == "AUTOMATIC" {
			last = r.At
		}
	}
	switch next := k.Rotation.Next; {
	case k.State != "Enabled":
		return false
	case next == nil:
		return !last.IsZero() && last.Add(period+3*day).Before(now)
	case next.Add(3 * day).Before(now):
		return last.Before(next.Add(-3 * day))
	default:
		due := next.Add(-period)
		gap := due.Sub(last)
		rest := gap % period
		return !last.IsZero() && due.Add(3*day).Before(now) && gap >= period-day && (rest <= day || rest >= period-day)
	}
}
