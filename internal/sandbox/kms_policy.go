package sandbox

import (
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// A key has one policy, and its name is fixed.
const policyName = "default"

func checkPolicyName(name *string) error {
	if name == nil || *name == policyName {
		return nil
	}
	return errf("NotFoundException", "No such policy exists")
}

func getKeyPolicy(c *call, in *kms.GetKeyPolicyInput) (*kms.GetKeyPolicyOutput, error) {
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	out := &kms.GetKeyPolicyOutput{PolicyName: new(policyName)}
	return out, c.with(in.KeyId, toInspect, func(k *key) error {
		out.Policy = new(k.document())
		return nil
	})
}

func putKeyPolicy(c *call, in *kms.PutKeyPolicyInput) (*kms.PutKeyPolicyOutput, error) {
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	if in.Policy == nil {
		return nil, required("policy")
	}
	return &kms.PutKeyPolicyOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.changeable(c.Now); err != nil {
			return err
		}
		if err := c.checkPolicy(k, *in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return err
		}
		k.changes(c.Now)
		k.policy = *in.Policy
		return nil
	})
}

func listKeyPolicies(c *call, in *kms.ListKeyPoliciesInput) (*kms.ListKeyPoliciesOutput, error) {
	if _, err := pageSize(in.Limit, 1000, 100); err != nil {
		return nil, err
	}
	return &kms.ListKeyPoliciesOutput{PolicyNames: []string{policyName}}, c.with(in.KeyId, toInspect, func(*key) error { return nil })
}
