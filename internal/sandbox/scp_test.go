package sandbox

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"
)

// refused checks a refusal's code and that its message begins and ends as wanted.
func refused(t *testing.T, err error, code, begins, ends string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.HasPrefix(e.ErrorMessage(), begins) || !strings.Contains(e.ErrorMessage(), ends) {
		t.Errorf("got %v\nwant %s: %s … %s", err, code, begins, ends)
	}
}

func TestAServiceControlPolicyRefusesOneCallInOneRegion(t *testing.T) {
	_, url := load(t, "demo", Options{})
	const denied = "210987654321"
	_, err := kms.NewFromConfig(as(url, denied, "eu-west-1")).ListKeys(t.Context(), &kms.ListKeysInput{})
	refused(t, err, "AccessDeniedException",
		"User: arn:aws:iam::210987654321:user/sandbox is not authorized to perform: kms:ListKeys on resource: *",
		"with an explicit deny in a service control policy: arn:aws:organizations::111111111111:policy/o-acme4demo7/service_control_policy/p-")
	for account, region := range map[string]string{denied: "us-east-1", "641250388507": "eu-west-1"} {
		if _, err := kms.NewFromConfig(as(url, account, region)).ListKeys(t.Context(), &kms.ListKeysInput{}); err != nil {
			t.Errorf("%s/%s: %v", account, region, err)
		}
	}
}

func TestTheManagementAccountIsBeyondServiceControlPolicies(t *testing.T) {
	s, url := load(t, "small", Options{})
	m := s.members[Management]
	m.Deny = []Denial{{Actions: []string{"*"}}}
	s.members[Management] = m
	if _, err := kms.NewFromConfig(as(url, Management, "us-east-1")).ListKeys(t.Context(), &kms.ListKeysInput{}); err != nil {
		t.Error(err)
	}
}

func TestAKeyPolicyThatShutsUsOut(t *testing.T) {
	s, url := load(t, "demo", Options{})
	arn, err := s.SeedKey("641250388507", "us-east-1", KeySeed{Policy: forAccount(policyShut, "641250388507")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = assume(t, url, "641250388507", ScanRole).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &arn})
	refused(t, err, "AccessDeniedException",
		"User: arn:aws:sts::641250388507:assumed-role/keyrotor-scan/run-1 is not authorized to perform: kms:DescribeKey on resource: "+arn,
		"because no resource-based policy allows the kms:DescribeKey action")
}

func TestARegionThatIsOff(t *testing.T) {
	_, url := load(t, "small", Options{})
	_, err := kms.NewFromConfig(as(url, "222222222222", "me-south-1")).ListKeys(t.Context(), &kms.ListKeysInput{})
	refused(t, err, "UnrecognizedClientException", "The security token included in the request is invalid", "")
}

func TestTextIsFoundInABody(t *testing.T) {
	for body, want := range map[string]string{
		`{"KeyId":"abc"}`:                                 "abc",
		`{ "Limit" : 1, "KeyId" : "abc" }`:                "abc",
		`{"Description":"KeyId","KeyId":"abc"}`:           "abc",
		`{"Description":"\"KeyId\":\"x\"","KeyId":"abc"}`: "abc",
		`{"KeyId":5}`:                                     "",
		`{"KeyId":"`:                                      "",
		``:                                                "",
	} {
		if got := jsonText([]byte(body), "KeyId"); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
