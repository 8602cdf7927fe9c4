package keyrotor

// KeyUsages are AWS's words for what a key of a spec may be made for; false for
// a spec that is unknown here. The specs stand one by one: a prefix would take
// one of tomorrow for one of today.
//
// Source: KMS developer guide "Key spec reference", as of November 2026.
func KeyUsages(spec string) ([]string, bool) {
	const (
		encrypt = "ENCRYPT_DECRYPT"
		sign    = "SIGN_VERIFY"
		mac     = "GENERATE_VERIFY_MAC"
		agree   = "KEY_AGREEMENT"
		wrap    = "ENCAPSULATE_DECAPSULATE"
	)
	switch spec {
	case "SYMMETRIC_DEFAULT":
		return []string{encrypt}, true
	case "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512":
		return []string{mac}, true
	case "RSA_2048", "RSA_3072", "RSA_4096":
		return []string{encrypt, sign}, true
	case "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521":
		return []string{sign, agree}, true
	case "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87":
		return []string{sign}, true
	case "SM2": // in the Regions of China
		return []string{encrypt, sign, agree}, true
	case "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024":
		return []string{wrap}, true
	}
	return nil, false
}

// KeySpecs are the specs that KeyUsages knows.
func KeySpecs() []string {
	return []string{
		"SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "RSA_2048", "RSA_3072", "RSA_4096",
		"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "SM2",
		"ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024",
	}
}
