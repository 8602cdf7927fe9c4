package main

import (
	"fmt"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"
)

// The forms of texts in keyrotor.yaml, for editors: regular expressions that both
// ECMAScript and Go read. The loader judges; it also knows what no expression tells
// (a whole number of days, Regions of one partition), and a test holds the two
// against each other. An empty text is as good as none where the default stands in.
const (
	formAccount  = `^[0-9]{12}$`
	formRegion   = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	formDuration = `^(0*[1-9][0-9]{0,4}d|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`
	formDay      = `[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`
	formTime     = `^` + formDay + `(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})| [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)?$`

	nameLetters    = `A-Za-z0-9_+=,.@-`
	rolePath       = `([` + nameLetters + `]+/)*[` + nameLetters + `]{1,64}`
	formRole       = `^((arn:[a-z-]+:iam::([0-9]{12}|\{account\}):role/)?` + rolePath + `)?$`
	formHub        = `^(arn:[a-z-]+:iam::[0-9]{12}:role/` + rolePath + `)?$`
	formExternalID = `^([:/` + nameLetters + `]{2}[:/` + nameLetters + `]*)?$`
)

// formOfType is the schema of the types that are texts of a form, nil of all others.
// The time of a freeze is no date-time: a date will do.
func formOfType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: formDuration}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Pattern: formTime}
	}
	return nil
}

// forms are those of the fields whose type is any text: of the configuration itself
// under "", else of the definition that the type is named for.
func forms() map[string]map[string]string {
	return map[string]map[string]string{
		"": {"home_region": `^(` + formRegion[1:len(formRegion)-1] + `)?$`, "regions": formRegion},
		"OrganizationConfig": {
			"accounts": formAccount, "exclude_accounts": formAccount, "scan_role": formRole, "apply_role": formRole, "assume_from": formHub,
			"external_id": formExternalID, "session_name": `^[` + nameLetters + `]*$`, "source_identity": `^([` + nameLetters + `]{2,64})?$`,
		},
		"GapConfig": {"until": `^` + formDay + `$`},
	}
}

// giveForms sets the patterns of the fields, of a list's entries.
func giveForms(schema *jsonschema.Schema) error {
	for name, fields := range forms() {
		def := schema
		if name != "" {
			def = schema.Definitions[name]
		}
		for field, form := range fields {
			if def == nil {
				return fmt.Errorf("the schema has no %s", name)
			}
			property, ok := def.Properties.Get(field)
			if !ok {
				return fmt.Errorf("%s of the schema has no field %s", name, field)
			}
			if property.Items != nil {
				property = property.Items
			}
			property.Pattern = form
		}
	}
	return nil
}
