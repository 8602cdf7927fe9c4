package approve

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// SignBytes signs data as "ssh-keygen -Y sign -n namespace" does and returns
// the armored signature.
func SignBytes(data []byte, namespace string, key ssh.Signer, rand io.Reader) ([]byte, error) {
	sig, err := sshsig.SignWithRand(bytes.NewReader(data), rand, key, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", ssh.FingerprintSHA256(key.PublicKey()), err)
	}
	return sshsig.Armor(sig), nil
}

// Signatory is who made a signature, as the allowed-signers file tells.
type Signatory struct {
	Principal   string // the principals of the matching line, as they stand there
	Fingerprint string // "SHA256:…" of the key
}

// VerifyBytes checks an armored signature over data and finds out who made it:
// the first line of signers that allows the key in that namespace at that time.
func VerifyBytes(data, armored []byte, namespace string, signers *AllowedSigners, now time.Time) (Signatory, error) {
	sig, err := openSignature(data, armored, namespace)
	if err != nil {
		return Signatory{}, err
	}
	var refused error
	for _, l := range signers.lines {
		err := l.allows(sig.PublicKey, "", namespace, now)
		if err == nil {
			return Signatory{Principal: l.principals, Fingerprint: fingerprint(sig.PublicKey)}, nil
		}
		if !errors.Is(err, errOtherKey) {
			refused = err
		}
	}
	if refused == nil {
		refused = fmt.Errorf("key %s is not in %s", fingerprint(sig.PublicKey), signers.Name)
	}
	return Signatory{}, refused
}

// openSignature parses an armored signature and checks it against data. It
// says nothing about whether the key may sign.
func openSignature(data, armored []byte, namespace string) (*sshsig.Signature, error) {
	sig, err := parseSignature(armored)
	if err != nil {
		return nil, err
	}
	if sig.Namespace != namespace {
		return nil, fmt.Errorf("signature is for namespace %q, not %q", sig.Namespace, namespace)
	}
	if err := sshsig.Verify(bytes.NewReader(data), sig, sig.PublicKey, sig.HashAlgorithm, namespace); err != nil {
		return nil, fmt.Errorf("signature by %s does not fit what it stands under: %w", fingerprint(sig.PublicKey), err)
	}
	return sig, nil
}

// parseSignature is stricter than PEM: one block, no headers, nothing around.
func parseSignature(armored []byte) (*sshsig.Signature, error) {
	text := strings.TrimSpace(string(armored))
	if !strings.HasPrefix(text, "-----BEGIN SSH SIGNATURE-----") {
		return nil, errors.New("not an armored SSH signature")
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(block.Headers) > 0 || len(rest) > 0 {
		return nil, errors.New("not exactly one armored SSH signature")
	}
	sig, err := sshsig.ParseSignature(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read SSH signature: %w", err)
	}
	// The library looks at the type of plain keys only; a certificate over an
	// RSA key would slip through with a SHA-1 signature.
	if sig.Signature.Format == ssh.KeyAlgoRSA {
		return nil, errors.New("signature with RSA and SHA-1 is not accepted")
	}
	return sig, nil
}

// fingerprint names the key itself: for a certificate, the key that it
// certifies, so that one key under two certificates stays one key.
func fingerprint(key ssh.PublicKey) string {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	return ssh.FingerprintSHA256(key)
}
