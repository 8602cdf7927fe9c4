package assess

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/keyrotor/keyrotor"
)

// factOrganization is needed to tell which accounts are outside of it.
const factOrganization = "organization"

// fieldsOf is the whole list of what an expression can read. docs/rules.md
// shows the same list, and a test compares the two.
func (s *schema) fieldsOf(kind partKind) []field {
	switch kind {
	case partAsset:
		return s.assetFields()
	case partEligibility:
		return eligibilityFields()
	case partGrants:
		return grantFields()
	case partHistory:
		return historyFields()
	case partImport:
		return importFields()
	case partLastUse:
		return lastUseFields()
	case partManagedBy:
		return managedByFields()
	case partMaterial:
		return materialFields()
	case partMultiRegion:
		return multiRegionFields()
	case partPolicy:
		return policyFields()
	case partRotation:
		return rotationFields()
	case partGap:
		return gapFields()
	default:
		return nil
	}
}

func (s *schema) assetFields() []field {
	strings := cel.ListType(cel.StringType)
	fields := []field{
		{name: "kind", typ: cel.StringType, doc: "`kms-key`", get: text(func(v *view) string { return string(v.asset.Kind) })},
		{name: "id", typ: cel.StringType, doc: "AWS's id; for a KMS key the key id", get: text(func(v *view) string { return v.asset.ID })},
		{name: "arn", typ: cel.StringType, doc: "the ARN", get: text(func(v *view) string { return v.asset.ARN })},
		{name: "partition", typ: cel.StringType, doc: "`aws`, `aws-cn`, `aws-us-gov`", get: text(func(v *view) string { return v.asset.Partition })},
		{name: "account", typ: cel.StringType, doc: "12 digits", get: text(func(v *view) string { return v.asset.Account })},
		{name: "region", typ: cel.StringType, doc: "`eu-west-1`", get: text(func(v *view) string { return v.asset.Region })},
		{name: "ou", typ: cel.StringType, doc: "path of the account in the organization", get: text(func(v *view) string { return v.asset.OU })},
		{name: "name", typ: cel.StringType, doc: "first alias, else the id", get: text(func(v *view) string { return v.asset.Name() })},
		{name: "tags", typ: cel.MapType(cel.StringType, cel.StringType), facts: []string{keyrotor.FactTags}, doc: "tags by key", get: getTags},
		{name: "owner", typ: cel.StringType, facts: []string{keyrotor.FactTags}, doc: "value of the owner tag, empty when there is none", get: getOwner},
		{name: "aliases", typ: strings, doc: "aliases", get: getAliases},
		{name: "description", typ: cel.StringType, doc: "description", get: ofKMS(func(k *keyrotor.KMSFacts) any { return types.String(k.Description) })},
		{name: "state", typ: cel.StringType, doc: "`Enabled`, `Disabled`, `PendingDeletion`, …", get: ofKMS(func(k *keyrotor.KMSFacts) any { return types.String(k.State) })},
		{name: "spec", typ: cel.StringType, doc: "`SYMMETRIC_DEFAULT`, `RSA_2048`, …", get: ofKMS(func(k *keyrotor.KMSFacts) any { return types.String(k.Spec) })},
		{name: "usage", typ: cel.StringType, doc: "`ENCRYPT_DECRYPT`, `SIGN_VERIFY`, …", get: ofKMS(func(k *keyrotor.KMSFacts) any { return types.String(k.Usage) })},
		{name: "origin", typ: cel.StringType, doc: "`AWS_KMS`, `EXTERNAL`, `AWS_CLOUDHSM`, `EXTERNAL_KEY_STORE`", get: ofKMS(func(k *keyrotor.KMSFacts) any { return types.String(k.Origin) })},
		{name: "created", typ: cel.TimestampType, doc: "when the key was created", get: getCreated},
		{name: "was_on", typ: cel.BoolType, earlier: true, doc: "an earlier run saw rotation on, and no run of ours switched it off since; false when no earlier run knows", get: func(v *view) (any, error) { return types.Bool(v.wasOn), nil }},
	}
	for _, p := range []struct {
		name, doc string
		kind      partKind
		facts     []string
		absent    func(*view) error
	}{
		{"eligibility", "what rotation AWS allows", partEligibility, nil, absentEligibility},
		{"managed_by", "the template that owns the asset", partManagedBy, []string{keyrotor.FactTags}, absentManager},
		{"multi_region", "place in a multi-Region family", partMultiRegion, nil, absentKMS},
		{"rotation", "status of automatic rotation", partRotation, []string{keyrotor.FactRotation}, absentRotation},
		{"history", "rotations done", partHistory, []string{keyrotor.FactHistory}, absentHistory},
		{"material", "current key material", partMaterial, []string{keyrotor.FactHistory}, absentMaterial},
		{"import", "state of imported material", partImport, []string{keyrotor.FactDescription}, absentImport},
		{"policy", "summary of the key policy", partPolicy, []string{keyrotor.FactPolicy}, absentPolicy},
		{"last_use", "last cryptographic use (`--with last-use`)", partLastUse, []string{keyrotor.FactLastUse}, absentLastUse},
		{"grants", "grants (`--with grants`)", partGrants, []string{keyrotor.FactGrants}, absentGrants},
	} {
		fields = append(fields, field{name: p.name, typ: s.objects[p.kind].typ, facts: p.facts, doc: p.doc, get: getPart(p.kind, p.absent)})
	}
	return fields
}

