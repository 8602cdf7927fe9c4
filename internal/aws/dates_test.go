package aws

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func TestANumberThatIsNoDateOfKMSIsFoundInAnAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"CreationDate":1700000000.123,"RotationPeriodInDays":365}`: "",
		`{"CreationDate":1.700000000123E9}`:                          "",
		`{"Description":"1e12 \\\" 1700000000000","N":-5}`:           "",
		`{"A":4102444799}`:                       "",
		`{"A":4102444800}`:                       "4102444800",
		`{"A":[1, 1700000000000 ]}`:              "1700000000000",
		`{"A":1E12}`:                             "1E12",
		`{"A":1e999}`:                            "1e999",
		`{"A":"b\\","C":9e15}`:                   "9e15",
		`{"A":-1e12}`:                            "-1e12",
		`{"A":10000000000000000000000000000000}`: "100000000000000000000000",
		`{"A":"never ended 1e12`:                 "",
		`{"A":"\`:                                "",
		`"`:                                      "",
		``:                                       "",
	} {
		if got := tooFar([]byte(answer)); got != want {
			t.Errorf("%s: got %q, want %q", answer, got, want)
		}
	}
}

func TestEveryDateThatIsReadIsHeldAgainstTheYearsOfKMS(t *testing.T) {
	for at, possible := range map[time.Time]bool{
		time.Unix(0, 0): false, time.Date(2009, 12, 31, 23, 0, 0, 0, time.UTC): false, time.Date(1754, 1, 1, 0, 0, 0, 0, time.UTC): false,
		time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC): true, time.Date(2099, 12, 31, 23, 0, 0, 0, time.UTC): true,
		time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC): false, time.Unix(1e12, 0): false,
	} {
		for member, result := range map[string]any{
			"KeyMetadata.CreationDate":  &kms.DescribeKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{CreationDate: &at}},
			"KeyMetadata.DeletionDate":  &kms.DescribeKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{DeletionDate: &at}},
			"KeyMetadata.ValidTo":       &kms.DescribeKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{ValidTo: &at}},
			"NextRotationDate":          &kms.GetKeyRotationStatusOutput{NextRotationDate: &at},
			"OnDemandRotationStartDate": &kms.GetKeyRotationStatusOutput{OnDemandRotationStartDate: &at},
			"Rotations.RotationDate":    &kms.ListKeyRotationsOutput{Rotations: []kmstypes.RotationsListEntry{{}, {RotationDate: &at}}},
			"Rotations.ValidTo":         &kms.ListKeyRotationsOutput{Rotations: []kmstypes.RotationsListEntry{{ValidTo: &at}}},
			"TrackingStartDate":         &kms.GetKeyLastUsageOutput{TrackingStartDate: &at},
			"KeyLastUsage.Timestamp":    &kms.GetKeyLastUsageOutput{KeyLastUsage: &kmstypes.KeyLastUsageData{Timestamp: &at}},
		} {
			want := ""
			if !possible {
				want = member
			}
			if got := outOfTime(result); got != want {
				t.Errorf("%s in %s: got %q, want %q", member, at.Format(time.DateOnly), got, want)
			}
		}
	}
}
