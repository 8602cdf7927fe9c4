package sandbox

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
)

// getResources lists the KMS keys of a Region that have, or ever had, tags.
func getResources(c *call, in *resourcegroupstaggingapi.GetResourcesInput) (*resourcegroupstaggingapi.GetResourcesOutput, error) {
	size := int32(50)
	if in.ResourcesPerPage != nil {
		size = *in.ResourcesPerPage
	}
	filtered := len(in.TagFilters) > 0 || len(in.ResourceTypeFilters) > 0
	switch {
	case size < 1 || size > 100:
		return nil, errf("InvalidParameterException", "ResourcesPerPage must be between 1 and 100")
	case len(in.ResourceARNList) > 0 && filtered:
		return nil, errf("InvalidParameterException", "ResourceARNList cannot be combined with TagFilters or ResourceTypeFilters")
	}
	out := &resourcegroupstaggingapi.GetResourcesOutput{
		PaginationToken:        new(""), // AWS sends it empty on the last page
		ResourceTagMappingList: []tagtypes.ResourceTagMapping{},
	}
	if len(in.ResourceTypeFilters) > 0 && !slices.Contains(in.ResourceTypeFilters, "kms") && !slices.Contains(in.ResourceTypeFilters, "kms:key") {
		return out, nil
	}
	after, err := readPaginationToken(deref(in.PaginationToken), c.Now)
	if err != nil {
		return nil, err
	}
	for _, m := range c.taggedKeys(after, in) {
		if len(out.ResourceTagMappingList) == int(size) {
			out.PaginationToken = new(paginationToken(arnID(*out.ResourceTagMappingList[size-1].ResourceARN), c.Now))
			break
		}
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, m)
	}
	return out, nil
}

// tokenLife is how long a PaginationToken is good for.
const tokenLife = 15 * time.Minute

// paginationToken names the last key of a page, and when the page was made.
func paginationToken(id string, now time.Time) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "sandbox %d %s", now.UnixMilli(), id))
}

// readPaginationToken returns the key after which to go on.
func readPaginationToken(token string, now time.Time) (id string, _ error) {
	if token == "" {
		return "", nil
	}
	var made int64
	text, err := base64.StdEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(text), "sandbox %d %s", &made, &id)
	}
	switch {
	case err != nil || !keyIDPattern.MatchString(id):
		return "", errf("InvalidParameterException", "The PaginationToken is invalid.")
	case now.Sub(time.UnixMilli(made)) > tokenLife:
		return "", errf("PaginationTokenExpiredException", "The PaginationToken has expired.")
	}
	return id, nil
}

// taggedKeys are the matching keys with an id greater than after, in the order
// of their ids, so that a page goes on where the last ended whatever came between.
func (c *call) taggedKeys(after string, in *resourcegroupstaggingapi.GetResourcesInput) []tagtypes.ResourceTagMapping {
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.regionLocked(c.Region)
	r.sweep(c.Now)
	var out []tagtypes.ResourceTagMapping
	for id, k := range r.keys {
		if k = k.seen(c.Now); id <= after || k == nil || !k.tagged || k.manager == types.KeyManagerTypeAws {
			continue
		}
		if len(in.ResourceARNList) > 0 && !slices.Contains(in.ResourceARNList, k.arn()) || !fitsTags(k.tags, in.TagFilters) {
			continue
		}
		m := tagtypes.ResourceTagMapping{ResourceARN: new(k.arn()), Tags: []tagtypes.Tag{}}
		for _, t := range k.tags {
			m.Tags = append(m.Tags, tagtypes.Tag{Key: t.TagKey, Value: t.TagValue})
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(x, y tagtypes.ResourceTagMapping) int { return strings.Compare(*x.ResourceARN, *y.ResourceARN) })
	return out
}

// fitsTags wants every filter's key, with one of its values where it has any.
func fitsTags(tags []types.Tag, filters []tagtypes.TagFilter) bool {
	for _, f := range filters {
		if f.Key == nil || !slices.ContainsFunc(tags, func(t types.Tag) bool {
			return *t.TagKey == *f.Key && (len(f.Values) == 0 || slices.Contains(f.Values, *t.TagValue))
		}) {
			return false
		}
	}
	return true
}

func arnID(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
