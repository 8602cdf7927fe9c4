package aws

import (
	"bytes"
	"cmp"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// Dates of KMS lie between these. It began in November 2014, and what it dates
// ahead is days or years away: deletions 30 days, rotations seven years. An answer
// with any other date tells milliseconds for seconds, or is none of AWS's: an age
// that is reckoned from it would be as wrong, and look like any other.
const (
	firstYear  = 2010
	lastSecond = 4_102_444_800 // 2100-01-01T00:00:00Z
)

// outOfTime names the first member of a decoded answer of KMS that is an impossible
// date, "" where there is none.
func outOfTime(result any) string {
	switch r := result.(type) {
	case *kms.DescribeKeyOutput:
		k := r.KeyMetadata
		return cmp.Or(impossible(k.CreationDate, "KeyMetadata.CreationDate"), impossible(k.DeletionDate, "KeyMetadata.DeletionDate"), impossible(k.ValidTo, "KeyMetadata.ValidTo"))
	case *kms.GetKeyRotationStatusOutput:
		return cmp.Or(impossible(r.NextRotationDate, "NextRotationDate"), impossible(r.OnDemandRotationStartDate, "OnDemandRotationStartDate"))
	case *kms.ListKeyRotationsOutput:
		for i := range r.Rotations {
			if member := cmp.Or(impossible(r.Rotations[i].RotationDate, "Rotations.RotationDate"), impossible(r.Rotations[i].ValidTo, "Rotations.ValidTo")); member != "" {
				return member
			}
		}
	case *kms.GetKeyLastUsageOutput:
		member := impossible(r.TrackingStartDate, "TrackingStartDate")
		if use := r.KeyLastUsage; use != nil {
			member = cmp.Or(member, impossible(use.Timestamp, "KeyLastUsage.Timestamp"))
		}
		return member
	}
	return ""
}

func impossible(t *time.Time, member string) string {
	if t == nil || t.Year() >= firstYear && t.Unix() < lastSecond {
		return ""
	}
	return member
}

// tooFar finds a number in a JSON answer of KMS that can be no date of it and is
// nothing else either, "" where there is none. It looks before the SDK does, which
// multiplies seconds until they overflow: of dates in milliseconds every seventh
// would come out as one of this century.
func tooFar(answer []byte) string {
	for i := 0; i < len(answer); {
		switch c := answer[i]; {
		case c == '"':
			i = afterString(answer, i)
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(answer) && partOfNumber(answer[end]) {
				end++
			}
			// An error is one of the range, or a number that the SDK refuses.
			if n, _ := strconv.ParseFloat(string(answer[i:end]), 64); n >= lastSecond || n <= -lastSecond {
				return string(answer[i:min(end, i+24)])
			}
			i = end
		default:
			i++
		}
	}
	return ""
}

func partOfNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-'
}

// afterString is the place behind the string that begins at i.
func afterString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return len(text)
		}
		i += n
		escapes := 0
		for text[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
	return len(text)
}
