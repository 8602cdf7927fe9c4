package sandbox

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A symmetric ciphertext names its key, as those of KMS do: 64 bytes of header
//
//	version 1 | kind 1 (0 plain, 1 mrk-) | account 8 | key id 16 | material id 32 | reserved 6
//
// then nonce 12 and AES-256-GCM over the plaintext, with the header and the
// encryption context authenticated. A replica opens what its primary sealed, so
// the Region is not in it.

const (
	headerSize  = 64
	nonceSize   = 12
	sealVersion = 1
)

type sealed struct {
	account  string
	keyID    string
	material []byte // id
	header   []byte
	rest     []byte // nonce and ciphertext
}

// seal encrypts under a material.
func (m material) seal(nonce, plaintext []byte, account string, context map[string]string) ([]byte, error) {
	header := make([]byte, headerSize)
	header[0] = sealVersion
	id := m.keyID
	if rest, ok := strings.CutPrefix(id, "mrk-"); ok {
		header[1], id = 1, rest
	}
	number, err := strconv.ParseUint(account, 10, 64)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint64(header[2:], number)
	if _, err := hex.Decode(header[10:26], []byte(strings.ReplaceAll(id, "-", ""))); err != nil {
		return nil, err
	}
	if _, err := hex.Decode(header[26:58], []byte(m.id())); err != nil {
		return nil, err
	}
	gcm, err := m.gcm()
	if err != nil {
		return nil, err
	}
	out := slices.Concat(header, nonce) // header is the additional data too: its array stays its own
	return gcm.Seal(out, nonce, plaintext, additional(header, context)), nil
}

func (m material) gcm() (cipher.AEAD, error) {
	block, err := aes.NewCipher(m.secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (m material) id() string { return materialID(m.keyID, m.secret) }

// additional is what GCM authenticates beside the text.
func additional(header []byte, context map[string]string) []byte {
	if len(context) == 0 {
		return header[:headerSize:headerSize]
	}
	sorted, _ := json.Marshal(context) // maps of strings always marshal, in key order
	return append(header[:headerSize:headerSize], sorted...)
}

// unwrapHeader reads the header of a ciphertext.
func unwrapHeader(blob []byte) (sealed, bool) {
	if len(blob) < headerSize+nonceSize+16 || blob[0] != sealVersion || blob[1] > 1 || !bytes.Equal(blob[58:64], make([]byte, 6)) {
		return sealed{}, false
	}
	s := sealed{header: blob[:headerSize], rest: blob[headerSize:], material: blob[26:58]}
	account := strconv.FormatUint(binary.BigEndian.Uint64(blob[2:]), 10)
	if len(account) > 12 {
		return sealed{}, false
	}
	s.account = strings.Repeat("0", 12-len(account)) + account
	id := hex.EncodeToString(blob[10:26])
	if blob[1] == 1 {
		s.keyID = "mrk-" + id
	} else {
		s.keyID = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	}
	return s, true
}

// open decrypts; a wrong context or a changed byte is an invalid ciphertext.
func (s sealed) open(m material, context map[string]string) ([]byte, error) {
	gcm, err := m.gcm()
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, s.rest[:nonceSize], s.rest[nonceSize:], additional(s.header, context))
	if err != nil {
		return nil, errf("InvalidCiphertextException", "")
	}
	return text, nil
}
