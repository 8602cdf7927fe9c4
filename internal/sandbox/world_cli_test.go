package sandbox

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/testenv"
)

// TestTheAWSCommandLineWalksAnOrganization checks the wire forms against a
// client that shares no code with the Go SDK.
func TestTheAWSCommandLineWalksAnOrganization(t *testing.T) {
	testenv.Need(t, "awscli")
	_, url := loadSpec(t, manyAccounts(t), Options{})
	for command, test := range map[string]struct {
		caller string
		want   any // of the query
	}{
		"sts get-caller-identity --query Arn":                                                          {"anybody", "arn:aws:iam::111111111111:user/sandbox"},
		"organizations list-accounts --query length(Accounts)":                                         {Management, 50.0},
		"account list-regions --region-opt-status-contains ENABLED_BY_DEFAULT --query length(Regions)": {Management, 4.0},
		"ec2 describe-regions --query length(Regions)":                                                 {Management, 4.0},
		"resourcegroupstaggingapi get-resources --resource-type-filters kms:key --tag-filters Key=owner,Values=team-1 --query length(ResourceTagMappingList)": {Management, 72.0},
		"sts assume-role --role-arn arn:aws:iam::700081675344:role/keyrotor-scan --role-session-name run-1 --query AssumedRoleUser.Arn": {
			Management, "arn:aws:sts::700081675344:assumed-role/keyrotor-scan/run-1",
		},
	} {
		t.Run(strings.Join(strings.Fields(command)[:2], " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), testenv.AWS(t), append(strings.Fields(command), "--output", "json")...)
			cmd.Env = append(os.Environ(),
				"AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID="+test.caller, "AWS_SECRET_ACCESS_KEY=x",
				"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1",
				"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PAGER=",
			)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, stderrOf(err))
			}
			var got any
			if err := json.Unmarshal(out, &got); err != nil || got != test.want {
				t.Errorf("got %s, want %v", out, test.want)
			}
		})
	}
}

func stderrOf(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(e.Stderr)
	}
	return ""
}
