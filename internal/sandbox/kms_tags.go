package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

const tagsPerKey = 50

// checkTags refuses what KMS refuses in new tags, on top of those there are.
func checkTags(added, there []types.Tag) error {
	seen := map[string]bool{}
	for i, t := range added {
		member := fmt.Sprintf("tags.%d.member", i+1)
		switch {
		case t.TagKey == nil:
			return required(member + ".tagKey")
		case t.TagValue == nil:
			return required(member + ".tagValue")
		case *t.TagKey == "":
			return errf("ValidationException", "1 validation error detected: Value '' at '%s.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1", member)
		}
		if err := tooLong(t.TagKey, member+".tagKey", 128); err != nil {
			return err
		}
		if err := tooLong(t.TagValue, member+".tagValue", 256); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(strings.ToLower(*t.TagKey), "aws:"):
			return errf("TagException", "Tags beginning with aws: are reserved")
		case seen[*t.TagKey]:
			return errf("TagException", "Duplicate tag keys")
		}
		seen[*t.TagKey] = true
	}
	for _, t := range there {
		seen[*t.TagKey] = true
	}
	if len(seen) > tagsPerKey {
		return errf("TagException", "Too many tags")
	}
	return nil
}

func tagResource(c *call, in *kms.TagResourceInput) (*kms.TagResourceOutput, error) {
	if in.Tags == nil {
		return nil, required("tags")
	}
	return &kms.TagResourceOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := checkTags(in.Tags, k.tags); err != nil {
			return err
		}
		if err := k.changeable(c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		k.tags, k.tagged = mergeTags(k.tags, in.Tags), true
		return nil
	})
}

func mergeTags(old, added []types.Tag) []types.Tag {
	out := slices.Clone(old)
	for _, t := range added {
		if i := slices.IndexFunc(out, func(o types.Tag) bool { return *o.TagKey == *t.TagKey }); i >= 0 {
			out[i] = t
			continue
		}
		out = append(out, t)
	}
	return out
}

func untagResource(c *call, in *kms.UntagResourceInput) (*kms.UntagResourceOutput, error) {
	if in.TagKeys == nil {
		return nil, required("tagKeys")
	}
	return &kms.UntagResourceOutput{}, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.changeable(c.Now); err != nil {
			return err
		}
		k.changes(c.Now)
		k.tags = slices.DeleteFunc(slices.Clone(k.tags), func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.TagKey) })
		return nil
	})
}

func listResourceTags(c *call, in *kms.ListResourceTagsInput) (*kms.ListResourceTagsOutput, error) {
	limit, err := pageSize(in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	out := &kms.ListResourceTagsOutput{}
	return out, c.with(in.KeyId, toInspect, func(k *key) error {
		tags, next, err := pageOf(k.tags, limit, in.Marker)
		if err != nil {
			return err
		}
		out.Tags = append([]types.Tag{}, tags...)
		out.NextMarker, out.Truncated = next, next != nil
		return nil
	})
}
