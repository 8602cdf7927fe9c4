package assess

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/keyrotor/keyrotor"
)

// setting is what all assets of an assessment are held against.
type setting struct {
	schema *schema
	now    time.Time
	// cryptoperiod is how long key material may serve.
	cryptoperiod time.Duration
	nowVal       ref.Val
	periodVal    ref.Val
}

func newSetting(s *schema, now time.Time, cryptoperiod time.Duration) *setting {
	return &setting{
		schema: s, now: now, cryptoperiod: cryptoperiod,
		nowVal:    types.Timestamp{Time: now.UTC()},
		periodVal: types.Duration{Duration: cryptoperiod},
	}
}

// view is one asset, or one gap, as expressions see it: the activation in which
// they run. It hands out fields on demand, so that an asset costs nothing but
// what its rules read.
type view struct {
	set         *setting
	asset       *keyrotor.Asset
	kms         *keyrotor.KMSFacts // nil for kinds unknown here
	gap         *keyrotor.Gap      // set instead of asset where gaps are matched
	eligibility keyrotor.Eligibility
	wasOn       bool
	// undescribed: DescribeKey was refused, so kms holds nothing but what lists
	// told, and its empty words are not AWS's.
	undescribed bool
	parts       [partCount]part
}

func newView(set *setting) *view {
	v := &view{set: set}
	for i := range v.parts {
		v.parts[i] = part{view: v, kind: partKind(i)}
	}
	return v
}

// look points the view at an asset. A view is used by one goroutine at a time.
func (v *view) look(a *keyrotor.Asset, e keyrotor.Eligibility, wasOn bool) {
	v.asset, v.kms, v.eligibility, v.wasOn = a, a.KMS, e, wasOn
	v.undescribed = a.KMS != nil && a.Refused(keyrotor.FactDescription)
}

// ResolveName implements cel.Activation.
func (v *view) ResolveName(name string) (any, bool) {
	switch name {
	case "asset":
		return &v.parts[partAsset], v.asset != nil
	case "gap":
		return &v.parts[partGap], v.gap != nil
	case "now":
		return v.set.nowVal, true
	case "cryptoperiod":
		return v.set.periodVal, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (v *view) Parent() cel.Activation { return nil }

// part is a structured field such as asset.rotation: a typed handle on its view.
type part struct {
	view *view
	kind partKind
}

type partKind int

const (
	partAsset partKind = iota
	partEligibility
	partGrants
	partHistory
	partImport
	partLastUse
	partManagedBy
	partMaterial
	partMultiRegion
	partPolicy
	partRotation
	partGap
	partCount
)

// The methods below make a part a CEL value; it can be compared with itself and
// tested for its type, and nothing else.

func (p *part) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted to %s", p.Type().TypeName(), t)
}

func (p *part) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return p.view.set.schema.objects[p.kind].typ
	}
	return types.NewErr("%s cannot be converted to %s", p.Type().TypeName(), t.TypeName())
}

func (p *part) Equal(other ref.Val) ref.Val {
	o, ok := other.(*part)
	return types.Bool(ok && o == p)
}

func (p *part) Type() ref.Type { return p.view.set.schema.objects[p.kind].typ }

func (p *part) Value() any { return p.view }

// notRead is the error of a field whose fact is absent.
type notRead struct {
	fact string
	// ruledOut: the type of the asset has no such fact, so nothing is missing.
	ruledOut bool
	// unset: the asset could have it, has not, and that was read. It is like a tag
	// that a key lacks.
	unset bool
	// untold is set instead where all was read and does not tell: the whole sentence.
	untold string
}

func (n *notRead) Error() string {
	if n.untold != "" {
		return n.untold
	}
	if n.unset {
		return "this asset has no " + n.fact
	}
	if n.ruledOut {
		return "an asset of this type has no " + n.fact
	}
	return "not read: " + n.fact
}
