package aws

import (
	"cmp"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/keyrotor/keyrotor"
)

// Words of AWS that decide which questions make sense.
const (
	specSymmetric          = "SYMMETRIC_DEFAULT"
	stateCreating          = "Creating"
	statePendingImport     = "PendingImport"
	stateUnavailable       = "Unavailable"
	statePendingDeletion   = "PendingDeletion"
	stateReplicaDeletion   = "PendingReplicaDeletion"
	originAWS              = "AWS_KMS"
	originExternal         = "EXTERNAL"
	rotationOnDemand       = "ON_DEMAND"
	materialPending        = "PENDING_ROTATION"
	materialPendingRegions = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
)

// describe takes over the metadata. AWS's words are kept as they are.
func (k *reading) describe(m *kmstypes.KeyMetadata) {
	k.asset.ID = cmp.Or(awssdk.ToString(m.KeyId), k.asset.ID)
	k.asset.ARN = cmp.Or(awssdk.ToString(m.Arn), k.asset.ARN)
	f := k.asset.KMS
	f.Description = awssdk.ToString(m.Description)
	f.State = string(m.KeyState)
	f.Spec = cmp.Or(string(m.KeySpec), string(m.CustomerMasterKeySpec))
	f.Usage = string(m.KeyUsage)
	f.Origin = string(m.Origin)
	f.KeyManager = string(m.KeyManager)
	f.CustomKeyStore = awssdk.ToString(m.CustomKeyStoreId)
	f.Created = awssdk.ToTime(m.CreationDate).UTC()
	f.DeletionDate = utc(m.DeletionDate)
	f.MultiRegion = multiRegion(m.MultiRegionConfiguration)
	if f.Spec == "" && slices.Contains(m.EncryptionAlgorithms, kmstypes.EncryptionAlgorithmSpecSymmetricDefault) {
		f.Spec = specSymmetric // answers from before key specs existed
	}
	if id := awssdk.ToString(m.CurrentKeyMaterialId); id != "" {
		f.Material = &keyrotor.MaterialFacts{ID: id}
	}
	if f.Origin == originExternal {
		f.Import = &keyrotor.ImportFacts{
			Expires: m.ExpirationModel == kmstypes.ExpirationModelTypeKeyMaterialExpires,
			ValidTo: utc(m.ValidTo),
		}
	}
}

func multiRegion(m *kmstypes.MultiRegionConfiguration) *keyrotor.MultiRegion {
	if m == nil {
		return nil
	}
	family := &keyrotor.MultiRegion{Role: string(m.MultiRegionKeyType)}
	if m.PrimaryKey != nil {
		family.Primary = awssdk.ToString(m.PrimaryKey.Arn)
	}
	for _, r := range m.ReplicaKeys {
		family.Replicas = append(family.Replicas, awssdk.ToString(r.Arn))
	}
	slices.Sort(family.Replicas)
	return family
}

// rotatable reports whether KMS offers the key any rotation, by its type. An
// unnamed spec or origin (old endpoints) gets the benefit of the doubt; one
// that is named and unknown here does not: it is left alone.
func rotatable(f *keyrotor.KMSFacts) bool {
	return (f.Spec == specSymmetric || f.Spec == "") && f.CustomKeyStore == "" &&
		(f.Origin == originAWS || f.Origin == originExternal || f.Origin == "")
}

// tellsRotation reports whether GetKeyRotationStatus can tell anything. While a
// key awaits deletion the answer is "off" whatever the setting, and would be
// taken for one.
func tellsRotation(f *keyrotor.KMSFacts) bool {
	switch f.State {
	case statePendingImport, stateUnavailable, stateCreating, statePendingDeletion, stateReplicaDeletion:
		return false
	}
	return rotatable(f)
}

// tellsHistory reports whether ListKeyRotations can tell anything.
func tellsHistory(f *keyrotor.KMSFacts) bool {
	switch f.State {
	case stateUnavailable, stateCreating:
		return false
	}
	return rotatable(f)
}

