package keyrotor

import "crypto/sha256"

// Secret is a plaintext value. Its bytes sit behind a func, because fmt, slog
// and encoding/json reach unexported fields of any other shape without asking
// a method. It is built and revealed at the rim only.
type Secret struct{ reveal func() []byte }

// NewSecret copies b; the caller may overwrite its own copy.
func NewSecret(b []byte) Secret {
	held := append([]byte(nil), b...)
	return Secret{reveal: func() []byte { return held }}
}

// RevealForInstall hands out the bytes to an engine or a store that must put
// them somewhere. The name is there to be grepped for.
func (s Secret) RevealForInstall() []byte {
	if s.reveal == nil {
		return nil
	}
	return append([]byte(nil), s.reveal()...)
}

// IsZero reports whether the secret was never set.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Same reports whether two secrets hold the same bytes, in time that does not
// depend on where they differ.
func (s Secret) Same(o Secret) bool {
	if s.IsZero() || o.IsZero() {
		return s.IsZero() && o.IsZero()
	}
	return sha256.Sum256(s.reveal()) == sha256.Sum256(o.reveal())
}

// String keeps the value out of logs, errors and test messages.
func (Secret) String() string { return "[secret]" }

// MarshalJSON keeps the value out of files.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }
