package plan_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
)

var update = flag.Bool("update", false, "write the golden plans")

func TestGoldenPlans(t *testing.T) {
	commands := func(kind plan.Command, choose func(keyrotor.Asset) bool, c plan.CommandOptions) func() (keyrotor.Plan, error) {
		return func() (keyrotor.Plan, error) {
			o := options()
			o.PeriodDays, o.Choose = 180, choose
			if choose != nil {
				o.Selection = "--all"
			}
			return plan.BuildCommand(kind, of(estate()...), o, c)
		}
	}
	all := func(keyrotor.Asset) bool { return true }
	for name, build := range map[string]func() (keyrotor.Plan, error){
		"enable": func() (keyrotor.Plan, error) { return plan.Build(of(estate()...), options()) },
		"overdue": func() (keyrotor.Plan, error) {
			o := options()
			o.RotateOverdue = true
			return plan.Build(of(estate()...), o)
		},
		"set-period": commands(plan.CommandSetPeriod, all, plan.CommandOptions{}),
		"rotate-now": commands(plan.CommandRotateNow, all, plan.CommandOptions{}),
		"tag":        commands(plan.CommandTag, all, plan.CommandOptions{Tags: map[string]string{"owner": "team-b", "env": "dev"}}),
		"create-key": commands(plan.CommandCreateKey, nil, plan.CommandOptions{Key: plan.NewKey{
			Account: "111122223333", Region: "us-east-1", Alias: "alias/new", Description: "made by hand", Tags: map[string]string{"env": "dev"},
		}}),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := build()
			if err != nil {
				t.Fatal(err)
			}
			got, err := plan.Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			back, err := plan.Decode(file, got)
			if err != nil {
				t.Fatal(err)
			}
			again, err := plan.Encode(back)
			if err != nil || string(again) != string(got) {
				t.Errorf("decoded and encoded again it is another file (%v)", err)
			}
		})
	}
}
