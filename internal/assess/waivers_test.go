package assess_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

const waiverYAML = `
- match: asset.account == "111122223333" && asset.tags.env == "prod"
  rule: kms-rotation-on
  reason: vendor reads raw ciphertext until its Q1 release
  until: UNTIL
  approver: carol@example.com
`

func waivers(t *testing.T, until string) *assess.Waivers {
	t.Helper()
	w, err := assess.LoadWaivers("waivers.yaml", []byte(strings.Replace(waiverYAML, "UNTIL", until, 1)), today(), "carol@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAWaiverTurnsAFailureIntoWaived(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]string{"next year": "2027-03-31", "through its last day": "2026-11-21"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, Waivers: waivers(t, until)})
			got := finding(a.Assess(healthy(rotationOff)), "kms-rotation-on")
			end, err := time.Parse(time.DateOnly, until)
			if err != nil {
				t.Fatal(err)
			}
			want := &keyrotor.AppliedWaiver{Match: `asset.account == "111122223333" && asset.tags.env == "prod"`, Reason: "vendor reads raw ciphertext until its Q1 release", Until: end, Approver: "carol@example.com", Signer: "carol@example.com"}
			if diff := cmp.Diff(want, got.Waiver); got.Verdict != keyrotor.Waived || diff != "" {
				t.Errorf("verdict %s, waiver (-want +got):\n%s", got.Verdict, diff)
			}
			if c := a.Counts(); c.Waived != 1 || len(a.Lapsed()) != 0 {
				t.Errorf("counted %d waived and %d expired, want 1 and 0", c.Waived, len(a.Lapsed()))
			}
		})
	}
}

func TestAnExpiredWaiverIsAFindingAndTheFailureIsBack(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, Waivers: waivers(t, "2026-11-20")})
	got := a.Assess(healthy(rotationOff))
	if f := finding(got, "kms-rotation-on"); f.Verdict != keyrotor.Fail || f.Waiver != nil || f.Message != "rotation is off; its waiver ended on 20 Nov 2026" {
		t.Errorf("got %+v, want a failure that names the end of its waiver", f)
	}
	want := []keyrotor.Assessment{{
		Asset: keyrotor.Asset{Kind: keyrotor.KindWaiver, ID: "waivers.yaml:2"},
		Findings: []keyrotor.Finding{{
			Rule: "waiver-expired", Severity: keyrotor.Medium, Verdict: keyrotor.Fail,
			Message: `the waiver of kms-rotation-on for asset.account == "111122223333" && asset.tags.env == "prod" ended on 20 Nov 2026; approved by carol@example.com: vendor reads raw ciphertext until its Q1 release`,
		}},
	}}
	if diff := cmp.Diff(want, a.Lapsed()); diff != "" {
		t.Errorf("findings of waivers (-want +got):\n%s", diff)
	}
	if f := finding(got, "waiver-expired"); f.Rule != "" {
		t.Errorf("it stands beside the key as well: %+v", f)
	}
	a.Assess(healthy())
	counts := a.Counts().Rules
	if last := counts[len(counts)-1]; last.ID != "waiver-expired" || last.Verdicts[keyrotor.Fail] != 1 {
		t.Errorf("got %+v, want one failure of waiver-expired", last)
	}
}

// Two had ended in a signed file, of a key that passes and of one that is gone, and
// nobody heard of either.
func TestEveryExpiredWaiverIsOneFindingWhateverItsKeysDo(t *testing.T) {
	t.Parallel()
	const two = `
- {match: "asset.id == '1'", rule: kms-rotation-on, reason: r, until: 2026-11-20, approver: carol@example.com}
- {match: "true", rule: kms-owner-tag, reason: r, until: 2026-11-21, approver: carol@example.com}
- {match: "asset.id == 'gone'", rule: kms-public-policy, reason: r, until: 2020-01-01, approver: carol@example.com}
`
	w, err := assess.LoadWaivers("/home/me/estate/waivers.yaml", []byte(two), today(), "carol@example.com")
	if err != nil {
		t.Fatal(err)
	}
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, Waivers: w})
	for _, asset := range []keyrotor.Asset{healthy(), healthy(rotationOff), healthy(func(a *keyrotor.Asset) { a.KMS.Policy.Public = true })} {
		a.Assess(asset)
		a.Assess(asset) // a report holds the keys against the rules once more
	}
	var places []string
	for _, l := range a.Lapsed() {
		places = append(places, l.Asset.ID)
	}
	if diff := cmp.Diff([]string{"waivers.yaml:2", "waivers.yaml:4"}, places); diff != "" {
		t.Errorf("expired (-want +got):\n%s", diff)
	}
	counts := a.Counts().Rules
	if last := counts[len(counts)-1]; last.ID != "waiver-expired" || last.Verdicts[keyrotor.Fail] != 2 {
		t.Errorf("got %+v, want two failures of waiver-expired: --fail-on counts by them", last)
	}
	if left := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}}).Lapsed(); left != nil {
		t.Errorf("without waivers %v have ended", left)
	}
}

func TestAWaiverCoversOnlyWhatItMatches(t *testing.T) {
	t.Parallel()
	a := assessor(t, assess.Options{Packs: []*assess.Pack{builtin(t)}, Waivers: waivers(t, "2027-03-31")})
	for name, asset := range map[string]keyrotor.Asset{
		"another environment": healthy(rotationOff, func(a *keyrotor.Asset) { a.Tags["env"] = "dev" }),
		"no such tag":         healthy(rotationOff, func(a *keyrotor.Asset) { delete(a.Tags, "env") }),
		"tags were refused":   healthy(rotationOff, refused(keyrotor.FactTags)),
	} {
		if got := finding(a.Assess(asset), "kms-rotation-on").Verdict; got != keyrotor.Fail {
			t.Errorf("%s: got %s, want fail", name, got)
		}
	}
	got := a.Assess(healthy(rotationOff, func(a *keyrotor.Asset) { a.KMS.Policy.Public = true }))
	if v := finding(got, "kms-public-policy").Verdict; v != keyrotor.Fail {
		t.Errorf("another rule: got %s, want fail", v)
	}
}

func TestAWaiverForNoRuleIsRefused(t *testing.T) {
	t.Parallel()
	w, err := assess.LoadWaivers("waivers.yaml", []byte(strings.NewReplacer("UNTIL", "2027-03-31", "kms-rotation-on", "kms-rotation-onn").Replace(waiverYAML)), today(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = assess.New(assess.Options{Packs: []*assess.Pack{builtin(t)}, Waivers: w, Now: today()})
	if err == nil || !strings.HasPrefix(err.Error(), `waivers.yaml:3:9: waiver: no rule "kms-rotation-onn"`) {
		t.Errorf("got %v, want a refusal with its place", err)
	}
}
