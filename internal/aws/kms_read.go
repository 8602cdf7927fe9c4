package aws

import (
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/keyrotor/keyrotor"
)

// keyReader reads single keys of one place.
type keyReader struct {
	client    *kms.Client
	at        keyrotor.Place
	partition string
	org       membership
	want      wanted
	ownerTag  string

	// aliases are those of the whole Region by key id; nil asks per key.
	aliases      map[string][]string
	aliasRefusal *keyrotor.Unread

	policies policyCache
}

// wanted says which facts beyond DescribeKey are asked for.
type wanted struct {
	rotation, history, tags, policy, lastUse, grants bool
}

func (e *Estate) reader(at keyrotor.Place, role Role, org membership) *keyReader {
	return &keyReader{
		client:    e.kms(at.Account, at.Region, role),
		at:        at,
		partition: e.who.Partition,
		org:       org,
		ownerTag:  e.cfg.OwnerTag,
		want: wanted{
			rotation: true, history: true, tags: true, policy: true,
			lastUse: slices.Contains(e.cfg.With, keyrotor.FactLastUse),
			grants:  slices.Contains(e.cfg.With, keyrotor.FactGrants),
		},
	}
}

// reading is one key being read.
type reading struct {
	*keyReader
	asset keyrotor.Asset
	gaps  []keyrotor.Gap
	// historyRead is false when the history, on which the age of the material
	// depends, was not asked for or refused.
	historyRead bool
	// policySays is nil when the key policy was not read.
	policySays *policySummary
}

// read looks at one key. A refused DescribeKey yields an asset that names the
// key and says so; a refused fact leaves its place empty. An error means that
// the context ended.
func (r *keyReader) read(ctx context.Context, id, arn string) (keyrotor.Asset, []keyrotor.Gap, error) {
	k := r.begin(id, arn)
	described, err := r.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if ctx.Err() != nil {
		return keyrotor.Asset{}, nil, ctx.Err()
	}
	if err == nil {
		err = r.speaksOf(id, described.KeyMetadata)
	}
	if err != nil {
		k.refused(keyrotor.FactDescription, "kms:DescribeKey", err)
		k.guessManager()
		return k.asset, k.gaps, nil
	}
	k.describe(described.KeyMetadata)
	if err := k.facts(ctx); err != nil {
		return keyrotor.Asset{}, nil, err
	}
	return k.asset, k.gaps, nil
}

func (r *keyReader) begin(id, arn string) *reading {
	k := &reading{keyReader: r, asset: keyrotor.Asset{
		Kind: keyrotor.KindKMSKey, ID: id, ARN: arn, Partition: r.partition,
		Account: r.at.Account, Region: r.at.Region, OU: r.at.OU,
		KMS: &keyrotor.KMSFacts{Aliases: slices.Clone(r.aliases[id])},
	}}
	slices.Sort(k.asset.KMS.Aliases)
	if r.aliasRefusal != nil {
		k.asset.Unread = append(k.asset.Unread, *r.aliasRefusal)
	}
	return k
}

// guessManager tells an AWS managed key by its alias when DescribeKey refused:
// the prefix alias/aws/ is reserved.
func (k *reading) guessManager() {
	for _, alias := range k.asset.KMS.Aliases {
		if strings.HasPrefix(alias, "alias/aws/") {
			k.asset.KMS.KeyManager = string(kmstypes.KeyManagerTypeAws)
		}
	}
}

// facts asks what fits the key, in order of usefulness; of an AWS managed key
// nothing more can be learned.
func (k *reading) facts(ctx context.Context) error {
	facts := k.asset.KMS
	if facts.AWSManaged() {
		return nil
	}
	if k.want.rotation && tellsRotation(facts) {
		k.rotation(ctx)
	}
	if k.want.history && tellsHistory(facts) {
		k.history(ctx)
	}
	k.material()
	if k.want.tags {
		k.tags(ctx)
	}
	if k.want.policy {
		k.policy(ctx)
	}
	if k.want.lastUse {
		k.lastUse(ctx)
	}
	if k.want.grants {
		k.grants(ctx)
	}
	k.outside()
	return ctx.Err()
}

// refused records that a fact was asked for and refused.
func (k *reading) refused(fact, call string, err error) {
	g := refusal(call, err)
	g.Account, g.Region, g.Asset, g.Fact = k.at.Account, k.at.Region, k.asset.ARN, fact
	k.gaps = append(k.gaps, g)
	k.asset.Unread = append(k.asset.Unread, keyrotor.Unread{Fact: fact, Call: g.Call, Code: g.Code})
}

// notForThisKey reports the answers by which KMS says that a question does not
// fit the key as it is: nothing was withheld.
func notForThisKey(err error) bool {
	code := errorCode(err)
	return code == "UnsupportedOperationException" || code == "KMSInvalidStateException"
}

func (k *reading) rotation(ctx context.Context) {
	out, err := k.client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &k.asset.ID})
	switch {
	case notForThisKey(err):
	case err != nil:
		k.refused(keyrotor.FactRotation, "kms:GetKeyRotationStatus", err)
	default:
		k.asset.KMS.Rotation = &keyrotor.RotationFacts{
			On:              out.KeyRotationEnabled,
			PeriodDays:      int(awssdk.ToInt32(out.RotationPeriodInDays)),
			Next:            utc(out.NextRotationDate),
			OnDemandStarted: utc(out.OnDemandRotationStartDate),
		}
	}
}

