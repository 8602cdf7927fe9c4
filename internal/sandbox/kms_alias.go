package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

const aliasesPerKey = 50

var aliasPattern = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]+$`)

func aliasName(name string) string {
	if strings.HasPrefix(name, "alias/") {
		return name
	}
	return "alias/" + name
}

// bind makes or moves an alias.
func (r *kmsRegion) bind(name string, k *key, now time.Time) {
	a := r.aliases[name]
	if a == nil {
		a = &alias{name: name, created: now}
		r.aliases[name] = a
		r.sorted = nil
	}
	if old := a.target; old != nil {
		old.aliases = slices.DeleteFunc(slices.Clone(old.aliases), func(n string) bool { return n == name })
	}
	a.target, a.updated = k, now
	k.aliases = append(slices.Clone(k.aliases), name)
}

func checkAlias(name *string) error {
	switch {
	case name == nil:
		return required("aliasName")
	case len(*name) > 256:
		return tooLong(name, "aliasName", 256)
	case !namePattern.MatchString(*name):
		return unlike(*name, "aliasName", namePattern)
	case !strings.HasPrefix(*name, "alias/"):
		return errf("ValidationException", "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case strings.HasPrefix(*name, "alias/aws/"):
		return errf("NotAuthorizedException", "")
	case !aliasPattern.MatchString(*name):
		return errf("InvalidAliasNameException", "")
	}
	return nil
}

func createAlias(c *call, in *kms.CreateAliasInput) (*kms.CreateAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	return &kms.CreateAliasOutput{}, c.with(in.TargetKeyId, toManage, func(k *key) error {
		if k.region.aliases[*in.AliasName] != nil {
			return errf("AlreadyExistsException", "An alias with the name %s already exists", k.region.arn(*in.AliasName))
		}
		if err := k.takesAlias(c.Now); err != nil {
			return err
		}
		k.region.bind(*in.AliasName, k, c.Now)
		return nil
	})
}

func updateAlias(c *call, in *kms.UpdateAliasInput) (*kms.UpdateAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	return &kms.UpdateAliasOutput{}, c.with(in.TargetKeyId, toManage, func(k *key) error {
		a := k.region.aliases[*in.AliasName]
		if a == nil {
			return errf("NotFoundException", "Alias %s is not found.", k.region.arn(*in.AliasName))
		}
		if old := a.target; old != nil && old != k {
			if aliasKind(old.spec) != aliasKind(k.spec) || old.usageType != k.usageType {
				return errf("ValidationException", "The current and new KMS key must be the same type and have the same key usage.")
			}
			if err := old.admits(c, c.Operation); err != nil {
				return err
			}
			if err := k.takesAlias(c.Now); err != nil {
				return err
			}
		}
		k.region.bind(a.name, k, c.Now)
		return nil
	})
}

// aliasKind: an alias may move between symmetric keys, between asymmetric keys,
// between HMAC keys.
func aliasKind(s types.KeySpec) kind {
	if k := kindOfSpec(s); k == kindSymmetric || k == kindHMAC {
		return k
	}
	return kindRSA
}

func (k *key) takesAlias(now time.Time) error {
	if err := k.changeable(now); err != nil {
		return err
	}
	if len(k.aliases) >= aliasesPerKey {
		return errf("LimitExceededException", "The number of aliases on %s has reached its limit of %d.", k.arn(), aliasesPerKey)
	}
	return nil
}

func deleteAlias(c *call, in *kms.DeleteAliasInput) (*kms.DeleteAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	acc := c.s.account(c.Account)
	acc.mu.Lock()
	defer acc.mu.Unlock()
	r := acc.regionLocked(c.Region)
	r.sweep(c.Now)
	a := r.aliases[*in.AliasName]
	if a == nil {
		return nil, errf("NotFoundException", "Alias %s is not found.", r.arn(*in.AliasName))
	}
	if k := a.target; k != nil {
		if err := k.admits(c, c.Operation); err != nil {
			return nil, err
		}
		k.aliases = slices.DeleteFunc(slices.Clone(k.aliases), func(n string) bool { return n == a.name })
	}
	delete(r.aliases, a.name)
	r.sorted = nil
	return &kms.DeleteAliasOutput{}, nil
}

func listAliases(c *call, in *kms.ListAliasesInput) (*kms.ListAliasesOutput, error) {
	limit, err := pageSize(in.Limit, 100, 50)
	if err != nil {
		return nil, err
	}
	out := &kms.ListAliasesOutput{}
	if in.KeyId != nil {
		return out, c.with(in.KeyId, toInspect, func(k *key) error {
			names := slices.Sorted(slices.Values(k.aliases))
			all := make([]*alias, 0, len(names))
			for _, n := range names {
				if a := k.region.aliases[n]; a != nil {
					all = append(all, a)
				}
			}
			return fillAliases(out, k.region, all, limit, in.Marker)
		})
	}
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.regionLocked(c.Region)
	r.sweep(c.Now)
	return out, fillAliases(out, r, r.aliasesByName(), limit, in.Marker)
}

func fillAliases(out *kms.ListAliasesOutput, r *kmsRegion, all []*alias, limit int, marker *string) error {
	some, next, err := pageOf(all, limit, marker)
	if err != nil {
		return err
	}
	out.NextMarker, out.Truncated = next, next != nil
	out.Aliases = make([]types.AliasListEntry, 0, len(some))
	for _, a := range some {
		e := types.AliasListEntry{AliasName: new(a.name), AliasArn: new(r.arn(a.name))}
		if a.target != nil {
			e.TargetKeyId, e.CreationDate, e.LastUpdatedDate = new(a.target.id), new(a.created), new(a.updated)
		}
		out.Aliases = append(out.Aliases, e)
	}
	return nil
}

func (r *kmsRegion) aliasesByName() []*alias {
	if r.sorted == nil {
		r.sorted = make([]*alias, 0, len(r.aliases))
		for _, a := range r.aliases {
			r.sorted = append(r.sorted, a)
		}
		slices.SortFunc(r.sorted, func(a, b *alias) int { return strings.Compare(a.name, b.name) })
	}
	return r.sorted
}
