package assess_test

import (
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

func TestMissingRotationsAreClaimedOnlyWhenTheDatesProveThem(t *testing.T) {
	t.Parallel()
	automatic := func(days ...int) []keyrotor.Rotation {
		var list []keyrotor.Rotation
		for _, d := range days {
			list = append(list, keyrotor.Rotation{At: ago(d), Type: "AUTOMATIC"})
		}
		return list
	}
	for name, tc := range map[string]struct {
		period int
		next   *time.Time
		done   []keyrotor.Rotation
		want   keyrotor.Verdict
	}{
		"a schedule without a gap":                            {365, in(265), automatic(465, 100), keyrotor.Pass},
		"never rotated, switched on lately":                   {365, in(300), nil, keyrotor.Pass},
		"never rotated, and the first date is long past":      {365, in(-40), nil, keyrotor.Fail},
		"the date passed two days ago":                        {365, in(-2), automatic(367), keyrotor.Pass},
		"the date passed four days ago":                       {365, in(-4), automatic(369), keyrotor.Fail},
		"the date is past but the rotation is there":          {365, in(-4), automatic(369, 4), keyrotor.Pass},
		"on schedule, yet last year is missing":               {365, in(265), automatic(465), keyrotor.Fail},
		"on schedule, two years are missing":                  {365, in(265), automatic(830), keyrotor.Fail},
		"on demand does not stand for automatic":              {365, in(265), append(automatic(465), keyrotor.Rotation{At: ago(99), Type: "ON_DEMAND"}), keyrotor.Fail},
		"switched off and on again: the clock was restarted":  {365, in(200), automatic(465), keyrotor.Pass},
		"the period was shortened":                            {90, in(60), automatic(200), keyrotor.Pass},
		"no next date, and the last is within its period":     {365, nil, automatic(300), keyrotor.Pass},
		"no next date, and a period and more has passed":      {365, nil, automatic(400), keyrotor.Fail},
		"no next date and no rotation: nothing can be proven": {365, nil, nil, keyrotor.Pass},
		"a period of nonsense":                                {1 << 40, in(-4), automatic(369), keyrotor.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}})
			got := finding(a.Assess(healthy(func(a *keyrotor.Asset) {
				a.KMS.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: tc.period, Next: tc.next}
				a.KMS.History = &keyrotor.RotationHistory{Rotations: tc.done}
			})), "kms-rotation-missing-from-history")
			if got.Verdict != tc.want {
				t.Errorf("got %s (%s), want %s", got.Verdict, got.Message, tc.want)
			}
		})
	}
}
