package sandbox

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

const (
	importValid = day       // of a wrapping key and its token
	longestLife = 365 * day // of imported material that expires
)

// importToken binds a wrapping key to one key; it travels signed.
type importToken struct {
	Key       string
	Spec      types.WrappingKeySpec
	Algorithm types.AlgorithmSpec
	Until     time.Time
	Nonce     []byte
}

func getParametersForImport(c *call, in *kms.GetParametersForImportInput) (*kms.GetParametersForImportOutput, error) {
	if err := cmp.Or(
		enum(in.WrappingAlgorithm, "wrappingAlgorithm", in.WrappingAlgorithm.Values()),
		enum(in.WrappingKeySpec, "wrappingKeySpec", in.WrappingKeySpec.Values()),
	); err != nil {
		return nil, err
	}
	if in.WrappingAlgorithm == "" || in.WrappingKeySpec == "" {
		return nil, required("wrappingAlgorithm")
	}
	var arn string
	err := c.with(in.KeyId, toManage, func(k *key) error {
		arn = k.arn()
		return k.importable(c.Now)
	})
	if err != nil {
		return nil, err
	}
	private, err := c.s.wrapping.get(in.WrappingKeySpec)
	if err != nil {
		return nil, err
	}
	der, err := publicDER(private)
	if err != nil {
		return nil, err
	}
	token := importToken{Key: arn, Spec: in.WrappingKeySpec, Algorithm: in.WrappingAlgorithm, Until: c.Now.Add(importValid), Nonce: c.s.bytes(16)}
	return &kms.GetParametersForImportOutput{
		KeyId: new(arn), PublicKey: der, ImportToken: c.s.wrapping.sign(token), ParametersValidTo: new(token.Until),
	}, nil
}

// importable refuses keys that take no material.
func (k *key) importable(now time.Time) error {
	if k.origin != types.OriginTypeExternal {
		return k.wrongOrigin()
	}
	return k.changeable(now)
}

// sign makes the token opaque and safe from change: a MAC, then JSON.
func (w *wrappingKeys) sign(t importToken) []byte {
	text, _ := json.Marshal(t) // plain strings and times always marshal
	return append(w.mac(text), text...)
}

func (w *wrappingKeys) read(token []byte) (importToken, error) {
	var t importToken
	if len(token) < sha256.Size || !hmac.Equal(token[:sha256.Size], w.mac(token[sha256.Size:])) {
		return t, errf("InvalidImportTokenException", "")
	}
	if err := json.Unmarshal(token[sha256.Size:], &t); err != nil {
		return t, errf("InvalidImportTokenException", "")
	}
	return t, nil
}

func (w *wrappingKeys) mac(text []byte) []byte {
	m := hmac.New(sha256.New, w.secret)
	m.Write(text)
	return m.Sum(nil)
}

func importKeyMaterial(c *call, in *kms.ImportKeyMaterialInput) (*kms.ImportKeyMaterialOutput, error) {
	expires, err := checkExpiry(in, c.Now)
	if err != nil {
		return nil, err
	}
	out := &kms.ImportKeyMaterialOutput{}
	return out, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.importable(c.Now); err != nil {
			return err
		}
		secret, err := c.s.unwrapImport(k, in, c.Now)
		if err != nil {
			return err
		}
		k.changes(c.Now)
		if err := k.takeMaterial(in, secret, expires, c.Now); err != nil {
			return err
		}
		out.KeyId = new(k.arn())
		if k.symmetric() {
			out.KeyMaterialId = new(materialID(k.id, secret))
		}
		return nil
	})
}

// checkExpiry returns when the material is to expire; zero is never.
func checkExpiry(in *kms.ImportKeyMaterialInput, now time.Time) (time.Time, error) {
	model := cmp.Or(in.ExpirationModel, types.ExpirationModelTypeKeyMaterialExpires)
	err := cmp.Or(enum(model, "expirationModel", model.Values()), enum(in.ImportType, "importType", in.ImportType.Values()))
	if err != nil {
		return time.Time{}, err
	}
	if model == types.ExpirationModelTypeKeyMaterialDoesNotExpire {
		if in.ValidTo != nil {
			return time.Time{}, errf("ValidationException", "ValidTo must not be set when the expiration model is %s.", model)
		}
		return time.Time{}, nil
	}
	switch {
	case in.ValidTo == nil:
		return time.Time{}, errf("ValidationException", "A validTo date must be set if the expiration model is %s.", model)
	case !in.ValidTo.After(now) || in.ValidTo.After(now.Add(longestLife)):
		return time.Time{}, errf("ValidationException", "ValidTo must be in the future and at most 365 days ahead.")
	}
	return *in.ValidTo, nil
}

