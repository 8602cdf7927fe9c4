package sandbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// codeOf is the AWS error code of err, "" for none.
func codeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestCallerIdentityNamesTheAccountOfTheKey(t *testing.T) {
	_, url := load(t, "small", Options{})
	for key, want := range map[string]string{
		"222222222222": "arn:aws:iam::222222222222:user/sandbox",
		"anything":     "arn:aws:iam::111111111111:user/sandbox",
	} {
		out, err := sts.NewFromConfig(as(url, key, "us-east-1")).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if *out.Arn != want || !strings.HasPrefix(want, "arn:aws:iam::"+*out.Account) || *out.UserId == "" {
			t.Errorf("key %s: got %s in %s, want %s", key, *out.Arn, *out.Account, want)
		}
	}
}

func TestAssumeRole(t *testing.T) {
	s, url := load(t, "demo", Options{})
	m := s.members["641250388507"]
	m.Roles = append(m.Roles, RoleSpec{Name: "with-id", ExternalID: "agreed", Trusts: []string{Management}})
	s.members["641250388507"] = m
	const scan = "arn:aws:iam::641250388507:role/keyrotor-scan"
	valid := func(arn string) sts.AssumeRoleInput {
		return sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: new("run-1")}
	}
	with := func(arn string, change func(*sts.AssumeRoleInput)) sts.AssumeRoleInput {
		in := valid(arn)
		change(&in)
		return in
	}
	for name, test := range map[string]struct {
		caller, code string
		in           sts.AssumeRoleInput
	}{
		"from the management account":     {Management, "", valid(scan)},
		"with a path in the role's name":  {Management, "", valid("arn:aws:iam::641250388507:role/tools/keyrotor-scan")},
		"with a source identity":          {Management, "", with(scan, func(in *sts.AssumeRoleInput) { in.SourceIdentity = new("alice@example.com") })},
		"from a member it is refused":     {"111122223333", "AccessDenied", valid(scan)},
		"from a delegated account":        {demoTooling, "", valid(scan)},
		"a role that is not there":        {Management, "AccessDenied", valid("arn:aws:iam::641250388507:role/nobody")},
		"an account outside":              {Management, "AccessDenied", valid("arn:aws:iam::999988887777:role/keyrotor-scan")},
		"the management account has none": {Management, "AccessDenied", valid("arn:aws:iam::111111111111:role/keyrotor-scan")},
		"a suspended account":             {Management, "AccessDenied", valid("arn:aws:iam::488923055274:role/keyrotor-scan")},
		"without the external id":         {Management, "AccessDenied", valid("arn:aws:iam::641250388507:role/with-id")},
		"with a wrong external id":        {Management, "AccessDenied", with("arn:aws:iam::641250388507:role/with-id", func(in *sts.AssumeRoleInput) { in.ExternalId = new("other") })},
		"with the external id":            {Management, "", with("arn:aws:iam::641250388507:role/with-id", func(in *sts.AssumeRoleInput) { in.ExternalId = new("agreed") })},
		"too short":                       {Management, "ValidationError", with(scan, func(in *sts.AssumeRoleInput) { in.DurationSeconds = new(int32(899)) })},
		"longer than the role allows":     {Management, "ValidationError", with(scan, func(in *sts.AssumeRoleInput) { in.DurationSeconds = new(int32(7200)) })},
		"a session name with a colon":     {Management, "ValidationError", with(scan, func(in *sts.AssumeRoleInput) { in.RoleSessionName = new("a:b") })},
		"not an ARN":                      {Management, "ValidationError", valid("nothing-valid-in-here")},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := sts.NewFromConfig(as(url, test.caller, "us-east-1")).AssumeRole(t.Context(), &test.in)
			if got := codeOf(err); got != test.code {
				t.Fatalf("got %q, want %q (%v)", got, test.code, err)
			}
			if err != nil {
				return
			}
			if !strings.HasPrefix(*out.Credentials.AccessKeyId, "ASIA") || out.Credentials.Expiration.Before(time.Now()) {
				t.Errorf("got key %s that expires %s", *out.Credentials.AccessKeyId, out.Credentials.Expiration)
			}
			if test.in.SourceIdentity != nil && *out.SourceIdentity != *test.in.SourceIdentity {
				t.Errorf("got source identity %s", *out.SourceIdentity)
			}
		})
	}
}

// assume returns a configuration with the credentials of a role's session.
func assume(t *testing.T, url, account, role string) *kms.Client {
	t.Helper()
	out, err := sts.NewFromConfig(as(url, Management, "us-east-1")).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: new("arn:aws:iam::" + account + ":role/" + role), RoleSessionName: new("run-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := as(url, "", "us-east-1")
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return kms.NewFromConfig(cfg)
}

func TestASessionActsInItsAccountUntilItExpires(t *testing.T) {
	s, url := load(t, "small", Options{})
	client := assume(t, url, "222222222222", ScanRole)
	keys, err := client.ListKeys(t.Context(), &kms.ListKeysInput{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(*keys.Keys[0].KeyArn, ":222222222222:") {
		t.Errorf("got %s", *keys.Keys[0].KeyArn)
	}
	s.clock.Advance(61 * time.Minute)
	_, err = client.ListKeys(t.Context(), &kms.ListKeysInput{})
	if got := codeOf(err); got != "ExpiredTokenException" {
		t.Errorf("after an hour: got %q, want ExpiredTokenException", got)
	}
	_, err = kms.NewFromConfig(as(url, "ASIAUNKNOWNUNKNOWN00", "us-east-1")).ListKeys(t.Context(), &kms.ListKeysInput{})
	if got := codeOf(err); got != "UnrecognizedClientException" {
		t.Errorf("unknown temporary key: got %q, want UnrecognizedClientException", got)
	}
}

func TestTheScanRoleCannotWrite(t *testing.T) {
	s, url := load(t, "small", Options{})
	arn, err := s.SeedKey("222222222222", "us-east-1", KeySeed{})
	if err != nil {
		t.Fatal(err)
	}
	in := &kms.EnableKeyRotationInput{KeyId: &arn}
	_, err = assume(t, url, "222222222222", ScanRole).EnableKeyRotation(t.Context(), in)
	want := "User: arn:aws:sts::222222222222:assumed-role/keyrotor-scan/run-1 is not authorized to perform: kms:EnableKeyRotation on resource: " + arn + " because no identity-based policy allows the kms:EnableKeyRotation action"
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != "AccessDeniedException" || e.ErrorMessage() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := assume(t, url, "222222222222", ApplyRole).EnableKeyRotation(t.Context(), in); err != nil {
		t.Errorf("apply role: %v", err)
	}
}
