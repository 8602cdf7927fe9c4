package sandbox

import (
	"encoding/json"
	"path"
	"strings"
)

// The sandbox reads of a key policy what it needs to say yes or no: principals,
// actions and conditions of statements. A condition it does not understand makes
// an Allow let nobody in and a Deny keep everybody out. IAM policies do not exist:
// where the key policy delegates to the account, the account may.

type keyPolicy struct {
	Statement oneOrMany[statement]
}

type statement struct {
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       oneOrMany[string]
	NotAction    oneOrMany[string]
	Condition    conditions
}

// oneOrMany reads a value or a list of such.
type oneOrMany[T any] []T

// UnmarshalJSON reads both forms that IAM's policy language allows.
func (o *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*o = oneOrMany[T]{one}
	return nil
}

// principals are the AWS principals of a statement; "*" for everybody.
type principals []string

// UnmarshalJSON reads "*" and {"AWS": …}; service principals are left out, for
// no service calls the sandbox.
func (p *principals) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*p = principals{one}
		return nil
	}
	var m map[string]oneOrMany[string]
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*p = principals(m["AWS"])
	return nil
}

// defaultPolicy is the policy of a key made without one: IAM decides.
func defaultPolicy(partition, account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:` + partition + `:iam::` + account + `:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// awsManagedPolicy lets an account look at a key that a service uses for it.
func awsManagedPolicy(partition, account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "auto-aws-managed-1",
  "Statement" : [ {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:` + partition + `:iam::` + account + `:root"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`
}

// document is the key's policy as text.
func (k *key) document() string {
	if k.policy != "" {
		return k.policy
	}
	partition, account := partitionOf(k.region.name), k.region.account.id
	if k.manager == "AWS" {
		return awsManagedPolicy(partition, account)
	}
	return defaultPolicy(partition, account)
}

// admits says whether the key's policy, or a grant, lets the caller do it.
func (k *key) admits(c *call, operation string) error {
	own := k.region.account.id
	if k.policy == "" && k.manager != "AWS" && c.Account == own {
		return nil
	}
	var p keyPolicy
	if err := json.Unmarshal([]byte(k.document()), &p); err != nil {
		return denied(c, operation, k.arn())
	}
	allowed := false
	request := &policyContext{c: c, k: k, operation: operation}
	for _, st := range p.Statement {
		if !st.covers("kms:"+operation) || !st.names(c) {
			continue
		}
		holds := st.Condition.hold(request)
		if holds == notMet || holds == unknown && st.Effect != "Deny" {
			continue
		}
		if st.Effect == "Deny" {
			return errf("AccessDeniedException", "User: %s is not authorized to perform: kms:%s on resource: %s with an explicit deny in a resource-based policy", c.Principal, operation, k.arn())
		}
		allowed = true
	}
	if allowed || k.granted(request) {
		return nil
	}
	return denied(c, operation, k.arn())
}

func (st *statement) covers(action string) bool {
	if len(st.NotAction) > 0 {
		return !matchesAny(st.NotAction, action)
	}
	return matchesAny(st.Action, action)
}

func (st *statement) names(c *call) bool {
	if len(st.NotPrincipal) > 0 {
		return !namesAny(st.NotPrincipal, c)
	}
	return namesAny(st.Principal, c)
}

func matchesAny(patterns []string, action string) bool {
	for _, p := range patterns {
		// IAM's * also crosses /, but no action holds one.
		if ok, err := path.Match(strings.ToLower(p), strings.ToLower(action)); err == nil && ok {
			return true
		}
	}
	return false
}

// namesAny says whether the caller is among the principals: everybody, its
// account, itself, or the role of its session.
func namesAny(list []string, c *call) bool {
	for _, p := range list {
		switch p {
		case "*", c.Account, "arn:" + c.Partition + ":iam::" + c.Account + ":root", c.Principal, roleOf(c.Principal):
			return true
		}
	}
	return false
}

// roleOf turns the ARN of an assumed-role session into that of its role.
func roleOf(principal string) string {
	parts := strings.SplitN(principal, ":", 6)
	if len(parts) != 6 {
		return principal
	}
	rest, ok := strings.CutPrefix(parts[5], "assumed-role/")
	if !ok {
		return principal
	}
	name, _, _ := strings.Cut(rest, "/")
	return "arn:" + parts[1] + ":iam::" + parts[4] + ":role/" + name
}

// granted says whether a grant lets the caller do it.
func (k *key) granted(request *policyContext) bool {
	principal, operation := request.c.Principal, request.operation
	for _, g := range k.grants {
		grantee := g.entry.GranteePrincipal
		if grantee == nil || *grantee != principal && *grantee != roleOf(principal) {
			continue
		}
		for _, op := range g.entry.Operations {
			if string(op) == operation && request.constraintsMet(g.entry.Constraints) {
				return true
			}
		}
	}
	return false
}

func denied(c *call, operation, resource string) error {
	return errf("AccessDeniedException", "User: %s is not authorized to perform: kms:%s on resource: %s because no resource-based policy allows the kms:%s action", c.Principal, operation, resource, operation)
}

// checkPolicy refuses what is not a key policy, and one that would lock its
// own author out: the next PutKeyPolicy must be allowed, conditions included.
func (c *call) checkPolicy(k *key, text string, bypass bool) error {
	var p keyPolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Statement) == 0 {
		return errf("MalformedPolicyDocumentException", "")
	}
	if len(text) > 32<<10 {
		return errf("LimitExceededException", "The key policy exceeds 32768 bytes.")
	}
	if bypass {
		return nil
	}
	for _, st := range p.Statement {
		if st.Effect == "Allow" && st.covers("kms:PutKeyPolicy") && st.names(c) && st.Condition.hold(&policyContext{c: c, k: k, operation: "PutKeyPolicy"}) == met {
			return nil
		}
	}
	return errf("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
}