// unwrapImport checks the token and decrypts the material.
func (s *Sandbox) unwrapImport(k *key, in *kms.ImportKeyMaterialInput, now time.Time) ([]byte, error) {
	token, err := s.wrapping.read(in.ImportToken)
	switch {
	case err != nil:
		return nil, err
	case token.Key != k.arn():
		return nil, errf("InvalidImportTokenException", "")
	case !now.Before(token.Until):
		return nil, errf("ExpiredImportTokenException", "")
	}
	private, err := s.wrapping.get(token.Spec)
	if err != nil {
		return nil, err
	}
	secret, err := unwrap(private, token.Algorithm, in.EncryptedKeyMaterial)
	if err != nil {
		return nil, errf("InvalidCiphertextException", "")
	}
	if n := secretSize(k.spec); n > 0 && len(secret) != n {
		return nil, errf("InvalidCiphertextException", "")
	} else if n == 0 && kindOfSpec(k.spec) != kindUnserved {
		if _, err := parsePrivate(k.spec, secret); err != nil {
			return nil, errf("InvalidCiphertextException", "")
		}
	}
	return secret, nil
}

// takeMaterial enters imported bytes: the first material, an earlier one again, or
// the next one, which waits for its rotation.
func (k *key) takeMaterial(in *kms.ImportKeyMaterialInput, secret []byte, expires, now time.Time) error {
	there := slices.IndexFunc(k.generation, func(g *generation) bool { return bytes.Equal(g.secret, secret) })
	kind := cmp.Or(in.ImportType, types.ImportTypeExistingKeyMaterial)
	if len(k.generation) == 0 && in.ImportType == "" {
		kind = types.ImportTypeNewKeyMaterial
	}
	id := materialID(k.id, secret)
	switch {
	case in.ImportType != "" && !k.symmetric():
		return errf("UnsupportedOperationException", "ImportType is not supported for key spec %s.", k.spec)
	case in.KeyMaterialId != nil && kind == types.ImportTypeNewKeyMaterial:
		return errf("ValidationException", "KeyMaterialId must not be set when the import type is %s.", kind)
	case in.KeyMaterialId != nil && *in.KeyMaterialId != id:
		return errf("IncorrectKeyMaterialException", "")
	case there >= 0: // the same bytes again: a new expiry
		k.present(there, expires)
		return nil
	case kind == types.ImportTypeExistingKeyMaterial:
		return errf("IncorrectKeyMaterialException", "")
	case k.replica():
		return errf("UnsupportedOperationException", "%s is not a multi-region primary key.", k.arn())
	case k.current+1 < len(k.generation):
		waiting := materialID(k.id, k.generation[k.current+1].secret)
		return errf("KMSInvalidStateException", "New key material (id: %s) cannot be imported into KMS key %s, because another key material (id: %s) is pending rotation.", id, k.arn(), waiting)
	}
	g := &generation{secret: secret}
	if in.KeyMaterialDescription != nil {
		g.description = *in.KeyMaterialDescription
	}
	k.generation = append(slices.Clip(k.generation), g)
	k.present(len(k.generation)-1, expires)
	return nil
}

// present notes that a generation is imported in this Region.
func (k *key) present(i int, expires time.Time) {
	list := make([]imported, max(len(k.imports), i+1))
	copy(list, k.imports)
	list[i] = imported{present: true, expires: expires}
	k.imports = list
}

func deleteImportedKeyMaterial(c *call, in *kms.DeleteImportedKeyMaterialInput) (*kms.DeleteImportedKeyMaterialOutput, error) {
	out := &kms.DeleteImportedKeyMaterialOutput{}
	return out, c.with(in.KeyId, toManage, func(k *key) error {
		if err := k.importable(c.Now); err != nil {
			return err
		}
		i, err := k.materialNamed(in.KeyMaterialId)
		if err != nil || i < 0 {
			return err
		}
		k.changes(c.Now)
		out.KeyId = new(k.arn())
		if k.symmetric() {
			out.KeyMaterialId = new(materialID(k.id, k.generation[i].secret))
		}
		k.forget(i)
		return nil
	})
}

// materialNamed finds a generation by its id; none given is the current one, and
// -1 means that nothing was ever imported.
func (k *key) materialNamed(id *string) (int, error) {
	if id == nil {
		if len(k.generation) == 0 {
			return -1, nil
		}
		return k.current, nil
	}
	for i, g := range k.generation {
		if materialID(k.id, g.secret) == *id {
			return i, nil
		}
	}
	return -1, errf("NotFoundException", "Key material %s does not exist.", *id)
}

// forget deletes a material here. One that never was in use is forgotten
// altogether, on the primary for all replicas.
func (k *key) forget(i int) {
	if i > k.current && !k.replica() {
		k.generation = slices.Clone(k.generation[:i])
		for _, m := range k.relatives() {
			m.imports = slices.Clone(m.imports[:min(i, len(m.imports))])
		}
		return
	}
	if i >= len(k.imports) {
		return
	}
	list := slices.Clone(k.imports)
	list[i] = imported{}
	k.imports = list
}
