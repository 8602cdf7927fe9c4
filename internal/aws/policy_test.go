package aws_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
)

const own = "111122223333"

func statement(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }

func TestPolicySummary(t *testing.T) {
	root := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}`
	rootARN := "arn:aws:iam::111122223333:root"
	everybody := func(condition string) string {
		return statement(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*","Condition":` + condition + `}`)
	}
	cases := map[string]struct {
		document string
		want     keyrotor.PolicyFacts
	}{
		"the default policy delegates to IAM": {
			statement(root), keyrotor.PolicyFacts{Administrators: []string{rootARN}, DelegatesToIAM: true}},
		"a statement may stand without a list": {
			`{"Statement":` + root + `}`, keyrotor.PolicyFacts{Administrators: []string{rootARN}, DelegatesToIAM: true}},
		"the account may be named by its digits": {
			statement(`{"Effect":"Allow","Principal":{"AWS":["111122223333"]},"Action":["kms:*"],"Resource":"*"}`),
			keyrotor.PolicyFacts{Administrators: []string{own}, DelegatesToIAM: true}},
		"root with single actions does not delegate": {
			statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["kms:Describe*","kms:PutKeyPolicy"],"Resource":"*"}`),
			keyrotor.PolicyFacts{Administrators: []string{rootARN}}},
		"another account may use the key": {
			statement(`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999999999999:role/x","arn:aws:iam::111122223333:role/y"]},"Action":"kms:Decrypt","Resource":"*"}`),
			keyrotor.PolicyFacts{OtherAccounts: []string{"999999999999"}}},
		"a deny names nobody": {
			statement(`{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"kms:*","Resource":"*"}`),
			keyrotor.PolicyFacts{}},
		"everybody without a condition is public": {
			statement(`{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}`),
			keyrotor.PolicyFacts{Public: true}},
		"all but one is everybody": {
			statement(`{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"kms:Encrypt","Resource":"*"}`),
			keyrotor.PolicyFacts{Public: true}},
		"everybody of our account is not public":                 {everybody(`{"StringEquals":{"kms:CallerAccount":"111122223333"}}`), keyrotor.PolicyFacts{}},
		"everybody of another account is that one":               {everybody(`{"StringEquals":{"kms:CallerAccount":["999999999999"]}}`), keyrotor.PolicyFacts{OtherAccounts: []string{"999999999999"}}},
		"everybody of an organization is that one":               {everybody(`{"StringEquals":{"aws:PrincipalOrgID":"o-abc"}}`), keyrotor.PolicyFacts{Organizations: []string{"o-abc"}}},
		"so are its units":                                       {everybody(`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":["o-abc/r-x/*"]}}`), keyrotor.PolicyFacts{Organizations: []string{"o-abc"}}},
		"and services on its behalf":                             {everybody(`{"StringEquals":{"aws:SourceOrgID":"o-abc"}}`), keyrotor.PolicyFacts{Organizations: []string{"o-abc"}}},
		"the organization of the key may be named by a variable": {everybody(`{"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}`), keyrotor.PolicyFacts{Organizations: []string{"${aws:ResourceOrgID}"}}},
		"or the other way round":                                 {everybody(`{"StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}}`), keyrotor.PolicyFacts{Organizations: []string{"${aws:ResourceOrgID}"}}},
		"what callers can set themselves narrows nothing":        {everybody(`{"StringEquals":{"aws:PrincipalOrgID":"${aws:PrincipalTag/org}"}}`), keyrotor.PolicyFacts{Public: true, ConditionTagKeys: []string{"org"}}},
		"a pattern of organizations is kept":                     {everybody(`{"StringLike":{"aws:PrincipalOrgID":"o-abc*"}}`), keyrotor.PolicyFacts{Organizations: []string{"o-abc*"}}},
		"a pattern that every organization fits narrows nothing": {everybody(`{"StringLike":{"aws:PrincipalOrgID":"o-*"}}`), keyrotor.PolicyFacts{Public: true}},
		"nor does a list with such a pattern":                    {everybody(`{"StringLike":{"aws:PrincipalOrgID":["o-abc","o-?*"]}}`), keyrotor.PolicyFacts{Public: true}},
		"a star without patterns is nobody":                      {everybody(`{"StringEquals":{"aws:PrincipalOrgID":"o-*"}}`), keyrotor.PolicyFacts{}},
		"a pattern of accounts is kept":                          {everybody(`{"StringLike":{"aws:PrincipalAccount":"9999*"}}`), keyrotor.PolicyFacts{AccountPatterns: []string{"9999*"}}},
		"also in an ARN":                                         {everybody(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::9999*:role/*"}}`), keyrotor.PolicyFacts{AccountPatterns: []string{"9999*"}}},
		"a pattern of all accounts narrows nothing":              {everybody(`{"StringLike":{"kms:CallerAccount":"????????????"}}`), keyrotor.PolicyFacts{Public: true}},
		"an ARN without an account narrows nothing":              {everybody(`{"StringEquals":{"aws:SourceArn":"arn:aws:s3:::bucket"}}`), keyrotor.PolicyFacts{Public: true}},
		"any organization narrows nothing":                       {everybody(`{"StringLike":{"aws:PrincipalOrgID":"*"}}`), keyrotor.PolicyFacts{Public: true}},
		"a condition that excludes narrows nothing":              {everybody(`{"StringNotEquals":{"aws:PrincipalOrgID":"o-abc"}}`), keyrotor.PolicyFacts{Public: true}},
		"an optional condition narrows nothing":                  {everybody(`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abc"}}`), keyrotor.PolicyFacts{Public: true}},
		"a service in between narrows nothing":                   {everybody(`{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}`), keyrotor.PolicyFacts{Public: true}},
		"a VPC endpoint narrows":                                 {everybody(`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`), keyrotor.PolicyFacts{NetworkOnly: true}},
		"so do addresses":                                        {everybody(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]}}`), keyrotor.PolicyFacts{NetworkOnly: true}},
		"half the internet does not":                             {everybody(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","128.0.0.0/1"]}}`), keyrotor.PolicyFacts{Public: true}},
		"an organization on a network":                           {everybody(`{"StringEquals":{"aws:SourceVpc":"vpc-1","aws:PrincipalOrgID":"o-abc"}}`), keyrotor.PolicyFacts{Organizations: []string{"o-abc"}}},
		"principals by ARN pattern narrow to accounts": {
			everybody(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::999999999999:role/*"}}`), keyrotor.PolicyFacts{OtherAccounts: []string{"999999999999"}}},
		"a pattern over all accounts does not": {
			everybody(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/admin"}}`), keyrotor.PolicyFacts{Public: true}},
		"services are kept apart": {
			statement(`{"Effect":"Allow","Principal":{"Service":["logs.amazonaws.com","cloudtrail.amazonaws.com","logs.amazonaws.com"]},"Action":"kms:Encrypt*","Resource":"*"}`),
			keyrotor.PolicyFacts{Services: []string{"cloudtrail.amazonaws.com", "logs.amazonaws.com"}}},
		"tags that conditions read are named, of denials too": {
			statement(`{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"},"ForAnyValue:StringEquals":{"aws:TagKeys":["owner"]},"StringLike":{"aws:RequestTag/team":"*"}}}`),
			keyrotor.PolicyFacts{ConditionTagKeys: []string{"env", "owner", "team"}}},
		"patterns of tag keys are kept where they are patterns": {
			statement(`{"Effect":"Deny","Principal":"*","Action":"kms:*","Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":["cost*"]},"ForAllValues:StringEquals":{"AWS:tagkeys":["a*","b"]}}}`),
			keyrotor.PolicyFacts{ConditionTagKeys: []string{"b", "cost*"}}},
		"the presence of tag keys names none": {
			statement(`{"Effect":"Deny","Principal":"*","Action":"kms:*","Condition":{"Null":{"aws:TagKeys":"false","aws:ResourceTag/env":"true"}}}`),
			keyrotor.PolicyFacts{ConditionTagKeys: []string{"env"}}},
		"tags that policy variables read are named": {
			statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:EncryptionContext:team":"${aws:ResourceTag/Team, 'none'}","aws:PrincipalTag/x":["x-${AWS:principaltag/cost center}-${aws:RequestTag/p}"]}}}`),
			keyrotor.PolicyFacts{ConditionTagKeys: []string{"Team", "cost center", "p"}}},
		"numbers and booleans are values, too": {
			statement(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true},"StringEquals":{"aws:SourceAccount":111122223333}}}`),
			keyrotor.PolicyFacts{}},
		"all actions but a few administer": {
			statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ops"},"NotAction":"kms:Decrypt","Resource":"*"}`),
			keyrotor.PolicyFacts{Administrators: []string{"arn:aws:iam::111122223333:role/ops"}}},
		"the id of a deleted principal is an administrator without an account": {
			statement(`{"Effect":"Allow","Principal":{"AWS":"AIDAEXAMPLEEXAMPLE"},"Action":"KMS:schedulekeydeletion","Resource":"*"}`),
			keyrotor.PolicyFacts{Administrators: []string{"AIDAEXAMPLEEXAMPLE"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := aws.Policy(c.document, own)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(keyrotor.PolicyFacts{}, "Digest")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPolicyThatIsNoneIsAnError(t *testing.T) {
	for _, document := range []string{"", "{", `{"Statement":3}`, `{"Statement":{"Principal":"somebody"}}`, `[]`} {
		if _, err := aws.Policy(document, own); err == nil {
			t.Errorf("%q was taken for a policy", document)
		}
	}
}

func recordedPolicies(t testing.TB) []string {
	var documents []string
	for _, file := range recorded(t, "*/kms.GetKeyPolicy_*.json") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Data struct{ Policy string } }
		if err := json.Unmarshal(b, &answer); err != nil {
			t.Fatal(err)
		}
		documents = append(documents, answer.Data.Policy)
	}
	return documents
}

func TestRecordedPoliciesAreRead(t *testing.T) {
	for _, document := range recordedPolicies(t) {
		facts, err := aws.Policy(document, "644160558196")
		if err != nil {
			t.Errorf("%v in %s", err, document)
		} else if len(facts.Administrators) == 0 {
			t.Errorf("nobody administers the key of %s", document)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(statement(`{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"kms:*","Condition":{"StringEquals":{"kms:CallerAccount":1}}}`))
	f.Add(`{"Statement":[{"Effect":"Allow","NotPrincipal":"*","NotAction":["a*b?c"]}]}`)
	f.Add(`{"Statement":null}`)
	f.Fuzz(func(t *testing.T, document string) {
		facts, err := aws.Policy(document, own)
		if err != nil {
			return
		}
		again, err := aws.Policy(document, own)
		if err != nil || cmp.Diff(facts, again) != "" {
			t.Errorf("a second reading differs: %v", err)
		}
		for _, list := range [][]string{facts.Administrators, facts.OtherAccounts, facts.Services, facts.ConditionTagKeys} {
			if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
				t.Errorf("%q is not a sorted set", list)
			}
		}
		if slices.Contains(facts.OtherAccounts, own) {
			t.Error("our own account is another one")
		}
	})
}