func eligibilityFields() []field {
	return []field{
		{name: "ability", typ: cel.StringType, doc: "`automatic`, `on-demand`, `manual`, `service-managed`, `none`", get: text(func(v *view) string { return string(v.eligibility.Ability) })},
		{name: "class", typ: cel.StringType, doc: "group name, as in tables", get: text(func(v *view) string { return v.eligibility.Class })},
	}
}

func rotationFields() []field {
	return []field{
		{name: "on", typ: cel.BoolType, doc: "automatic rotation is on", get: func(v *view) (any, error) { return types.Bool(v.kms.Rotation.On), nil }},
		{name: "period", typ: cel.DurationType, doc: "365 d where it is on and the service does not tell; none where it is off, use `has()`", get: getPeriod},
		{name: "next", typ: cel.TimestampType, doc: "next automatic rotation; use `has()`", get: func(v *view) (any, error) { return stampOf(v.kms.Rotation.Next, "next rotation date") }},
		{name: "on_demand_started", typ: cel.TimestampType, doc: "set while an on-demand rotation is under way; use `has()`", get: func(v *view) (any, error) {
			return stampOf(v.kms.Rotation.OnDemandStarted, "on-demand rotation under way")
		}},
	}
}

func historyFields() []field {
	return []field{
		{name: "count", typ: cel.IntType, doc: "finished rotations", get: func(v *view) (any, error) { return types.Int(len(v.kms.History.Rotations)), nil }},
		{name: "on_demand", typ: cel.IntType, doc: "on-demand rotations so far", get: func(v *view) (any, error) { return types.Int(v.kms.History.OnDemand), nil }},
		{name: "on_demand_left", typ: cel.IntType, doc: "what is left of the 25 of a key's life", get: func(v *view) (any, error) { return types.Int(v.kms.History.OnDemandLeft()), nil }},
		{name: "last", typ: cel.TimestampType, doc: "last finished rotation; use `has()`", get: func(v *view) (any, error) {
			if r, ok := v.kms.History.Last(); ok {
				return stamp(r.At), nil
			}
			return nil, &notRead{fact: "finished rotation", ruledOut: true}
		}},
		{name: "due_missing", typ: cel.BoolType, facts: []string{keyrotor.FactRotation}, doc: "an automatic rotation was due and the history lacks it", get: func(v *view) (any, error) {
			if err := absentRotation(v); err != nil {
				return nil, err
			}
			_, missing := missingRotation(v.kms, v.set.now)
			return types.Bool(missing), nil
		}},
		{name: "missed", typ: cel.TimestampType, facts: []string{keyrotor.FactRotation}, doc: "when that rotation was due; use `has()`", get: func(v *view) (any, error) {
			if err := absentRotation(v); err != nil {
				return nil, err
			}
			if due, missing := missingRotation(v.kms, v.set.now); missing {
				return stamp(due), nil
			}
			return nil, &notRead{fact: "missed rotation", ruledOut: true}
		}},
	}
}

