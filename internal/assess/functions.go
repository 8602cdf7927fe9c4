package assess

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// functions are what expressions have beyond CEL's standard ones.
func functions() []cel.EnvOption {
	human := cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(humanize(v)) })
	return []cel.EnvOption{
		cel.Function("days",
			cel.Overload("days_int", []*cel.Type{cel.IntType}, cel.DurationType, cel.UnaryBinding(daysToDuration)),
			cel.Overload("days_duration", []*cel.Type{cel.DurationType}, cel.IntType, cel.UnaryBinding(durationToDays)),
		),
		cel.Function("human",
			cel.Overload("human_duration", []*cel.Type{cel.DurationType}, cel.StringType, human),
			cel.Overload("human_timestamp", []*cel.Type{cel.TimestampType}, cel.StringType, human),
			cel.Overload("human_list", []*cel.Type{cel.ListType(cel.StringType)}, cel.StringType, human),
		),
	}
}

// maxDays keeps days(n) inside what a duration can hold.
const maxDays = 100_000

func daysToDuration(v ref.Val) ref.Val {
	n, ok := v.(types.Int)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	if n > maxDays || n < -maxDays {
		return types.NewErr("days(%d) is out of range", n)
	}
	return types.Duration{Duration: time.Duration(n) * day}
}

func durationToDays(v ref.Val) ref.Val {
	d, ok := v.(types.Duration)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return types.Int(d.Duration / day)
}

// humanize shows a value as messages to people do.
func humanize(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Duration:
		return humanDuration(v.Duration)
	case types.Timestamp:
		return v.UTC().Format("2 Jan 2006")
	}
	if items, ok := v.(traits.Lister); ok {
		return humanList(items)
	}
	return fmt.Sprint(v.Value())
}

// humanDuration rounds down: to days below two years, to years above.
func humanDuration(d time.Duration) string {
	const year = 365 * day
	switch {
	case d < 0:
		return "-" + humanDuration(-d)
	case d >= 2*year:
		return fmt.Sprintf("%d years", d/year)
	case d >= day:
		return fmt.Sprintf("%d d", d/day)
	default:
		return "less than a day"
	}
}

// humanList names the first few.
func humanList(items traits.Lister) string {
	const few = 5
	n, ok := items.Size().(types.Int)
	if !ok {
		return ""
	}
	var names []string
	for i := range min(n, few) {
		names = append(names, humanize(items.Get(i)))
	}
	shown := strings.Join(names, ", ")
	if n <= few {
		return shown
	}
	return fmt.Sprintf("%s and %d more", shown, n-few)
}