// history asks for the rotations; for imported material with all materials,
// since only that tells when each expires and what waits for its rotation.
func (k *reading) history(ctx context.Context) {
	in := &kms.ListKeyRotationsInput{KeyId: &k.asset.ID, Limit: awssdk.Int32(listRotationsLimit)}
	if k.asset.KMS.Origin == string(kmstypes.OriginTypeExternal) {
		in.IncludeKeyMaterial = kmstypes.IncludeKeyMaterialAllKeyMaterial
	}
	var entries []kmstypes.RotationsListEntry
	pages := kms.NewListKeyRotationsPaginator(k.client, in)
	err := eachPage(ctx, pages, mostRotationPages, func(page *kms.ListKeyRotationsOutput) (*string, error) {
		entries = append(entries, page.Rotations...)
		return page.NextMarker, nil
	})
	if notForThisKey(err) {
		return
	}
	if err != nil {
		k.refused(keyrotor.FactHistory, "kms:ListKeyRotations", err)
		return
	}
	k.historyRead = true
	k.asset.KMS.History = rotationHistory(entries)
	if k.asset.KMS.Import != nil {
		importFacts(k.asset.KMS.Import, entries)
	}
}

func (k *reading) tags(ctx context.Context) {
	tags, err := tagsOf(ctx, k.client, k.asset.ID)
	if err != nil {
		k.refused(keyrotor.FactTags, "kms:ListResourceTags", err)
		return
	}
	k.asset.Tags = tags
	k.asset.Owner = tagValue(tags, k.ownerTag)
	k.asset.ManagedBy = managerOf(tags)
}

// tagsOf reads all tags of a key.
func tagsOf(ctx context.Context, client *kms.Client, key string) (map[string]string, error) {
	tags := make(map[string]string)
	pages := kms.NewListResourceTagsPaginator(client, &kms.ListResourceTagsInput{KeyId: &key, Limit: awssdk.Int32(listTagsLimit)})
	err := eachPage(ctx, pages, mostTagPages, func(page *kms.ListResourceTagsOutput) (*string, error) {
		for _, t := range page.Tags {
			tags[awssdk.ToString(t.TagKey)] = awssdk.ToString(t.TagValue)
		}
		return page.NextMarker, nil
	})
	return tags, err
}

func (k *reading) policy(ctx context.Context) {
	out, err := k.client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &k.asset.ID, PolicyName: awssdk.String("default")})
	if err == nil {
		k.policySays, err = k.policies.summary(awssdk.ToString(out.Policy), k.at.Account)
	}
	if err != nil {
		k.refused(keyrotor.FactPolicy, "kms:GetKeyPolicy", err)
		return
	}
	facts := k.policySays.facts
	k.asset.KMS.Policy = &facts
}

// outside tells who of those that may use the key is not of the organization, by
// its policy and, where they were read, its grants.
func (k *reading) outside() {
	if k.policySays == nil || k.org.accounts == nil {
		return
	}
	accounts := slices.Clone(k.policySays.named)
	if g := k.asset.KMS.Grants; g != nil {
		for _, grantee := range g.Grantees {
			if a := accountOf(grantee); a != "" && a != k.at.Account {
				accounts = append(accounts, a)
			}
		}
	}
	k.asset.KMS.Policy.Outside = k.org.outside(accounts, k.policySays.admissions)
}

func (k *reading) lastUse(ctx context.Context) {
	out, err := k.client.GetKeyLastUsage(ctx, &kms.GetKeyLastUsageInput{KeyId: &k.asset.ID})
	if err != nil {
		k.refused(keyrotor.FactLastUse, "kms:GetKeyLastUsage", err)
		return
	}
	use := &keyrotor.LastUse{TrackedSince: awssdk.ToTime(out.TrackingStartDate).UTC()}
	if out.KeyLastUsage != nil && out.KeyLastUsage.Timestamp != nil {
		use.At = out.KeyLastUsage.Timestamp.UTC()
		use.Operation = string(out.KeyLastUsage.Operation)
	}
	k.asset.KMS.LastUse = use
}

func (k *reading) grants(ctx context.Context) {
	facts := &keyrotor.GrantFacts{}
	grantees, counted := make(map[string]bool), make(map[string]bool)
	pages := kms.NewListGrantsPaginator(k.client, &kms.ListGrantsInput{KeyId: &k.asset.ID, Limit: awssdk.Int32(listGrantsLimit)})
	err := eachPage(ctx, pages, mostGrantPages, func(page *kms.ListGrantsOutput) (*string, error) {
		for _, g := range page.Grants {
			if id := awssdk.ToString(g.GrantId); id != "" && counted[id] {
				continue // listed twice: the listing moved under the pages
			}
			counted[awssdk.ToString(g.GrantId)] = true
			facts.Count++
			for _, who := range []*string{g.GranteePrincipal, g.GranteeServicePrincipal} {
				if name := awssdk.ToString(who); name != "" && !grantees[name] {
					grantees[name] = true
					facts.Grantees = append(facts.Grantees, name)
				}
			}
		}
		return page.NextMarker, nil
	})
	if err != nil {
		k.refused(keyrotor.FactGrants, "kms:ListGrants", err)
		return
	}
	slices.Sort(facts.Grantees)
	k.asset.KMS.Grants = facts
}

// ownAliases asks for the aliases of this key alone.
func (k *reading) ownAliases(ctx context.Context) {
	var names []string
	pages := kms.NewListAliasesPaginator(k.client, &kms.ListAliasesInput{KeyId: &k.asset.ID, Limit: awssdk.Int32(listAliasesLimit)})
	err := eachPage(ctx, pages, mostAliasPages, func(page *kms.ListAliasesOutput) (*string, error) {
		for _, a := range page.Aliases {
			names = append(names, awssdk.ToString(a.AliasName))
		}
		return page.NextMarker, nil
	})
	if err != nil {
		k.refused(keyrotor.FactAliases, "kms:ListAliases", err)
		return
	}
	slices.Sort(names)
	k.asset.KMS.Aliases = slices.Compact(names)
}
