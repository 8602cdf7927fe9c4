package sandbox

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// policyContext is what conditions are asked about: a request, its caller and the
// key. The request's body is read again only when a condition asks for it, for most
// policies have none.
type policyContext struct {
	c         *call
	k         *key // nil: not made yet
	operation string
	members   map[string]json.RawMessage // of the body; nil until asked for
}

// values are the values of a condition key, none when the request has none. Keys
// that the sandbox cannot fill in are not known. Names do not heed case.
func (p *policyContext) values(name string) (values []string, known bool) {
	lower := strings.ToLower(name)
	if prefix, rest, ok := cutTagKey(name); ok {
		return p.tagged(prefix, rest)
	}
	if values, known = p.aboutCaller(lower); known {
		return values, true
	}
	if values, known = p.aboutKey(lower); known {
		return values, true
	}
	return p.aboutRequest(lower)
}

// cutTagKey parts "aws:ResourceTag/env" and "kms:EncryptionContext:dept".
func cutTagKey(name string) (prefix, rest string, ok bool) {
	for _, prefix := range []string{"aws:ResourceTag/", "aws:RequestTag/", "aws:PrincipalTag/", "kms:EncryptionContext:"} {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return prefix, name[len(prefix):], true
		}
	}
	return "", "", false
}

func (p *policyContext) tagged(prefix, name string) (values []string, known bool) {
	switch prefix {
	case "aws:ResourceTag/":
		if p.k == nil {
			return nil, false
		}
		return tagValues(p.k.tags, name), true
	case "aws:RequestTag/":
		return tagValues(p.requestTags(), name), true
	case "aws:PrincipalTag/":
		return nil, true // nobody here has tags
	}
	for key, value := range p.encryptionContext() {
		if strings.EqualFold(key, name) {
			values = append(values, value)
		}
	}
	return values, true
}

