package plan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/plan"
)

// FuzzNewKeyPolicy: the policy of a key to be made is a JSON object that a plan holds
// unchanged, or is refused.
func FuzzNewKeyPolicy(f *testing.F) {
	wrong := func(policy string) []string {
		return plan.NewKey{Account: "111122223333", Region: "us-east-1", Alias: "alias/new", Policy: policy}.Wrong(0)
	}
	for policy, good := range map[string]bool{
		`{"Version":"2012-10-17","Statement":[]}`: true, "": true, " {}\n": true, `{"a":"` + strings.Repeat("x", 32*1024-8) + `"}`: true,
		`{"a":"` + strings.Repeat("x", 32*1024-7) + `"}`: false, "null": false, "[]": false, `"{}"`: false, " ": false, "{} {}": false, "{\"a\":\"\xff\"}": false,
	} {
		if why := wrong(policy); (len(why) == 0) != good {
			f.Errorf("%.40q (%d bytes): got %q, good %t", policy, len(policy), why, good)
		}
		if len(policy) < 1024 { // what is long takes the fuzzer its time
			f.Add(policy)
		}
	}
	f.Fuzz(func(t *testing.T, policy string) {
		var value any
		err := json.Unmarshal([]byte(policy), &value)
		_, object := value.(map[string]any)
		written, _ := json.Marshal(policy)
		var again string
		unchanged := json.Unmarshal(written, &again) == nil && again == policy
		want := policy == "" || err == nil && object && unchanged && len(policy) <= 32*1024
		if why := wrong(policy); (len(why) == 0) != want {
			t.Errorf("%q: got %q, good %t", policy, why, want)
		}
	})
}
