package assess

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/keyrotor/keyrotor"
)

//go:embed builtin.yaml
var builtinYAML []byte

//go:embed references.yaml
var referencesYAML []byte

// builtinName is what configurations call the pack.
const builtinName = "builtin"

// BuiltinText is what the pack is made from, rules and references, for a digest of
// the rules: two builds of one version may hold different ones.
func BuiltinText() [2][]byte {
	return [2][]byte{bytes.Clone(builtinYAML), bytes.Clone(referencesYAML)}
}

// Builtin is the pack that comes with keyrotor. Its references to frameworks
// are data of their own, with the date at which each was read.
func Builtin() (*Pack, error) {
	p, err := LoadPack(builtinName, builtinYAML)
	if err != nil {
		return nil, fmt.Errorf("built-in pack: %w", err)
	}
	var refs map[string][]keyrotor.Reference
	if _, err := decode("references.yaml", referencesYAML, &refs); err != nil {
		return nil, fmt.Errorf("built-in references: %w", err)
	}
	for _, r := range p.rules {
		r.References = refs[r.ID]
		delete(refs, r.ID)
	}
	for id := range refs {
		return nil, fmt.Errorf("built-in references: no rule %s", id)
	}
	return p, nil
}
