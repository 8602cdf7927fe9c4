package assess

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// field is one thing that an expression can read of an asset.
type field struct {
	name string
	typ  *cel.Type
	// facts are what must have been read for the field to have a value.
	facts []string
	// earlier marks fields that come from an earlier run.
	earlier bool
	get     func(*view) (any, error)
	doc     string
}

// object is a structured part of the view with its fields.
type object struct {
	name   string
	typ    *cel.Type
	fields []field
	byName map[string]*types.FieldType
}

// schema is the typed language of expressions, as CEL's type checker asks for it.
type schema struct {
	types.Provider
	objects [partCount]*object
	byName  map[string]*object
}

func newSchema() (*schema, error) {
	base, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("set up expression types: %w", err)
	}
	s := &schema{Provider: base, byName: map[string]*object{}}
	for kind := range partCount {
		o := &object{name: kind.typeName(), typ: types.NewObjectType(kind.typeName()), byName: map[string]*types.FieldType{}}
		s.objects[kind], s.byName[o.name] = o, o
	}
	for kind, o := range s.objects {
		o.fields = s.fieldsOf(partKind(kind))
		for _, f := range o.fields {
			o.byName[f.name] = fieldType(f)
		}
	}
	return s, nil
}

func fieldType(f field) *types.FieldType {
	get := f.get
	return &types.FieldType{
		Type: f.typ,
		GetFrom: func(target any) (any, error) {
			v, ok := target.(*view)
			if !ok {
				return nil, fmt.Errorf("no such field: %s", f.name)
			}
			return get(v)
		},
		IsSet: func(target any) bool {
			v, ok := target.(*view)
			if !ok {
				return false
			}
			val, err := get(v)
			return err == nil && val != types.String("")
		},
	}
}

// FindIdent implements types.Provider: the name of a type is a value too.
func (s *schema) FindIdent(name string) (ref.Val, bool) {
	if o, ok := s.byName[name]; ok {
		return o.typ, true
	}
	return s.Provider.FindIdent(name)
}

// FindStructType implements types.Provider.
func (s *schema) FindStructType(name string) (*types.Type, bool) {
	if o, ok := s.byName[name]; ok {
		return types.NewTypeTypeWithParam(o.typ), true
	}
	return s.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (s *schema) FindStructFieldNames(name string) ([]string, bool) {
	o, ok := s.byName[name]
	if !ok {
		return s.Provider.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(o.fields))
	for _, f := range o.fields {
		names = append(names, f.name)
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (s *schema) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	o, ok := s.byName[name]
	if !ok {
		return s.Provider.FindStructFieldType(name, fieldName)
	}
	ft, ok := o.byName[fieldName]
	return ft, ok
}

// NewValue implements types.Provider: expressions read assets and make none.
func (s *schema) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := s.byName[name]; ok {
		return types.NewErr("%s cannot be made by an expression", name)
	}
	return s.Provider.NewValue(name, fields)
}

// field looks a field up by the type that holds it.
func (s *schema) field(typeName, name string) (field, bool) {
	o, ok := s.byName[typeName]
	if !ok {
		return field{}, false
	}
	for _, f := range o.fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func (k partKind) typeName() string {
	switch k {
	case partAsset:
		return "keyrotor.Asset"
	case partEligibility:
		return "keyrotor.Eligibility"
	case partGrants:
		return "keyrotor.Grants"
	case partHistory:
		return "keyrotor.History"
	case partImport:
		return "keyrotor.Import"
	case partLastUse:
		return "keyrotor.LastUse"
	case partManagedBy:
		return "keyrotor.ManagedBy"
	case partMaterial:
		return "keyrotor.Material"
	case partMultiRegion:
		return "keyrotor.MultiRegion"
	case partPolicy:
		return "keyrotor.Policy"
	case partRotation:
		return "keyrotor.Rotation"
	case partGap:
		return "keyrotor.Gap"
	default:
		return "keyrotor.Unknown"
	}
}
