package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/testenv"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// sampled are the rows of a plan that lists all of its rotating keys.
func sampled(pl keyrotor.Plan) []rotatingKey {
	var rows []rotatingKey
	for _, seen := range pl.Rotating {
		rows = append(rows, rotatingRow(seen, false))
	}
	return rows
}

// mostlyRotating has n keys that rotate, every third of production, and two that
// do not.
func mostlyRotating(n int) sandbox.WorldSpec {
	return oneAccount("rotating", func(ago func(int) time.Time) []sandbox.KeySeed {
		seeds := []sandbox.KeySeed{{Aliases: []string{"alias/off"}, Created: ago(800)}, {Aliases: []string{"alias/off-too"}, Created: ago(800)}}
		for i := range n {
			seeds = append(seeds, sandbox.KeySeed{
				Aliases: []string{fmt.Sprintf("alias/on-%03d", i)}, Created: ago(800), RotationSince: ago(800), RotationPeriodDays: 365,
				Tags: map[string]string{"env": []string{"prod", "dev", "test"}[i%3]},
			})
		}
		return seeds
	})
}

// The list showed the hundred keys that a plan repeats of those that rotate, and
// counted after a filter what it found among those.
func TestTheListShowsEveryKeyThatRotatesAndNotThePlansSample(t *testing.T) {
	testenv.Slow(t, "a world of many keys")
	const rotating = 180
	_, url := watch(t, mostlyRotating(rotating), sandbox.Options{})
	r := newRig(t, url, sandbox.Management)
	r.must(exitDone, "scan")
	r.must(exitDone, "plan")
	pl, err := readPlanFile(filepath.Join(r.dir, "plan.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(pl.Rotating) != 100 || pl.RotatingTotal != rotating {
		t.Fatalf("the plan lists %d of %d rotating keys; the test needs a sample", len(pl.Rotating), pl.RotatingTotal)
	}
	p := &program{out: io.Discard, err: io.Discard, env: func(string) string { return "" }, now: time.Now, flags: globalFlags{
		config: filepath.Join(r.dir, "keyrotor.yaml"), state: filepath.Join(r.dir, "state"), output: string(report.Text),
	}}
	s, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.state.Run(pl.Run)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.rotatingIn(run, pl)
	if err != nil {
		t.Fatal(err)
	}
	c := newChooser(pl, rows, "", report.Style{})
	c.Update(tea.WindowSizeMsg{Width: 120, Height: 35})
	for _, step := range []struct {
		keys []string
		want string
	}{
		{nil, "2 shown, 2 of them chosen · 180 rotate already"},
		{[]string{"/", "'env=prod'", "enter"}, "0 shown, 0 of them chosen · 60 rotate already"},
		{[]string{"esc", "/", "'on-179'", "enter"}, "alias/on-179"},
	} {
		press(t, c, step.keys...)
		if !strings.Contains(screen(c), step.want) {
			t.Errorf("after %v the screen does not say %q:\n%s", step.keys, step.want, screen(c))
		}
	}

	// Every one of them is told apart from a name of nothing.
	for id, want := range map[string]string{
		"alias/on-179":  `"alias/on-179" is rotating already and cannot be chosen`,
		"on-003":        `"on-003" is rotating already and cannot be chosen`,
		"alias/nothing": `"alias/nothing" names no change of the plan`,
	} {
		if out := r.must(exitUsage, "approve", "--no-sign", "--ids", id, "plan.json"); !strings.Contains(out, want) {
			t.Errorf("--ids %s does not say %q:\n%s", id, want, out)
		}
	}

	// A plan for some of the keys has those of them that rotate, and so has a choice from it.
	r.must(exitDone, "plan", "--select", `!("env" in asset.tags && asset.tags.env == "dev")`, "-o", "some.json")
	r.must(exitDone, "approve", "--no-sign", "--ids", "alias/off", "--out", "fewer.json", "some.json")
	for _, file := range []string{"some.json", "fewer.json"} {
		pl, err := readPlanFile(filepath.Join(r.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.rotatingIn(run, pl)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 120 || pl.RotatingTotal != 120 {
			t.Errorf("%s: %d rows of %d, want 120", file, len(rows), pl.RotatingTotal)
		}
	}
}

// The filter answers at each letter, also among a hundred thousand keys.
func TestTheListOfAHundredThousandKeysStaysSmallAndQuick(t *testing.T) {
	rows := make([]rotatingKey, 100_000)
	for i := range rows {
		rows[i] = rotatingRow(keyrotor.Seen{
			ARN: fmt.Sprintf("arn:aws:kms:us-east-1:111122223333:key/%08d-0000-4000-8000-000000000000", i), Aliases: []string{fmt.Sprintf("alias/k%d", i)},
			Description: strings.Repeat("d", 100), Rotation: "on, 365 d", Env: "prod",
		}, false)
	}
	c := newChooser(choosing(10), rows, "", report.Style{})
	began := time.Now()
	press(t, c, "/", "'alias/k99999'", "enter")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("twelve letters took %s", took)
	}
	if len(c.shown) != 1 || !strings.Contains(screen(c), "1 rotate already") {
		t.Errorf("%d rows are shown:\n%s", len(c.shown), screen(c))
	}
}

// A plan has keys as they answered: the list showed them in another order after
// every scan.
func TestKeysThatRotateStandByAccountRegionAndName(t *testing.T) {
	var pl keyrotor.Plan
	for _, at := range []string{"us-east-1:2:b", "us-east-1:1:z", "eu-west-1:2:c", "us-east-1:2:a", "eu-west-1:1:y"} {
		place, name := at[:strings.LastIndex(at, ":")], at[strings.LastIndex(at, ":")+1:]
		pl.Rotating = append(pl.Rotating, keyrotor.Seen{ARN: "arn:aws:kms:" + place + ":key/" + name, Aliases: []string{"alias/" + name}})
	}
	pl.RotatingTotal = len(pl.Rotating)
	rows, err := (&session{}).rotatingIn(nil, pl)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.name)
	}
	if diff := cmp.Diff([]string{"alias/y", "alias/z", "alias/c", "alias/a", "alias/b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