func tagValues(tags []types.Tag, name string) []string {
	for _, t := range tags {
		if strings.EqualFold(deref(t.TagKey), name) {
			return []string{deref(t.TagValue)}
		}
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// aboutCaller are the keys that who calls, when and where decide. No service calls
// the sandbox, so that kms:ViaService and its like are never there.
func (p *policyContext) aboutCaller(name string) (values []string, known bool) {
	one := func(s string) ([]string, bool) { return []string{s}, true }
	switch name {
	case "aws:principalarn":
		return one(roleOf(p.c.Principal))
	case "aws:principalaccount", "kms:calleraccount":
		return one(p.c.Account)
	case "aws:principalorgid":
		return organizationOf(p.c.s, p.c.Account), true
	case "aws:principalorgpaths":
		if w, in := p.c.s.organization(p.c.Account); in {
			return one(w.ouPath(p.c.s.members[p.c.Account].OU))
		}
		return nil, true
	case "aws:requestedregion":
		return one(p.c.Region)
	case "aws:currenttime":
		return one(p.c.Now.UTC().Format(time.RFC3339))
	case "aws:epochtime":
		return one(strconv.FormatInt(p.c.Now.Unix(), 10))
	case "aws:securetransport":
		return one("true") // what AWS's own endpoints have
	case "aws:principalisawsservice", "aws:viaawsservice":
		return one("false")
	case "kms:viaservice", "aws:calledvia", "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid",
		"aws:sourcevpc", "aws:sourcevpce", "aws:multifactorauthpresent", "aws:principalservicename":
		return nil, true
	}
	return nil, false
}

func organizationOf(s *Sandbox, account string) []string {
	w, in := s.organization(account)
	if !in {
		return nil
	}
	return []string{w.Organization}
}

// aboutKey are the keys that the key in question decides.
func (p *policyContext) aboutKey(name string) (values []string, known bool) {
	if p.k == nil {
		return nil, false
	}
	one := func(s string) ([]string, bool) { return []string{s}, true }
	switch k := p.k; name {
	case "aws:resourceaccount":
		return one(k.region.account.id)
	case "aws:resourceorgid":
		return organizationOf(p.c.s, k.region.account.id), true
	case "kms:keyspec":
		return one(string(k.spec))
	case "kms:keyusage":
		return one(string(k.usageType))
	case "kms:keyorigin":
		return one(string(k.origin))
	case "kms:multiregion":
		return one(strconv.FormatBool(k.family != nil))
	case "kms:multiregionkeytype":
		if k.family == nil {
			return nil, true
		}
		if k.replica() {
			return one(string(types.MultiRegionKeyTypeReplica))
		}
		return one(string(types.MultiRegionKeyTypePrimary))
	case "kms:resourcealiases":
		return k.aliases, true
	case "kms:trailingdayswithoutkeyusage":
		return one(strconv.Itoa(k.idleDays(p.c.Now)))
	}
	return nil, false
}

// idleDays counts from the last use, else from when use began to be noted.
func (k *key) idleDays(now time.Time) int {
	since := trackedSince(k.created)
	if k.used != nil {
		since = k.used.at
	}
	return int(now.Sub(since) / day)
}

// aboutRequest are the keys that the request's own members decide.
func (p *policyContext) aboutRequest(name string) (values []string, known bool) {
	switch name {
	case "aws:tagkeys":
		return p.tagKeys(), true
	case "kms:encryptioncontextkeys":
		return slices.Sorted(maps.Keys(p.encryptionContext())), true
	case "kms:requestalias":
		if id := p.text("KeyId"); strings.Contains(id, "alias/") {
			return []string{id[strings.Index(id, "alias/"):]}, true
		}
		return nil, true
	case "kms:grantisforawsresource": // a key of the three calls about grants only
		if p.operation == "CreateGrant" || p.operation == "ListGrants" || p.operation == "RevokeGrant" {
			return []string{"false"}, true
		}
		return nil, true
	case "kms:grantoperations":
		var operations []string
		p.member("Operations", &operations)
		return operations, true
	case "kms:encryptionalgorithm":
		if takesContext(p.operation) && p.text("EncryptionAlgorithm") == "" && !strings.HasPrefix(p.operation, "ReEncrypt") {
			return []string{string(types.EncryptionAlgorithmSpecSymmetricDefault)}, true
		}
	}
	member, known := map[string]string{
		"kms:rotationperiodindays": "RotationPeriodInDays", "kms:schedulekeydeletionpendingwindowindays": "PendingWindowInDays",
		"kms:granteeprincipal": "GranteePrincipal", "kms:retiringprincipal": "RetiringPrincipal",
		"kms:encryptionalgorithm": "EncryptionAlgorithm", "kms:signingalgorithm": "SigningAlgorithm", "kms:messagetype": "MessageType",
		"kms:macalgorithm": "MacAlgorithm", "kms:keyagreementalgorithm": "KeyAgreementAlgorithm", "kms:datakeypairspec": "KeyPairSpec",
		"kms:replicaregion": "ReplicaRegion", "kms:primaryregion": "PrimaryRegion", "kms:expirationmodel": "ExpirationModel",
		"kms:wrappingalgorithm": "WrappingAlgorithm", "kms:wrappingkeyspec": "WrappingKeySpec",
		"kms:bypasspolicylockoutsafetycheck": "BypassPolicyLockoutSafetyCheck",
	}[name]
	if text := p.text(member); known && text != "" {
		return []string{text}, true
	}
	return nil, known
}

// tagKeys are those that a request would set or take away.
func (p *policyContext) tagKeys() []string {
	var keys []string
	p.member("TagKeys", &keys)
	for _, t := range p.requestTags() {
		keys = append(keys, deref(t.TagKey))
	}
	return keys
}

func (p *policyContext) requestTags() []types.Tag {
	var tags []types.Tag
	p.member("Tags", &tags)
	return tags
}

// takesContext says whether a call has an encryption context.
func takesContext(operation string) bool {
	switch operation {
	case "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
		"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext":
		return true
	}
	return false
}

// encryptionContext is the one that belongs to the operation: ReEncrypt has two.
func (p *policyContext) encryptionContext() map[string]string {
	var context map[string]string
	switch {
	case p.operation == "ReEncryptFrom":
		p.member("SourceEncryptionContext", &context)
	case p.operation == "ReEncryptTo":
		p.member("DestinationEncryptionContext", &context)
	case takesContext(p.operation):
		p.member("EncryptionContext", &context)
	}
	return context
}

// member reads a member of the request; what is not of its type was refused before.
func (p *policyContext) member(name string, into any) {
	if p.members == nil {
		p.members = map[string]json.RawMessage{}
		_ = json.Unmarshal(p.c.Body, &p.members) // decoded once already
	}
	if raw, ok := p.members[name]; ok {
		_ = json.Unmarshal(raw, into)
	}
}

// text is a member's value as text; numbers and booleans too.
func (p *policyContext) text(name string) string {
	var value any
	p.member(name, &value)
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
