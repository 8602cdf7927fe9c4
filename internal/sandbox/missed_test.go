package sandbox

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// TestAMissedRotationLeavesAHoleInTheHistory: what is wrong shows in the dates only,
// as it would at AWS.
func TestAMissedRotationLeavesAHoleInTheHistory(t *testing.T) {
	s, url := load(t, "demo", Options{})
	id := ""
	for _, a := range s.world.Accounts {
		for _, r := range a.On {
			if k := s.account(a.ID).region(r).aliases["alias/warehouse-archive"]; k != nil {
				id = k.target.id
				c := kms.NewFromConfig(as(url, a.ID, r))
				status, err := c.GetKeyRotationStatus(t.Context(), &kms.GetKeyRotationStatusInput{KeyId: &id})
				if err != nil || !status.KeyRotationEnabled {
					t.Fatalf("rotation status: %v, want on", err)
				}
				done, err := c.ListKeyRotations(t.Context(), &kms.ListKeyRotationsInput{KeyId: &id})
				if err != nil || len(done.Rotations) != 3 {
					t.Fatalf("got %d rotations, %v; want 3", len(done.Rotations), err)
				}
				hole := status.NextRotationDate.Sub(*done.Rotations[2].RotationDate)
				if hole.Round(time.Hour) != 2*365*day {
					t.Errorf("from the last rotation to the next: got %v, want two years", hole)
				}
			}
		}
	}
	if id == "" {
		t.Fatal("the demo has no alias/warehouse-archive")
	}
}

func TestTheNextRotationAfterAMissedOneTakesPlace(t *testing.T) {
	s := New(Options{Clock: NewClock(worldStart), Rand: Seeded(1)})
	arn, err := s.SeedKey("222222222222", "eu-west-1", KeySeed{Created: daysBefore(worldStart, 400), RotationPeriodDays: 365, MissedRotations: 1})
	if err != nil {
		t.Fatal(err)
	}
	k := s.account("222222222222").region("eu-west-1").keys[arnID(arn)]
	k.settle(worldStart)
	if k.current != 0 {
		t.Errorf("got generation %d, want the first", k.current)
	}
	k.settle(worldStart.Add(365 * day))
	if k.current != 1 {
		t.Errorf("a year later: got generation %d, want the second", k.current)
	}
}
