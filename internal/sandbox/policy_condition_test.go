package sandbox

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// conditionCall is a member of an organization that rotates or encrypts with a key
// tagged env=prod.
func conditionCall(t *testing.T, operation, body string) *policyContext {
	t.Helper()
	s := New(Options{Clock: NewClock(worldStart), Rand: Seeded(1)})
	if err := s.Load(WorldSpec{
		Name: "test", Organization: "o-test0world", Management: Management,
		Accounts: []AccountSpec{{ID: Management}, {ID: "222222222222", OU: "Prod"}},
	}); err != nil {
		t.Fatal(err)
	}
	k := &key{
		id: "k", region: s.account("222222222222").region("eu-west-1"), created: worldStart.Add(-20 * day),
		tags: []types.Tag{{TagKey: new("env"), TagValue: new("prod")}}, aliases: []string{"alias/a", "alias/b"},
		core: &core{spec: types.KeySpecSymmetricDefault, origin: types.OriginTypeAwsKms, usageType: types.KeyUsageTypeEncryptDecrypt},
	}
	c := &call{
		s: s, Account: "222222222222", Region: "eu-west-1", Partition: "aws", Body: []byte(body), Now: worldStart.Add(12 * time.Hour),
		Principal: "arn:aws:sts::222222222222:assumed-role/keyrotor-scan/run-1",
	}
	return &policyContext{c: c, k: k, operation: operation}
}

