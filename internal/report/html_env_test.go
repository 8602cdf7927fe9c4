package report_test

import (
	"testing"

	"github.com/keyrotor/keyrotor"
)

// The report knew a few names of tags, and not the one that was configured.
func TestTheEnvironmentIsThatOfTheConfiguredTag(t *testing.T) {
	for name, c := range map[string]struct{ configured, planned, want string }{
		"without a word it is env":                            {"", "", "– from-env"},
		"the configured one":                                  {"umgebung", "", "– from-umgebung"},
		"the plan's own goes first, for its waves went by it": {"umgebung", "stage", "– from-stage"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.run.EnvTag = c.configured
			if c.planned != "" {
				e.run.Plan = &keyrotor.Plan{Rollout: keyrotor.Rollout{EnvTag: c.planned}}
			}
			e.key(keyrotor.ViewTarget, func(a *keyrotor.Assessment) {
				a.Asset.Tags = map[string]string{"env": "from-env", "stage": "from-stage", "umgebung": "from-umgebung"}
			})
			says(t, htmlText(t, e.run), testAccount(0)+" us-east-1 "+c.want)
		})
	}
}
