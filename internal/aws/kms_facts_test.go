package aws

import (
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
)

// By the count of on-demand rotations a step is told to have happened: a listing
// that moved under its pages must not count one twice.
func TestARotationThatIsListedTwiceIsOne(t *testing.T) {
	at := awssdk.Time(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	one := kmstypes.RotationsListEntry{RotationDate: at, RotationType: kmstypes.RotationTypeOnDemand, KeyMaterialId: awssdk.String("m1")}
	other := one
	other.KeyMaterialId = awssdk.String("m2")
	if got := rotationHistory([]kmstypes.RotationsListEntry{one, other, one}); got.OnDemand != 2 || len(got.Rotations) != 2 {
		t.Errorf("got %+v, want two rotations", got)
	}
}

// KMS rotates to imported material only when every replica has it: a plan for a
// key that still waits for one ended in KMSInvalidStateException.
func TestPendingMaterialThatAReplicaLacksIsToldApart(t *testing.T) {
	for state, want := range map[kmstypes.KeyMaterialState]keyrotor.ImportFacts{
		kmstypes.KeyMaterialStatePendingRotation:                     {Pending: "m2"},
		kmstypes.KeyMaterialStatePendingMultiRegionImportAndRotation: {Pending: "m2", AwaitsReplicas: true},
		kmstypes.KeyMaterialStateNonCurrent:                          {},
	} {
		var got keyrotor.ImportFacts
		importFacts(&got, []kmstypes.RotationsListEntry{
			{KeyMaterialId: awssdk.String("m1"), KeyMaterialState: kmstypes.KeyMaterialStateCurrent},
			{KeyMaterialId: awssdk.String("m2"), KeyMaterialState: state},
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
	}
}
