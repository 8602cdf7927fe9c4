package aws

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
)

// Whoever an Allow for everybody admits was taken to be of the organization as
// soon as a condition spoke of any organization, account or network.
func TestWhoIsOutsideOfTheOrganization(t *testing.T) {
	const own, member, foreign = "111122223333", "444455556666", "999988887777"
	known := membership{accounts: map[string]bool{own: true, member: true}, id: "o-own1234567"}
	unnamed := membership{accounts: known.accounts}
	nobody := []string{}
	for name, tt := range map[string]struct {
		condition string
		want      []string // by known
		unnamed   []string // where the id of the organization is not known
	}{
		"our organization":                         {`{"StringEquals":{"aws:PrincipalOrgID":"o-own1234567"}}`, nobody, nil},
		"our organization by its paths":            {`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-own1234567/*"}}`, nobody, nil},
		"our organization by a variable":           {`{"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}`, nobody, nobody},
		"another organization":                     {`{"StringEquals":{"aws:PrincipalOrgID":"o-foreign99"}}`, []string{"o-foreign99"}, nil},
		"ours and another":                         {`{"StringEquals":{"aws:PrincipalOrgID":["o-own1234567","o-foreign99"]}}`, []string{"o-foreign99"}, nil},
		"a service of another":                     {`{"StringEquals":{"aws:SourceOrgID":"o-foreign99"}}`, []string{"o-foreign99"}, nil},
		"a pattern of organizations":               {`{"StringLike":{"aws:PrincipalOrgID":"o-own*"}}`, []string{"o-own*"}, []string{"o-own*"}},
		"a pattern of accounts":                    {`{"StringLike":{"aws:PrincipalAccount":"9999*"}}`, []string{"9999*"}, []string{"9999*"}},
		"a pattern of accounts that ours fit":      {`{"StringLike":{"aws:PrincipalAccount":"1111*"}}`, []string{"1111*"}, []string{"1111*"}},
		"a member":                                 {`{"StringEquals":{"kms:CallerAccount":"` + member + `"}}`, nobody, nobody},
		"a stranger":                               {`{"StringEquals":{"kms:CallerAccount":"` + foreign + `"}}`, []string{foreign}, []string{foreign}},
		"our organization's roles of a name":       {`{"StringEquals":{"aws:PrincipalOrgID":"o-own1234567"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::9*:role/ops"}}`, nobody, nil},
		"strangers, by the narrowest bound":        {`{"StringLike":{"aws:PrincipalAccount":["99*","88*"]},"StringEquals":{"aws:PrincipalOrgID":"o-foreign99"}}`, []string{"o-foreign99"}, nil},
		"another organization on a network":        {`{"StringEquals":{"aws:SourceVpce":"vpce-1","aws:PrincipalOrgID":"o-foreign99"}}`, []string{"o-foreign99"}, nil},
		"a network, which is not said to be whose": {`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`, nobody, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			said, err := summarize(fmt.Sprintf(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Condition":%s}}`, tt.condition), own)
			if err != nil {
				t.Fatal(err)
			}
			if said.facts.Public {
				t.Error("it is taken for public")
			}
			if diff := cmp.Diff(tt.want, known.outside(said.named, said.admissions)); diff != "" {
				t.Errorf("outside (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.unnamed, unnamed.outside(said.named, said.admissions)); diff != "" {
				t.Errorf("outside, the organization without its id (-want +got):\n%s", diff)
			}
		})
	}
}

// A grant to another account passed the rule, even where grants were read.
func TestGranteesOutsideOfTheOrganizationAreOutside(t *testing.T) {
	const own, member, foreign = "111122223333", "444455556666", "999988887777"
	for name, tt := range map[string]struct {
		grantees []string
		want     []string
	}{
		"a role of a stranger":                {[]string{"arn:aws:iam::" + foreign + ":role/etl"}, []string{foreign}},
		"our own, a member's and a service's": {[]string{"arn:aws:iam::" + own + ":role/a", "arn:aws:iam::" + member + ":root", "rds.amazonaws.com"}, []string{}},
		"the id of one that was deleted":      {[]string{"AIDAEXAMPLE"}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			facts := &keyrotor.PolicyFacts{}
			k := reading{
				keyReader:  &keyReader{at: keyrotor.Place{Account: own}, org: membership{accounts: map[string]bool{own: true, member: true}}},
				asset:      keyrotor.Asset{KMS: &keyrotor.KMSFacts{Policy: facts, Grants: &keyrotor.GrantFacts{Grantees: tt.grantees}}},
				policySays: &policySummary{account: own},
			}
			k.outside()
			if diff := cmp.Diff(tt.want, facts.Outside); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
