package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// oneOrMany is a JSON value or a list of such values.
type oneOrMany[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '[' {
		var many []T
		if err := json.Unmarshal(b, &many); err != nil {
			return err
		}
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*l = []T{one}
	return nil
}

// principals are "*", or lists by kind.
type principals struct {
	AWS, Service, Federated, CanonicalUser oneOrMany[string]
}

func (p principals) any() bool {
	return len(p.AWS)+len(p.Service)+len(p.Federated)+len(p.CanonicalUser) > 0
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *principals) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '"' {
		var who string
		if err := json.Unmarshal(b, &who); err != nil {
			return err
		}
		if who != "*" {
			return fmt.Errorf("principal %q is a bare string and not *", who)
		}
		p.AWS = oneOrMany[string]{"*"}
		return nil
	}
	type byKind principals // without this method
	return json.Unmarshal(b, (*byKind)(p))
}

// conditionValues are the values of a condition key; IAM takes numbers and
// booleans for strings.
type conditionValues []string

// UnmarshalJSON implements json.Unmarshaler.
func (v *conditionValues) UnmarshalJSON(b []byte) error {
	var raw oneOrMany[json.RawMessage]
	if err := raw.UnmarshalJSON(b); err != nil {
		return err
	}
	*v = make(conditionValues, 0, len(raw))
	for _, r := range raw {
		var s string
		if json.Unmarshal(r, &s) != nil {
			s = string(r)
		}
		*v = append(*v, s)
	}
	return nil
}