func TestConditionsHoldAsIAMDocuments(t *testing.T) {
	const encrypt = `{"KeyId":"alias/a","EncryptionContext":{"dept":"hr","Purpose":"x"}}`
	for name, c := range map[string]struct {
		operation, body, condition string
		want                       verdict
	}{
		"no condition holds": {"DescribeKey", `{}`, `{}`, met},

		"the caller's account":                     {"DescribeKey", `{}`, `{"StringEquals":{"kms:CallerAccount":"222222222222"}}`, met},
		"another account":                          {"DescribeKey", `{}`, `{"StringEquals":{"kms:CallerAccount":["1","2"]}}`, notMet},
		"key names do not heed case":               {"DescribeKey", `{}`, `{"StringEquals":{"KMS:calleraccount":"222222222222"}}`, met},
		"the organization":                         {"DescribeKey", `{}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-test0world"}}`, met},
		"a path in the organization":               {"DescribeKey", `{}`, `{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-test0world/*"}}`, met},
		"a role by ARN, of a session":              {"DescribeKey", `{}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/keyrotor-*"}}`, met},
		"a * does not reach over a colon":          {"DescribeKey", `{}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:*:role/keyrotor-scan"}}`, notMet},
		"a role by text":                           {"DescribeKey", `{}`, `{"StringLike":{"aws:PrincipalArn":"*role/keyrotor-sca?"}}`, met},
		"not that role":                            {"DescribeKey", `{}`, `{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::222222222222:role/admin"}}`, met},
		"no service calls":                         {"Decrypt", `{}`, `{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`, notMet},
		"a negated operator holds without the key": {"Decrypt", `{}`, `{"StringNotEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`, met},
		"if it exists, and it does not":            {"Decrypt", `{}`, `{"StringEqualsIfExists":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}`, met},
		"null, and it is":                          {"Decrypt", `{}`, `{"Null":{"kms:ViaService":"true"}}`, met},
		"not null, and it is":                      {"Decrypt", `{}`, `{"Null":{"kms:ViaService":false}}`, notMet},

		"a tag of the key":               {"DescribeKey", `{}`, `{"StringEquals":{"aws:ResourceTag/env":"prod"}}`, met},
		"another value of it":            {"DescribeKey", `{}`, `{"StringEquals":{"aws:ResourceTag/env":"PROD"}}`, notMet},
		"another case of it":             {"DescribeKey", `{}`, `{"StringEqualsIgnoreCase":{"aws:ResourceTag/env":"PROD"}}`, met},
		"a tag in the request":           {"TagResource", `{"Tags":[{"TagKey":"owner","TagValue":"a"}]}`, `{"StringEquals":{"aws:RequestTag/owner":"a"}}`, met},
		"only tags that are allowed":     {"TagResource", `{"Tags":[{"TagKey":"owner","TagValue":"a"}]}`, `{"ForAllValues:StringEquals":{"aws:TagKeys":["owner","env"]}}`, met},
		"one tag that is not":            {"UntagResource", `{"TagKeys":["owner","secret"]}`, `{"ForAllValues:StringEquals":{"aws:TagKeys":["owner","env"]}}`, notMet},
		"all of no values":               {"DescribeKey", `{}`, `{"ForAllValues:StringEquals":{"aws:TagKeys":["owner"]}}`, met},
		"any of no values":               {"DescribeKey", `{}`, `{"ForAnyValue:StringEquals":{"aws:TagKeys":["owner"]}}`, notMet},
		"many values want a quantifier":  {"UntagResource", `{"TagKeys":["a","b"]}`, `{"StringEquals":{"aws:TagKeys":"a"}}`, unknown},
		"any alias of the key":           {"DescribeKey", `{}`, `{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/b"}}`, met},
		"the alias of the request":       {"Encrypt", encrypt, `{"StringEquals":{"kms:RequestAlias":"alias/a"}}`, met},
		"a pair of the context":          {"Encrypt", encrypt, `{"StringEquals":{"kms:EncryptionContext:Dept":"hr"}}`, met},
		"another value in the context":   {"Encrypt", encrypt, `{"StringEquals":{"kms:EncryptionContext:dept":"HR"}}`, notMet},
		"a key of the context":           {"Encrypt", encrypt, `{"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"Purpose"}}`, met},
		"its case counts":                {"Encrypt", encrypt, `{"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"purpose"}}`, notMet},
		"ReEncrypt has two, here source": {"ReEncryptFrom", `{"SourceEncryptionContext":{"a":"1"},"DestinationEncryptionContext":{"a":"2"}}`, `{"StringEquals":{"kms:EncryptionContext:a":"1"}}`, met},
		"a call without context":         {"DescribeKey", encrypt, `{"Null":{"kms:EncryptionContext:dept":"true"}}`, met},

		"no grant is for a service":     {"CreateGrant", `{}`, `{"Bool":{"kms:GrantIsForAWSResource":true}}`, notMet},
		"a long period":                 {"EnableKeyRotation", `{"RotationPeriodInDays":400}`, `{"NumericLessThanEquals":{"kms:RotationPeriodInDays":"365"}}`, notMet},
		"a short one, written bare":     {"EnableKeyRotation", `{"RotationPeriodInDays":365}`, `{"NumericLessThanEquals":{"kms:RotationPeriodInDays":365}}`, met},
		"no period":                     {"EnableKeyRotation", `{}`, `{"NumericGreaterThan":{"kms:RotationPeriodInDays":"365"}}`, notMet},
		"idle for twenty days":          {"DisableKey", `{}`, `{"NumericEquals":{"kms:TrailingDaysWithoutKeyUsage":20}}`, met},
		"a number that is none":         {"EnableKeyRotation", `{"RotationPeriodInDays":90}`, `{"NumericEquals":{"kms:RotationPeriodInDays":"often"}}`, unknown},
		"before a date":                 {"DescribeKey", `{}`, `{"DateLessThan":{"aws:CurrentTime":"2026-11-22"}}`, met},
		"before a time":                 {"DescribeKey", `{}`, `{"DateLessThan":{"aws:CurrentTime":"2026-11-21T20:00:00Z"}}`, notMet},
		"all of several, one not met":   {"DescribeKey", `{}`, `{"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT","kms:KeyOrigin":"EXTERNAL"}}`, notMet},
		"not met decides before doubts": {"DescribeKey", `{}`, `{"StringEquals":{"aws:Moonlight":"x"},"Bool":{"kms:MultiRegion":"true"}}`, notMet},

		"an unknown key":       {"DescribeKey", `{}`, `{"StringEquals":{"aws:Moonlight":"full"}}`, unknown},
		"an unknown operator":  {"DescribeKey", `{}`, `{"IpAddress":{"aws:CurrentTime":"10.0.0.0/8"}}`, unknown},
		"an unknown order":     {"DescribeKey", `{}`, `{"NumericNearly":{"aws:EpochTime":"1"}}`, unknown},
		"an unknown prefix":    {"DescribeKey", `{}`, `{"ForSomeValues:StringEquals":{"aws:PrincipalAccount":"222222222222"}}`, unknown},
		"a variable of policy": {"DescribeKey", `{}`, `{"StringEquals":{"aws:PrincipalAccount":"${aws:ResourceAccount}"}}`, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			var conditions conditions
			if err := json.Unmarshal([]byte(c.condition), &conditions); err != nil {
				t.Fatal(err)
			}
			if got := conditions.hold(conditionCall(t, c.operation, c.body)); got != c.want {
				t.Errorf("%s: got %v, want %v (0 not met, 1 met, 2 unknown)", c.condition, got, c.want)
			}
		})
	}
}

func TestPatternsMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "a/b", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
		{"*b*b", "abab", true}, {"?", "", false}, {"a?c", "abc", true}, {"[a]", "a", false}, {"a", "ab", false},
	} {
		if got := wild(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: got %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}