func materialFields() []field {
	return []field{
		{name: "id", typ: cel.StringType, doc: "id of the current material", get: text(func(v *view) string {
			if v.kms.Material == nil {
				return ""
			}
			return v.kms.Material.ID
		})},
		{name: "since", typ: cel.TimestampType, doc: "last finished rotation, else creation of the key", get: func(v *view) (any, error) {
			return stamp(materialSince(v.kms)), nil
		}},
		{name: "age", typ: cel.DurationType, doc: "time since then", get: func(v *view) (any, error) {
			return types.Duration{Duration: v.since(materialSince(v.kms))}, nil
		}},
	}
}

func importFields() []field {
	return []field{
		{name: "expires", typ: cel.BoolType, doc: "the material has an end date", get: func(v *view) (any, error) { return types.Bool(v.kms.Import.Expires), nil }},
		{name: "valid_to", typ: cel.TimestampType, doc: "earliest end date of all materials; use `has()`", get: func(v *view) (any, error) { return stampOf(v.kms.Import.ValidTo, "end date of imported material") }},
		{name: "lost", typ: cel.BoolType, doc: "the key lacks material that it once had: it expired or was deleted", get: getLost},
		{name: "pending", typ: cel.StringType, doc: "id of material that waits for its rotation", get: text(func(v *view) string { return v.kms.Import.Pending })},
		{name: "awaits_replicas", typ: cel.BoolType, doc: "a replica lacks that material, and so it cannot be rotated to yet", get: func(v *view) (any, error) { return types.Bool(v.kms.Import.AwaitsReplicas), nil }},
	}
}

func policyFields() []field {
	strings := cel.ListType(cel.StringType)
	return []field{
		{name: "public", typ: cel.BoolType, doc: "everybody is allowed, and no condition narrows it", get: func(v *view) (any, error) { return types.Bool(v.kms.Policy.Public), nil }},
		{name: "outside", typ: strings, facts: []string{factOrganization}, doc: "accounts, organizations and patterns of either that may use the key and are not of the organization, grantees among them where grants were read", get: getOutside},
		{name: "other_accounts", typ: strings, doc: "allowed accounts other than the key's", get: func(v *view) (any, error) { return list(v.kms.Policy.OtherAccounts), nil }},
		{name: "account_patterns", typ: strings, doc: "patterns of accounts (`9999*`) to which everybody is narrowed", get: func(v *view) (any, error) { return list(v.kms.Policy.AccountPatterns), nil }},
		{name: "organizations", typ: strings, doc: "organizations, or patterns of them, to which everybody is narrowed", get: func(v *view) (any, error) { return list(v.kms.Policy.Organizations), nil }},
		{name: "network_only", typ: cel.BoolType, doc: "everybody is narrowed by nothing but the network of the caller", get: func(v *view) (any, error) { return types.Bool(v.kms.Policy.NetworkOnly), nil }},
		{name: "administrators", typ: strings, doc: "principals that may change the key", get: func(v *view) (any, error) { return list(v.kms.Policy.Administrators), nil }},
		{name: "services", typ: strings, doc: "AWS services that are allowed", get: func(v *view) (any, error) { return list(v.kms.Policy.Services), nil }},
		{name: "delegates_to_iam", typ: cel.BoolType, doc: "IAM policies of the account decide as well", get: func(v *view) (any, error) { return types.Bool(v.kms.Policy.DelegatesToIAM), nil }},
	}
}

func lastUseFields() []field {
	return []field{
		{name: "at", typ: cel.TimestampType, doc: "last use; use `has()`", get: func(v *view) (any, error) {
			if v.kms.LastUse.At.IsZero() {
				return nil, &notRead{fact: "use since tracking began", ruledOut: true}
			}
			return stamp(v.kms.LastUse.At), nil
		}},
		{name: "operation", typ: cel.StringType, doc: "`Decrypt`, …", get: text(func(v *view) string { return v.kms.LastUse.Operation })},
		{name: "tracked_since", typ: cel.TimestampType, doc: "AWS knows of no use before this", get: func(v *view) (any, error) { return stamp(v.kms.LastUse.TrackedSince), nil }},
		{name: "idle", typ: cel.DurationType, doc: "time since the last use; without one, since creation or the begin of tracking: a lower bound", get: func(v *view) (any, error) {
			return types.Duration{Duration: v.since(idleSince(v.kms))}, nil
		}},
	}
}

