package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/plan"
)

func TestNarrow(t *testing.T) {
	p := build(t, options(), estate()...)
	t.Run("choosing all is the plan itself", func(t *testing.T) {
		n, err := plan.Narrow(p, func(keyrotor.Change) bool { return true }, "--all", guard.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, n); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("choosing none is refused", func(t *testing.T) {
		_, err := plan.Narrow(p, func(keyrotor.Change) bool { return false }, "asset.id == 'x'", guard.Limits{})
		var refusal *keyrotor.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "asset.id == 'x'") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a choice has a digest, waves, budget, cost and warnings of its own", func(t *testing.T) {
		n, err := plan.Narrow(p, func(c keyrotor.Change) bool { return c.Seen.Env == "prod" }, `asset.tags.env == "prod"`, guard.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if n.From != p.Digest || n.Digest == p.Digest || n.Selection != `asset.tags.env == "prod"` {
			t.Errorf("from %s, digest %s, selection %s", n.From, n.Digest, n.Selection)
		}
		if diff := cmp.Diff([][]string{{"alias/key-1"}}, rollout(n)); diff != "" {
			t.Errorf("waves (-want +got):\n%s", diff)
		}
		calls := 0
		for _, b := range n.Budget {
			calls += b.Count
		}
		if calls != 6 || n.Cost.FirstMonthly != 100 || len(n.Budget) != 3 {
			t.Errorf("%d calls, %d cents", calls, n.Cost.FirstMonthly)
		}
		if slices.ContainsFunc(n.Warnings, func(w string) bool { return strings.Contains(w, "template") }) {
			t.Errorf("warns of templates that the choice leaves out: %q", n.Warnings)
		}
		if !slices.ContainsFunc(n.Warnings, func(w string) bool { return strings.Contains(w, "left out") }) {
			t.Errorf("no longer says what was left out: %q", n.Warnings)
		}
	})
	t.Run("production without its canary stays last", func(t *testing.T) {
		n, err := plan.Narrow(p, func(c keyrotor.Change) bool { return c.Seen.Env == "prod" || c.Target.Name == "alias/key-3" }, "x", guard.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{"alias/key-3"}, {"alias/key-1"}}, rollout(n)); diff != "" {
			t.Errorf("waves (-want +got):\n%s", diff)
		}
	})
}

// The warnings about limits were dropped with the choice, also where the chosen
// changes are still more than apply will do.
func TestAChoiceSaysWhichLimitsItStillExceeds(t *testing.T) {
	o := options()
	o.Limits = guard.Limits{MaxPerRun: 1}
	p := build(t, o, key(1), key(2), key(3))
	about := func(keep int) []string {
		n, err := plan.Narrow(p, func(c keyrotor.Change) bool { return slices.Index(ids(p), c.ID) < keep }, "x", o.Limits)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(n.Warnings, func(w string) bool { return !strings.HasPrefix(w, "more than apply will do") })
	}
	if diff := cmp.Diff([]string{"more than apply will do: 2 changes, and a run may make 1"}, about(2)); diff != "" {
		t.Errorf("two of three chosen (-want +got):\n%s", diff)
	}
	if got := about(1); len(got) > 0 {
		t.Errorf("one of three chosen: %q, want nothing about limits", got)
	}
}

func ids(p keyrotor.Plan) []keyrotor.ChangeID {
	var all []keyrotor.ChangeID
	for _, c := range p.Changes {
		all = append(all, c.ID)
	}
	return all
}

func TestAChoiceSurvivesItsFileAndKeepsItsChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		if len(p.Changes) == 0 {
			t.Skip("nothing to choose from")
		}
		keep := map[keyrotor.ChangeID]bool{}
		for _, c := range p.Changes {
			if rapid.Bool().Draw(t, "keep") {
				keep[c.ID] = true
			}
		}
		if len(keep) == 0 {
			keep[p.Changes[0].ID] = true
		}
		n, err := plan.Narrow(p, func(c keyrotor.Change) bool { return keep[c.ID] }, "some", guard.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := plan.Encode(n)
		if err != nil {
			t.Fatal(err)
		}
		back, err := plan.Decode("plan.json", text)
		if err != nil {
			t.Fatal(err)
		}
		before := map[keyrotor.ChangeID]keyrotor.Change{}
		for _, c := range p.Changes {
			before[c.ID] = c
		}
		for _, c := range back.Changes {
			if !keep[c.ID] {
				t.Fatalf("%s was not chosen", c.ID)
			}
			if lines := plan.Diff(keyrotor.Plan{Changes: []keyrotor.Change{before[c.ID]}}, keyrotor.Plan{Changes: []keyrotor.Change{c}}); len(lines) > 0 {
				t.Fatalf("another change than in the plan it was chosen from: %q", lines)
			}
		}
		if len(back.Changes) != len(keep) {
			t.Fatalf("got %d changes, want %d", len(back.Changes), len(keep))
		}
	})
}

