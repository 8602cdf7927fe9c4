package aws_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/aws"
)

func TestWhatIsReadElsewhereThanFromAWSSaysFromWhere(t *testing.T) {
	mixedWorld(t, nil)
	at := os.Getenv("AWS_ENDPOINT_URL")
	e := open(t, aws.Config{})
	want := []aws.ForeignEndpoint{{URL: at, From: "AWS_ENDPOINT_URL"}}
	if diff := cmp.Diff(want, e.ForeignEndpoints()); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	_, _, _, p := collect(t, e)
	if diff := cmp.Diff([]string{at}, p.Endpoints); diff != "" {
		t.Errorf("the population's endpoints (-want +got):\n%s", diff)
	}
	found, err := e.Doctor(t.Context(), aws.VisitSome)
	if err != nil {
		t.Fatal(err)
	}
	c := find(t, found.Checks, home, aws.RoleOwn, "endpoint")
	if c.Status != aws.CheckWarn || !strings.HasPrefix(c.Detail, at+" (AWS_ENDPOINT_URL)") || c.Fix == "" {
		t.Errorf("got %+v", c)
	}
}

func TestAnEndpointIsNamedWithoutItsSecrets(t *testing.T) {
	mixedWorld(t, nil)
	at := os.Getenv("AWS_ENDPOINT_URL")
	for given, want := range map[string][]aws.ForeignEndpoint{
		"http://user:hunter2@emulator.example:4566/aws/?token=hunter2#x": {{URL: "http://emulator.example:4566/aws", From: "AWS_ENDPOINT_URL_KMS"}},
		"hunter2":                                                 {{URL: "an address that is no URL", From: "AWS_ENDPOINT_URL_KMS"}},
		"https://kms.eu-west-1.amazonaws.com":                     nil,
		"https://kms-fips.us-east-1.api.aws":                      nil,
		"https://kms.cn-north-1.amazonaws.com.cn":                 nil,
		"https://vpce-0a1b-2c3d.kms.eu-west-1.vpce.amazonaws.com": nil,
		"http://kms.eu-west-1.amazonaws.com":                      {{URL: "http://kms.eu-west-1.amazonaws.com", From: "AWS_ENDPOINT_URL_KMS"}},
		"https://ec2-1-2-3-4.compute-1.amazonaws.com":             {{URL: "https://ec2-1-2-3-4.compute-1.amazonaws.com", From: "AWS_ENDPOINT_URL_KMS"}},
		"https://kms.eu-west-1.amazonaws.com.evil.example":        {{URL: "https://kms.eu-west-1.amazonaws.com.evil.example", From: "AWS_ENDPOINT_URL_KMS"}},
	} {
		t.Setenv("AWS_ENDPOINT_URL_KMS", given)
		e := open(t, aws.Config{})
		want = append(want, aws.ForeignEndpoint{URL: at, From: "AWS_ENDPOINT_URL"})
		if diff := cmp.Diff(want, e.ForeignEndpoints()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", given, diff)
		}
	}
}