// rotationHistory keeps the finished rotations, oldest first. The first material and
// pending ones come without a date and are no rotations.
func rotationHistory(entries []kmstypes.RotationsListEntry) *keyrotor.RotationHistory {
	h := &keyrotor.RotationHistory{Rotations: []keyrotor.Rotation{}}
	for _, e := range entries {
		if e.RotationDate == nil {
			continue
		}
		rotation := keyrotor.Rotation{At: e.RotationDate.UTC(), Type: string(e.RotationType), MaterialID: awssdk.ToString(e.KeyMaterialId)}
		if slices.Contains(h.Rotations, rotation) {
			continue // listed twice: by their count a rotation is told to have happened
		}
		h.Rotations = append(h.Rotations, rotation)
		if e.RotationType == rotationOnDemand {
			h.OnDemand++
		}
	}
	slices.SortStableFunc(h.Rotations, func(a, b keyrotor.Rotation) int { return a.At.Compare(b.At) })
	return h
}

// importFacts adds what the materials tell: the key stops working as soon as
// any of them expires, so the earliest end counts.
func importFacts(f *keyrotor.ImportFacts, entries []kmstypes.RotationsListEntry) {
	for _, e := range entries {
		switch state := string(e.KeyMaterialState); state {
		case materialPending, materialPendingRegions:
			f.Pending = awssdk.ToString(e.KeyMaterialId)
			f.AwaitsReplicas = state == materialPendingRegions
		}
		if e.ExpirationModel == kmstypes.ExpirationModelTypeKeyMaterialExpires {
			f.Expires = true
		}
		if e.ValidTo != nil && (f.ValidTo == nil || e.ValidTo.Before(*f.ValidTo)) {
			f.ValidTo = utc(e.ValidTo)
		}
	}
}

// material dates the current material: by the last rotation, else by the
// creation of the key. Where a history should exist and was refused, the age is
// unknown. Material that cannot be rotated is as old as its key; imported
// material may be younger, but nothing tells when it came.
func (k *reading) material() {
	f := k.asset.KMS
	var since time.Time
	switch {
	case f.State == statePendingImport && f.Material == nil:
		return // it holds none
	case k.historyRead:
		since = f.Created
		if last, ok := f.History.Last(); ok {
			since = last.At
		}
	case !rotatable(f):
		since = f.Created
	}
	if since.IsZero() {
		return
	}
	if f.Material == nil {
		f.Material = &keyrotor.MaterialFacts{}
	}
	f.Material.Since = since
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// tagValue finds a tag by its key, and if there is none, by a key that differs
// in case only: people write Owner as often as owner.
func tagValue(tags map[string]string, key string) string {
	if v, ok := tags[key]; ok {
		return v
	}
	var found []string
	for k, v := range tags {
		if strings.EqualFold(k, key) {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}

// managerOf tells by the tags which template owns a key. CloudFormation sets
// its own; for Terraform there are only the customs of its users.
func managerOf(tags map[string]string) *keyrotor.Manager {
	if stack := tags["aws:cloudformation:stack-name"]; stack != "" {
		return &keyrotor.Manager{Tool: "cloudformation", Name: stack, Resource: tags["aws:cloudformation:logical-id"]}
	}
	by := tagValue(tags, "managed-by") + tagValue(tags, "managedby") + tagValue(tags, "managed_by") +
		tagValue(tags, "provisioner") + tagValue(tags, "provisionedby") + tagValue(tags, "iac")
	by = strings.ToLower(by)
	workspace := cmp.Or(tagValue(tags, "terraform-workspace"), tagValue(tags, "terraform_workspace"),
		tagValue(tags, "tf-workspace"), tagValue(tags, "tfc-workspace"), tagValue(tags, "workspace"))
	module := cmp.Or(tagValue(tags, "tf-module"), tagValue(tags, "tf_module"), tagValue(tags, "terraform-module"),
		tagValue(tags, "terraform_module"), tagValue(tags, "terraform:module"))
	resource := cmp.Or(tagValue(tags, "tf-resource"), tagValue(tags, "terraform-resource"), tagValue(tags, "terraform:resource"))
	marked := strings.EqualFold(tagValue(tags, "terraform"), "true") || strings.Contains(by, "terraform") ||
		strings.Contains(by, "opentofu")
	if marked || module != "" || resource != "" {
		return &keyrotor.Manager{Tool: "terraform", Name: cmp.Or(module, workspace), Resource: resource}
	}
	if strings.Contains(by, "cloudformation") {
		return &keyrotor.Manager{Tool: "cloudformation"}
	}
	return nil
}
