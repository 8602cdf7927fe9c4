package sandbox

import (
	"bytes"
	"crypto/sha3"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// ML-DSA over a message representative μ (FIPS 204, algorithms 7 and 8), which is what
// MessageType EXTERNAL_MU asks for. The library that signs whole messages has no
// door for it. The arithmetic is beside, in mldsa_poly.go; the names are those of
// the standard. It is not constant in time: nothing here is worth protecting.

// mldsaSizes are the parameters of one ML-DSA set.
type mldsaSizes struct {
	k, l   int
	eta    int32
	tau    int
	gamma1 int32
	gamma2 int32
	omega  int
	hash   int // bytes of c~
}

// sizesOf are the parameters in table 1 of the standard.
func sizesOf(spec types.KeySpec) mldsaSizes {
	switch spec {
	case types.KeySpecMlDsa44:
		return mldsaSizes{k: 4, l: 4, eta: 2, tau: 39, gamma1: 1 << 17, gamma2: (mldsaQ - 1) / 88, omega: 80, hash: 32}
	case types.KeySpecMlDsa65:
		return mldsaSizes{k: 6, l: 5, eta: 4, tau: 49, gamma1: 1 << 19, gamma2: (mldsaQ - 1) / 32, omega: 55, hash: 48}
	}
	return mldsaSizes{k: 8, l: 7, eta: 2, tau: 60, gamma1: 1 << 19, gamma2: (mldsaQ - 1) / 32, omega: 75, hash: 64}
}

func (p mldsaSizes) beta() int32 { return int32(p.tau) * p.eta }

// bits of a coefficient of s, of z and of w1, as they are packed.
func (p mldsaSizes) etaBits() int { return map[int32]int{2: 3, 4: 4}[p.eta] }
func (p mldsaSizes) zBits() int   { return map[int32]int{1 << 17: 18, 1 << 19: 20}[p.gamma1] }
func (p mldsaSizes) w1Bits() int  { return map[int32]int{1 << 17: 6, 1 << 19: 4}[p.gamma1] }

const (
	droppedBits = 13 // d, of the public key
	t0Bits      = droppedBits
	t1Bits      = 23 - droppedBits
)

// signMu signs μ with a packed private key, without randomness.
func (p mldsaSizes) signMu(private, mu []byte) []byte {
	rho, seed, rest := private[:32], private[32:64], private[128:]
	s1, rest := unpackVector(rest, p.l, p.etaBits(), p.eta)
	s2, rest := unpackVector(rest, p.k, p.etaBits(), p.eta)
	t0, _ := unpackVector(rest, p.k, t0Bits, 1<<(droppedBits-1))
	a := p.expandA(rho)
	s1, s2, t0 = s1.ntt(), s2.ntt(), t0.ntt()
	masks := sha3.SumSHAKE256(slices.Concat(seed, make([]byte, 32), mu), 64)
	for kappa := 0; ; kappa += p.l {
		y := p.expandMask(masks, kappa)
		w := a.times(y.ntt()).back()
		hash := p.challenge(mu, w.highBits(p.gamma2))
		c := p.sampleInBall(hash).ntt(zetas())
		z := y.plus(s1.scaled(c).back())
		r := w.minus(s2.scaled(c).back())
		if z.norm() >= p.gamma1-p.beta() || r.lowBits(p.gamma2).norm() >= p.gamma2-p.beta() {
			continue
		}
		ct0 := t0.scaled(c).back()
		hints := makeHints(r, ct0, p.gamma2)
		if ct0.norm() >= p.gamma2 || hints.ones() > p.omega {
			continue
		}
		return slices.Concat(hash, z.pack(p.zBits(), p.gamma1), hints.pack(p.omega))
	}
}

// verifyMu checks a signature over μ with a packed public key.
func (p mldsaSizes) verifyMu(public, mu, signature []byte) bool {
	size := p.hash + p.l*32*p.zBits() + p.omega + p.k
	if len(signature) != size || len(public) != 32+p.k*32*t1Bits {
		return false
	}
	t1, _ := unpackVector(public[32:], p.k, t1Bits, 0)
	hash := signature[:p.hash]
	z, rest := unpackVector(signature[p.hash:], p.l, p.zBits(), p.gamma1)
	hints, ok := unpackHints(rest, p.k, p.omega)
	if !ok || z.norm() >= p.gamma1-p.beta() {
		return false
	}
	c := p.sampleInBall(hash).ntt(zetas())
	for i := range t1 {
		for j := range t1[i] {
			t1[i][j] <<= droppedBits
		}
	}
	w := p.expandA(public[:32]).times(z.ntt()).minus(t1.ntt().scaled(c)).back()
	return bytes.Equal(hash, p.challenge(mu, useHints(hints, w, p.gamma2)))
}

// challenge is c~, the hash of μ and of the high bits of w.
func (p mldsaSizes) challenge(mu []byte, w1 vector) []byte {
	return sha3.SumSHAKE256(slices.Concat(mu, w1.packPlain(p.w1Bits())), p.hash)
}

// sampleInBall makes the polynomial of τ coefficients 1 or -1 that c~ stands for.
func (p mldsaSizes) sampleInBall(hash []byte) poly {
	h := sha3.NewSHAKE256()
	_, _ = h.Write(hash) // hashes take everything
	signs := squeeze(h, 8)
	var c poly
	for i := len(c) - p.tau; i < len(c); i++ {
		j := squeeze(h, 1)[0]
		for int(j) > i {
			j = squeeze(h, 1)[0]
		}
		c[i], c[j] = c[j], 1
		if n := i + p.tau - len(c); signs[n/8]>>(n%8)&1 == 1 {
			c[j] = mldsaQ - 1
		}
	}
	return c
}

// expandA makes the public matrix of its seed, as numbers of the transform.
func (p mldsaSizes) expandA(rho []byte) matrix {
	a := make(matrix, p.k)
	for row := range a {
		a[row] = make(vector, p.l)
		for col := range a[row] {
			h := sha3.NewSHAKE128()
			_, _ = h.Write(append(slices.Clone(rho), byte(col), byte(row)))
			for n := 0; n < len(a[row][col]); {
				b := squeeze(h, 3)
				if x := int32(b[0]) | int32(b[1])<<8 | int32(b[2]&127)<<16; x < mldsaQ {
					a[row][col][n] = x
					n++
				}
			}
		}
	}
	return a
}

// expandMask makes the vector y that hides the key in one attempt.
func (p mldsaSizes) expandMask(seed []byte, kappa int) vector {
	var out vector
	for i := range p.l {
		n := kappa + i
		some, _ := unpackVector(sha3.SumSHAKE256(append(slices.Clone(seed), byte(n), byte(n>>8)), 32*p.zBits()), 1, p.zBits(), p.gamma1)
		out = append(out, some...)
	}
	return out
}
