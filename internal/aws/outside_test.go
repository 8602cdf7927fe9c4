package aws_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// A policy for everybody of an organization that is not ours passed for one of ours.
func TestAScanTellsTheOrganizationsThatAreNotOurs(t *testing.T) {
	conditions := []string{
		`{"StringEquals":{"aws:PrincipalOrgID":"o-mixed00world"}}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-foreign99"}}`,
		`{"StringLike":{"aws:PrincipalOrgID":"o-*"}}`, `{"StringLike":{"aws:PrincipalAccount":"9999*"}}`, `{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`,
	}
	mixedWorld(t, func(w *sandbox.WorldSpec) {
		i := slices.IndexFunc(w.Accounts, func(a sandbox.AccountSpec) bool { return a.ID == member })
		w.Accounts[i].Keys = func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
			return func(yield func(string, sandbox.KeySeed) bool) {
				for _, condition := range conditions {
					yield("eu-west-1", sandbox.KeySeed{Created: start, Description: condition, Policy: fmt.Sprintf(
						`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*"},{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Condition":%s}]}`, member, condition)})
				}
			}
		}
	})
	assets, _, _, _ := collect(t, open(t, aws.Config{}))
	got := map[string]keyrotor.PolicyFacts{}
	for _, a := range assets {
		p := a.KMS.Policy
		got[a.KMS.Description] = keyrotor.PolicyFacts{Outside: p.Outside, Public: p.Public, NetworkOnly: p.NetworkOnly}
	}
	want := map[string]keyrotor.PolicyFacts{
		conditions[0]: {Outside: []string{}},
		conditions[1]: {Outside: []string{"o-foreign99"}},
		conditions[2]: {Outside: []string{}, Public: true},
		conditions[3]: {Outside: []string{"9999*"}},
		conditions[4]: {Outside: []string{}, NetworkOnly: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
