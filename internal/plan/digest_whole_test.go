package plan_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

// The digest is hashed and the file written in parts; anybody with an RFC 8785
// library and an encoder of JSON must get the same from the whole.
func TestTheDigestAndTheFileAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", "a", `"changes":[]`, "\u2028\x00é", `\"changes\":[]`, "changes"})
		p := keyrotor.Plan{
			Schema: keyrotor.SchemaPlan, Version: 1, Run: keyrotor.RunID(word.Draw(t, "run")),
			Author: keyrotor.Author{Identity: word.Draw(t, "identity"), Principal: word.Draw(t, "principal")},
			Reason: word.Draw(t, "reason"), Warnings: []string{word.Draw(t, "warning")},
		}
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			c := keyrotor.Change{ID: keyrotor.ChangeID(word.Draw(t, "id")), Steps: []keyrotor.Step{{Number: 1, Params: keyrotor.Params{Alias: word.Draw(t, "alias")}}}}
			p.Changes = append(p.Changes, c)
			p.Waves = append(p.Waves, keyrotor.Wave{Changes: []keyrotor.ChangeID{c.ID}})
			p.Budget = append(p.Budget, keyrotor.CallBudget{Call: word.Draw(t, "call")})
		}
		d, err := plan.Digest(p)
		if err != nil {
			t.Fatal(err)
		}
		text, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		var oneGo bytes.Buffer
		enc := json.NewEncoder(&oneGo)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		var back keyrotor.Plan
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if err := enc.Encode(back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(oneGo.String(), string(text)); diff != "" {
			t.Fatalf("the file written change by change is not that written in one go (-one go +by change):\n%s", diff)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		delete(members, "digest")
		whole, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		form, err := jcs.Transform(whole)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(form)
		if want := keyrotor.Digest("sha256:" + hex.EncodeToString(sum[:])); d != want {
			t.Fatalf("digest %s, of the whole form %s", d, want)
		}
	})
}
