package assess_test

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// plain is the built-in pack written by hand: the floor of the benchmark, and
// a second opinion for TestPlainGoAgreesWithTheBuiltinPack.
func plain(a *keyrotor.Asset) []keyrotor.Finding {
	k, out := a.KMS, make([]keyrotor.Finding, 0, 10)
	e := assess.Eligible(k)
	auto := e.Ability == keyrotor.Automatic
	rotates := auto || e.Ability == keyrotor.OnDemand
	on := k.Rotation != nil && k.Rotation.On
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
	since := k.Created
	if k.Material != nil && !k.Material.Since.IsZero() {
		since = k.Material.Since
	}
	age := today().Sub(since)
	ends := k.Import != nil && k.Import.Expires
	add("kms-rotation-on", auto, k.Rotation != nil, func() bool { return on }, say("rotation is off"))
	add("kms-rotation-turned-off", false, true, nil, nil)
	add("kms-period-within-cryptoperiod", auto && (on || k.Rotation == nil), k.Rotation != nil,
		func() bool { return k.Rotation.PeriodDays <= 365 }, say("too long"))
	add("kms-material-within-cryptoperiod", rotates, k.History != nil || k.Material != nil,
		func() bool { return age < 366*day }, func() string { return fmt.Sprintf("material is %d d old", age/day) })
	add("kms-rotation-missing-from-history", auto && (on || k.Rotation == nil), k.Rotation != nil && k.History != nil,
		func() bool { return !k.Rotation.Next.Before(today()) }, say("missing"))
	gone := k.State == "PendingImport" && k.Import != nil && (k.Import.ValidTo != nil && !k.Import.ValidTo.After(today()) ||
		k.Material != nil && k.Material.ID != "" || k.History != nil && len(k.History.Rotations) > 0)
	add("kms-imported-material-expiring", k.Origin == "EXTERNAL" && ((k.State == "Enabled" || k.State == "Disabled") && (ends || k.Import == nil) || gone), k.Import != nil,
		func() bool { return !gone && !k.Import.ValidTo.Before(today().Add(30*day)) },
		func() string { return "expires on " + k.Import.ValidTo.Format("2 Jan 2006") })
	add("kms-usable-from-outside", true, k.Policy != nil && k.Policy.Outside != nil && (len(k.Policy.Outside) > 0 || !k.Policy.NetworkOnly),
		func() bool { return len(k.Policy.Outside) == 0 }, say("outside"))
	add("kms-public-policy", true, k.Policy != nil, func() bool { return !k.Policy.Public }, say("public"))
	add("kms-on-demand-nearly-spent", rotates, k.History != nil,
		func() bool { return k.History.OnDemandLeft() >= 3 }, say("few left"))
	add("kms-owner-tag", k.State != "PendingDeletion" && k.State != "PendingReplicaDeletion", a.Tags != nil,
		func() bool { return a.Owner != "" }, say("no owner"))
	return out
}