func TestSelect(t *testing.T) {
	p := build(t, options(), estate()...)
	first := p.Changes[0]
	for name, id := range map[string]string{
		"by key id": first.Target.ID, "by ARN": first.Target.ARN, "by alias": "alias/key-2", "by the alias's name": "key-2", "by change id": string(first.ID),
	} {
		t.Run(name, func(t *testing.T) {
			keep, err := plan.Select(p, nil, id)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range p.Changes {
				if keep(c) {
					got = append(got, c.Target.Name)
				}
			}
			if diff := cmp.Diff([]string{"alias/key-2"}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("what names nothing is refused, and what rotates already is told apart", func(t *testing.T) {
		_, err := plan.Select(p, nil, "key-2", "nobody", "alias/key-6", "")
		want := `a choice from plan ` + p.Digest.Short() + `: "nobody" names no change of the plan; "alias/key-6" is rotating already and cannot be chosen; "" names no change of the plan`
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

func TestDiff(t *testing.T) {
	a := build(t, options(), key(1), key(2), key(3))
	o := options()
	o.PeriodDays, o.Ticket = 2560, "OPS 8"
	b := build(t, o, key(2), key(3, func(a *keyrotor.Assessment) { a.Asset.ManagedBy = &keyrotor.Manager{Tool: "terraform"} }), key(4))
	lines := plan.Diff(a, b)
	for _, want := range []string{
		"change 1 alias/key-2: period 365 → 2560", "change 2 alias/key-3: seen managed by tool none → terraform",
		"change 3 alias/key-4: added", "change 1 alias/key-1: removed", `ticket OPS-7 → "OPS 8"`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

func TestTokens(t *testing.T) {
	a, b := plan.Token("sha256:aa", "c1"), plan.Token("sha256:aa", "c2")
	if a == b || a != plan.Token("sha256:aa", "c1") || a == plan.Token("sha256:ab", "c1") {
		t.Errorf("got %s, %s", a, b)
	}
	if len(a) < 32 || len(a) > 64 || strings.Trim(a, "0123456789abcdef") != "" {
		t.Errorf("%s is no ClientRequestToken", a)
	}
}

// A name that keys of several accounts bear chose them all, unsaid.
func TestANameThatKeysInSeveralPlacesBearChoosesNone(t *testing.T) {
	p := build(t, options(), key(1), key(2), key(1, in("444455556666", "eu-west-1"), func(a *keyrotor.Assessment) {
		a.Asset.ID = "00000001-0000-4000-8000-00000000000f"
		a.Asset.ARN = "arn:aws:kms:eu-west-1:444455556666:key/" + a.Asset.ID
	}))
	_, err := plan.Select(p, nil, "alias/key-2", "key-1")
	var refusal *keyrotor.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal", err)
	}
	want := []string{
		`"key-1" names a key in each of 2 places, and would choose all of them:`,
		"111122223333/us-east-1: --ids arn:aws:kms:us-east-1:111122223333:key/00000001-0000-4000-8000-000000000000",
		"444455556666/eu-west-1: --ids arn:aws:kms:eu-west-1:444455556666:key/00000001-0000-4000-8000-00000000000f",
	}
	if diff := cmp.Diff(want, refusal.Why); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, line := range want[1:] {
		_, arn, _ := strings.Cut(line, "--ids ")
		if _, err := plan.Select(p, nil, arn); err != nil {
			t.Errorf("what is said to help does not: %v", err)
		}
	}
}

func TestAKeyThatRotatesAlreadyIsToldApartBeyondThePlansSample(t *testing.T) {
	p := build(t, options(), key(1))
	rotates := func(id string) bool { return id == "alias/key-150" }
	_, err := plan.Select(p, rotates, "alias/key-150", "alias/nobody", "")
	want := `a choice from plan ` + p.Digest.Short() + `: "alias/key-150" is rotating already and cannot be chosen; "alias/nobody" names no change of the plan; "" names no change of the plan`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
