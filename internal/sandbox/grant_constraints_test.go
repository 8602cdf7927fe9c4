package sandbox_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

func TestGrantConstraintsBindTheEncryptionContext(t *testing.T) {
	const guest = "222222222222"
	ctx := context.Background()
	equals := &types.GrantConstraints{EncryptionContextEquals: map[string]string{"dept": "hr"}}
	subset := &types.GrantConstraints{EncryptionContextSubset: map[string]string{"dept": "hr"}}
	for name, tt := range map[string]struct {
		constraints *types.GrantConstraints
		context     map[string]string
		want        string
	}{
		"none":                               {nil, nil, ""},
		"equal":                              {equals, map[string]string{"dept": "hr"}, ""},
		"equal, the name in another case":    {equals, map[string]string{"Dept": "hr"}, ""},
		"equal, the value in another case":   {equals, map[string]string{"dept": "HR"}, "AccessDeniedException"},
		"equal and one more":                 {equals, map[string]string{"dept": "hr", "a": "b"}, "AccessDeniedException"},
		"equal, and none given":              {equals, nil, "AccessDeniedException"},
		"subset and one more":                {subset, map[string]string{"dept": "hr", "a": "b"}, ""},
		"subset, and another given":          {subset, map[string]string{"a": "b"}, "AccessDeniedException"},
		"for a resource, and nobody has one": {&types.GrantConstraints{SourceArn: new("arn:aws:s3:::b")}, nil, "AccessDeniedException"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, sandbox.Options{})
			arn := b.seed(t, sandbox.KeySeed{})
			if _, err := b.client(account, region).CreateGrant(ctx, &kms.CreateGrantInput{
				KeyId: &arn, GranteePrincipal: new("arn:aws:iam::" + guest + ":user/sandbox"), Constraints: tt.constraints,
				Operations: []types.GrantOperation{"Encrypt", "DescribeKey", "CreateGrant"},
			}); err != nil {
				t.Fatal(err)
			}
			c := b.client(guest, region)
			_, err := c.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("text"), EncryptionContext: tt.context})
			if got := code(err); got != tt.want {
				t.Errorf("encrypt: got %q, want %q", got, tt.want)
			}
			if tt.constraints == nil || tt.constraints.SourceArn != nil {
				return
			}
			if _, err := c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &arn}); err != nil {
				t.Errorf("describe, which has no context: %v", err)
			}
			grant := func(constraints *types.GrantConstraints) string {
				_, err := c.CreateGrant(ctx, &kms.CreateGrantInput{
					KeyId: &arn, GranteePrincipal: new("arn:aws:iam::333333333333:root"), Constraints: constraints,
					Operations: []types.GrantOperation{"Encrypt"},
				})
				return code(err)
			}
			if got := grant(tt.constraints); got != "" {
				t.Errorf("pass on a grant as strict: got %q", got)
			}
			if got := grant(nil); got != "AccessDeniedException" {
				t.Errorf("pass on a looser grant: got %q, want AccessDeniedException", got)
			}
		})
	}
}

func TestConstraintsThatAGrantCannotHaveAreRefused(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	c, ctx := b.client(account, region), context.Background()
	many := map[string]string{}
	for n := range 9 {
		many[strings.Repeat("k", n+1)] = "v"
	}
	symmetric, rsa := b.seed(t, sandbox.KeySeed{}), b.seed(t, sandbox.KeySeed{Spec: "RSA_2048"})
	for name, tt := range map[string]struct {
		arn     string
		context map[string]string
	}{
		"an RSA key has no context": {rsa, map[string]string{"a": "b"}},
		"nine pairs":                {symmetric, many},
		"a value of 385 characters": {symmetric, map[string]string{"a": strings.Repeat("v", 385)}},
	} {
		_, err := c.CreateGrant(ctx, &kms.CreateGrantInput{
			KeyId: &tt.arn, GranteePrincipal: new("arn:aws:iam::222222222222:root"), Operations: []types.GrantOperation{"Decrypt"},
			Constraints: &types.GrantConstraints{EncryptionContextSubset: tt.context},
		})
		if got := code(err); got != "ValidationException" {
			t.Errorf("%s: got %q, want ValidationException", name, got)
		}
	}
}
