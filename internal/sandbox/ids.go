package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// bytes returns n bytes of the sandbox's randomness. A source that ends leaves
// zeros: ids stop being unique then, which the tests of a world would notice.
func (s *Sandbox) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = s.rand.Read(b)
	return b
}

// uuid makes a version 4 UUID.
func (s *Sandbox) uuid() string {
	b := s.bytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// keyID makes the id of a new key; multi-Region ones are known by their prefix.
func (s *Sandbox) keyID(multiRegion bool) string {
	if multiRegion {
		return "mrk-" + hex.EncodeToString(s.bytes(16))
	}
	return s.uuid()
}

// materialID names a key material: the same bytes under the same key id have the
// same name in every Region, as replicas need it.
func materialID(keyID string, secret []byte) string {
	m := hmac.New(sha256.New, []byte(keyID))
	m.Write(secret)
	return hex.EncodeToString(m.Sum(nil))
}

// nextSecret derives the material of the next generation. It is derived and not
// drawn so that a world is the same however late its rotations are looked at.
func nextSecret(secret []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("next generation"))
	return m.Sum(nil)
}