func grantFields() []field {
	return []field{
		{name: "count", typ: cel.IntType, doc: "number of grants", get: func(v *view) (any, error) { return types.Int(v.kms.Grants.Count), nil }},
		{name: "grantees", typ: cel.ListType(cel.StringType), doc: "who holds them", get: func(v *view) (any, error) { return list(v.kms.Grants.Grantees), nil }},
	}
}

func managedByFields() []field {
	manager := func(read func(*keyrotor.Manager) string) func(*view) (any, error) {
		return text(func(v *view) string {
			if v.asset.ManagedBy == nil {
				return ""
			}
			return read(v.asset.ManagedBy)
		})
	}
	return []field{
		{name: "tool", typ: cel.StringType, doc: "`cloudformation`, `terraform`, empty for none", get: manager(func(m *keyrotor.Manager) string { return m.Tool })},
		{name: "name", typ: cel.StringType, doc: "stack, workspace or module", get: manager(func(m *keyrotor.Manager) string { return m.Name })},
		{name: "resource", typ: cel.StringType, doc: "logical id in the template", get: manager(func(m *keyrotor.Manager) string { return m.Resource })},
	}
}

func multiRegionFields() []field {
	return []field{
		{name: "role", typ: cel.StringType, doc: "`PRIMARY`, `REPLICA`, empty for a single-Region key", get: text(func(v *view) string { return v.kms.MultiRegionRole() })},
		{name: "primary", typ: cel.StringType, doc: "ARN of the primary key", get: text(func(v *view) string {
			if v.kms.MultiRegion == nil {
				return ""
			}
			return v.kms.MultiRegion.Primary
		})},
		{name: "replicas", typ: cel.ListType(cel.StringType), doc: "ARNs of the replicas", get: func(v *view) (any, error) {
			if v.kms.MultiRegion == nil {
				return list(nil), nil
			}
			return list(v.kms.MultiRegion.Replicas), nil
		}},
	}
}

func gapFields() []field {
	of := func(read func(*keyrotor.Gap) string) func(*view) (any, error) {
		return text(func(v *view) string { return read(v.gap) })
	}
	return []field{
		{name: "account", typ: cel.StringType, doc: "12 digits", get: of(func(g *keyrotor.Gap) string { return g.Account })},
		{name: "region", typ: cel.StringType, doc: "Region, empty when the whole account is a gap", get: of(func(g *keyrotor.Gap) string { return g.Region })},
		{name: "asset", typ: cel.StringType, doc: "ARN, when one asset is the gap", get: of(func(g *keyrotor.Gap) string { return g.Asset })},
		{name: "fact", typ: cel.StringType, doc: "when one fact is the gap", get: of(func(g *keyrotor.Gap) string { return g.Fact })},
		{name: "call", typ: cel.StringType, doc: "`kms:ListKeys`, …", get: of(func(g *keyrotor.Gap) string { return g.Call })},
		{name: "code", typ: cel.StringType, doc: "the service's error code", get: of(func(g *keyrotor.Gap) string { return g.Code })},
		{name: "cause", typ: cel.StringType, doc: "`scp`, `trust`, `key-policy`, `iam`, `region-off`, `no-role`, `throttled`, `unreachable`, `other`", get: of(func(g *keyrotor.Gap) string { return string(g.Cause) })},
		{name: "message", typ: cel.StringType, doc: "the service's message", get: of(func(g *keyrotor.Gap) string { return g.Message })},
	}
}

// since is the time that has passed, never negative: clocks of two machines
// may differ by seconds.
func (v *view) since(t time.Time) time.Duration { return max(0, v.set.now.Sub(t)) }
