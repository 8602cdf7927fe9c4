package aws

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go/middleware"
)

// wholeResults holds decoded answers against what they must consist of. In these
// the SDK tells what is absent by nil, and an empty list by an empty one.
type wholeResults struct{}

// ID implements middleware.DeserializeMiddleware.
func (wholeResults) ID() string { return "keyrotor.WholeResults" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (wholeResults) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	if member := missing(out.Result); member != "" {
		return out, metadata, &unbelievable{codeIncomplete, "the answer lacks " + member}
	}
	if member := outOfTime(out.Result); member != "" {
		return out, metadata, &unbelievable{codeImpossible, "the answer has a " + member + " that is no date of KMS"}
	}
	return out, metadata, nil
}

// missing names the first member that an answer lacks, "" where it is whole.
func missing(result any) string {
	switch r := result.(type) {
	case *kms.ListKeysOutput:
		return cmp.Or(absent(r.Keys == nil, "Keys"), anyOf(r.Keys, func(i int) bool { return r.Keys[i].KeyId == nil }, "Keys.KeyId"), goesOn(r.Truncated, r.NextMarker))
	case *kms.ListAliasesOutput:
		return cmp.Or(absent(r.Aliases == nil, "Aliases"), anyOf(r.Aliases, func(i int) bool { return r.Aliases[i].AliasName == nil }, "Aliases.AliasName"), goesOn(r.Truncated, r.NextMarker))
	case *kms.DescribeKeyOutput:
		k := r.KeyMetadata
		if k == nil {
			return "KeyMetadata"
		}
		return cmp.Or(absent(k.KeyId == nil, "KeyMetadata.KeyId"), absent(k.KeyState == "", "KeyMetadata.KeyState"), absent(k.KeyManager == "", "KeyMetadata.KeyManager"))
	case *kms.ListKeyRotationsOutput:
		return cmp.Or(absent(r.Rotations == nil, "Rotations"), goesOn(r.Truncated, r.NextMarker))
	case *kms.ListResourceTagsOutput:
		return cmp.Or(absent(r.Tags == nil, "Tags"), anyOf(r.Tags, func(i int) bool { return r.Tags[i].TagKey == nil || r.Tags[i].TagValue == nil }, "Tags.TagKey or Tags.TagValue"), goesOn(r.Truncated, r.NextMarker))
	case *kms.GetKeyPolicyOutput:
		return absent(r.Policy == nil, "Policy")
	}
	return ""
}

func absent(yes bool, member string) string {
	if yes {
		return member
	}
	return ""
}

func anyOf[T any](list []T, lacks func(i int) bool, member string) string {
	for i := range list {
		if lacks(i) {
			return member
		}
	}
	return ""
}

func goesOn(truncated bool, marker *string) string {
	return absent(truncated && (marker == nil || *marker == ""), "NextMarker, and the list goes on (Truncated)")
}
