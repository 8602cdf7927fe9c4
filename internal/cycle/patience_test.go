package cycle_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

// KMS may show the key as it was for seconds after it was changed.
func TestVerifyLooksAgainUntilTheServiceShowsIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		patience time.Duration
		shows    int // the look that sees the change
		want     keyrotor.VerificationVerdict
		looks    func(int) bool
	}{
		"seen at once":                 {time.Minute, 1, keyrotor.Confirmed, func(n int) bool { return n == 1 }},
		"seen late":                    {time.Minute, 3, keyrotor.Confirmed, func(n int) bool { return n == 3 }},
		"nobody waits":                 {0, 3, keyrotor.Discrepant, func(n int) bool { return n == 1 }},
		"never seen":                   {500 * time.Millisecond, 1 << 30, keyrotor.Discrepant, func(n int) bool { return n >= 2 }},
		"late, and patience too short": {300 * time.Millisecond, 50, keyrotor.Discrepant, func(n int) bool { return n >= 2 && n < 50 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEstate(t)
			p := e.planFor(t, day, "k1")
			if _, err := e.apply(t, p, e.approval(t, p, time.Hour)); err != nil {
				t.Fatal(err)
			}
			rec := e.open(t)
			defer rec.Close()
			looks := 0
			found, err := cycle.Verify(t.Context(), rec, cycle.VerifyOptions{
				Plan: p, Now: time.Now, Patience: tt.patience, Concurrency: 1,
				Look: func(ctx context.Context, at keyrotor.Target, facts []string) (keyrotor.Asset, error) {
					a, err := e.look(ctx, at, facts)
					if looks++; looks < tt.shows {
						a.KMS.Rotation.On = false
					}
					return a, err
				},
			})
			if err != nil || len(found) != 1 {
				t.Fatalf("got %+v, %v, want one verification", found, err)
			}
			if got := found[0]; got.Verdict != tt.want || got.Looks != looks || !tt.looks(looks) {
				t.Errorf("got %s after %d looks, of which it tells %d; want %s", got.Verdict, looks, got.Looks, tt.want)
			}
		})
	}
}
