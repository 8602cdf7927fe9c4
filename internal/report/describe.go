package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// created is the year and month of a key's birth, enough to recognize its age.
func created(a keyrotor.Asset, now time.Time) string {
	if a.KMS == nil || a.KMS.Created.IsZero() {
		return "unknown"
	}
	return Day(a.KMS.Created, now)
}

// rotationWords is the rotation status in a few words: "off", "on, every 365 d".
func rotationWords(a keyrotor.Asset) string {
	k := a.KMS
	if k == nil {
		return "unknown"
	}
	if k.Rotation == nil {
		if a.Refused(keyrotor.FactRotation) {
			return "unknown (refused)"
		}
		return "not asked"
	}
	if !k.Rotation.On {
		return "off"
	}
	if k.Rotation.PeriodDays == 0 {
		return "on"
	}
	return fmt.Sprintf("on, every %d d", k.Rotation.PeriodDays)
}

// kindWords describes a key: "symmetric, made by KMS, single Region, enabled".
func kindWords(k *keyrotor.KMSFacts) string {
	words := []string{specWords(k), originWords(k.Origin)}
	switch k.MultiRegionRole() {
	case "":
		words = append(words, "single Region")
	case "PRIMARY":
		words = append(words, "multi-Region primary with "+plural(len(k.MultiRegion.Replicas), "replica"))
	case "REPLICA":
		words = append(words, "multi-Region replica")
	default:
		words = append(words, "multi-Region "+Clean(k.MultiRegionRole()))
	}
	words = append(words, stateWords(k.State))
	return strings.Join(words, ", ")
}

func specWords(k *keyrotor.KMSFacts) string {
	switch {
	case k.Spec == "SYMMETRIC_DEFAULT":
		return "symmetric"
	case strings.HasPrefix(k.Spec, "HMAC_"):
		return "HMAC (" + Clean(k.Spec) + ")"
	}
	return Clean(k.Spec) + " for " + Clean(k.Usage)
}

func originWords(origin string) string {
	switch origin {
	case "AWS_KMS":
		return "made by KMS"
	case "EXTERNAL":
		return "imported material"
	case "AWS_CLOUDHSM":
		return "in a CloudHSM key store"
	case "EXTERNAL_KEY_STORE":
		return "in an external key store"
	}
	return "origin " + Clean(origin)
}

// stateWords is AWS's state in lower-case words: PendingDeletion ▶ pending deletion.
func stateWords(state string) string {
	var b strings.Builder
	for i, r := range Clean(state) {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// stepWords says what a step does, old and new value where both are known.
func stepWords(st keyrotor.Step, arrow string) string {
	switch st.Verb {
	case keyrotor.EnableRotation:
		return "rotation  " + before(st.Before) + " " + arrow + " every " + days(st.Params.PeriodDays)
	case keyrotor.SetPeriod:
		return "period  " + days(st.Before.PeriodDays) + " " + arrow + " " + days(st.Params.PeriodDays)
	case keyrotor.DisableRotation:
		return "rotation  " + before(st.Before) + " " + arrow + " off"
	case keyrotor.RotateNow:
		return "rotate now, on demand" + onDemandNth(st.Before.OnDemand)
	case keyrotor.CreateKey:
		return "create key " + Clean(st.Params.Spec)
	case keyrotor.CreateAlias:
		return "alias  " + Clean(st.Params.Alias)
	case keyrotor.TagKey:
		return "tags  " + tagWords(st.Params.Tags)
	case keyrotor.UntagKey:
		return "remove tags  " + Clean(strings.Join(st.Params.TagKeys, ", "))
	}
	return Clean(string(st.Verb))
}

func before(b keyrotor.Before) string {
	switch {
	case b.RotationOn == nil:
		return "unknown"
	case !*b.RotationOn:
		return "off"
	case b.PeriodDays > 0:
		return "every " + days(b.PeriodDays)
	}
	return "on"
}

func onDemandNth(done *int) string {
	if done == nil {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", *done+1, keyrotor.OnDemandRotationLimit)
}

func days(n int) string {
	if n == 0 {
		return "unknown"
	}
	return count(n) + " d"
}

func tagWords(tags map[string]string) string {
	var parts []string
	for k, v := range tags {
		parts = append(parts, Clean(k)+"="+Clean(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// dollars writes cents: $1, $1.50.
func dollars(cents int) string {
	if cents%100 == 0 {
		return "$" + count(cents/100)
	}
	return fmt.Sprintf("$%s.%02d", count(cents/100), cents%100)
}
