package apply_test

import (
	"context"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/apply"
	"github.com/keyrotor/keyrotor/internal/apply/applytest"
)

// naming is switches that say which key they made.
type naming struct{ *switches }

func (naming) Result(_ context.Context, s keyrotor.Step) (map[string]string, error) {
	return map[string]string{"key_id": "made-by-" + s.Token}, nil
}

// A copy of a run found the key that the first had made, and did not say which: no
// verification could ever look at it.
func TestWhatIsFoundIsNamedLikeWhatIsMade(t *testing.T) {
	t.Parallel()
	for name, announced := range map[string]bool{"found without an intent": false, "found after a crash": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, j := newSwitches(), &applytest.Journal{}
			w.set("k1/" + string(keyrotor.CreateKey))
			if announced {
				intend(t, j, apply.Intent{Change: "k1", Step: 1, Verb: keyrotor.CreateKey, Token: "token-k1", At: noon})
			}
			e := executor(w, j)
			e.Actor = func(keyrotor.Step) (apply.Actor, bool) { return naming{w}, true }
			got := only(t, e, change("k1", "1", keyrotor.CreateKey))
			if len(got.Receipts) != 1 || got.Receipts[0].Found == announced || got.Receipts[0].Result["key_id"] != "made-by-token-k1" {
				t.Errorf("got %s with receipts %+v, want the key named", got.State, got.Receipts)
			}
			if n := len(w.effects()); n > 0 {
				t.Errorf("%d calls were made", n)
			}
		})
	}
}
