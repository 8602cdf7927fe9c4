package sandbox

// The arithmetic of ML-DSA: polynomials of 256 coefficients modulo q, each kept
// between 0 and q-1, their transform (FIPS 204, section 7.5), rounding (7.4) and
// packing (7.1).

const mldsaQ = 8380417

type (
	poly   [256]int32
	vector []poly
	matrix []vector
)

// reduce brings a sum or a product back between 0 and q-1.
func reduce(x int64) int32 {
	x %= mldsaQ
	if x < 0 {
		x += mldsaQ
	}
	return int32(x)
}

// centred is the same number between -(q-1)/2 and (q-1)/2.
func centred(x int32) int32 {
	if x > mldsaQ/2 {
		return x - mldsaQ
	}
	return x
}

// zetas are the powers of the root 1753 in the order of reversed bits.
func zetas() *[256]int32 {
	var z [256]int32
	power := int64(1)
	for i := range z {
		at := 0
		for bit := range 8 {
			at |= i >> bit & 1 << (7 - bit)
		}
		z[at] = int32(power)
		power = power * 1753 % mldsaQ
	}
	return &z
}

func (a poly) ntt(zetas *[256]int32) poly {
	m := 0
	for length := 128; length >= 1; length /= 2 {
		for start := 0; start < 256; start += 2 * length {
			m++
			for j := start; j < start+length; j++ {
				t := reduce(int64(zetas[m]) * int64(a[j+length]))
				a[j], a[j+length] = reduce(int64(a[j])+int64(t)), reduce(int64(a[j])-int64(t))
			}
		}
	}
	return a
}

func (a poly) back(zetas *[256]int32) poly {
	m := 256
	for length := 1; length < 256; length *= 2 {
		for start := 0; start < 256; start += 2 * length {
			m--
			for j := start; j < start+length; j++ {
				t := a[j]
				a[j] = reduce(int64(t) + int64(a[j+length]))
				a[j+length] = reduce(-int64(zetas[m]) * int64(reduce(int64(t)-int64(a[j+length]))))
			}
		}
	}
	for j := range a {
		a[j] = reduce(8347681 * int64(a[j])) // 1/256
	}
	return a
}

func (v vector) each(f func(poly) poly) vector {
	out := make(vector, len(v))
	for i := range v {
		out[i] = f(v[i])
	}
	return out
}

// every changes each coefficient.
func (v vector) every(f func(int32) int32) vector {
	return v.each(func(a poly) poly {
		for j := range a {
			a[j] = f(a[j])
		}
		return a
	})
}

func (v vector) ntt() vector {
	z := zetas()
	return v.each(func(a poly) poly { return a.ntt(z) })
}

func (v vector) back() vector {
	z := zetas()
	return v.each(func(a poly) poly { return a.back(z) })
}

// scaled multiplies by one polynomial, both transformed.
func (v vector) scaled(c poly) vector {
	return v.each(func(a poly) poly {
		for j := range a {
			a[j] = reduce(int64(a[j]) * int64(c[j]))
		}
		return a
	})
}

func (v vector) plus(w vector) vector {
	out := make(vector, len(v))
	for i := range v {
		for j := range v[i] {
			out[i][j] = reduce(int64(v[i][j]) + int64(w[i][j]))
		}
	}
	return out
}

func (v vector) minus(w vector) vector {
	return v.plus(w.every(func(x int32) int32 { return reduce(-int64(x)) }))
}

// times multiplies a vector, both transformed.
func (m matrix) times(v vector) vector {
	out := make(vector, len(m))
	for row := range m {
		for col := range v {
			for j := range v[col] {
				out[row][j] = reduce(int64(out[row][j]) + int64(m[row][col][j])*int64(v[col][j]))
			}
		}
	}
	return out
}

// norm is the largest coefficient, whatever its sign.
func (v vector) norm() int32 {
	most := int32(0)
	for _, a := range v {
		for _, x := range a {
			most = max(most, centred(x), -centred(x))
		}
	}
	return most
}

// decompose splits a number into its high and low bits.
func decompose(x, gamma2 int32) (high, low int32) {
	low = x % (2 * gamma2)
	if low > gamma2 {
		low -= 2 * gamma2
	}
	if x-low == mldsaQ-1 {
		return 0, low - 1
	}
	return (x - low) / (2 * gamma2), low
}

func (v vector) highBits(gamma2 int32) vector {
	return v.every(func(x int32) int32 { high, _ := decompose(x, gamma2); return high })
}

func (v vector) lowBits(gamma2 int32) vector {
	return v.every(func(x int32) int32 { _, low := decompose(x, gamma2); return reduce(int64(low)) })
}

// hints say, with 1, where the high bits of w - c·s2 and those of the same + c·t0 differ.
type hints vector

func makeHints(r, ct0 vector, gamma2 int32) hints {
	with := r.plus(ct0).highBits(gamma2)
	without := r.highBits(gamma2)
	out := make(hints, len(r))
	for i := range r {
		for j := range r[i] {
			if with[i][j] != without[i][j] {
				out[i][j] = 1
			}
		}
	}
	return out
}

func useHints(h hints, w vector, gamma2 int32) vector {
	m := (mldsaQ - 1) / (2 * gamma2)
	out := make(vector, len(w))
	for i := range w {
		for j := range w[i] {
			high, low := decompose(w[i][j], gamma2)
			switch {
			case h[i][j] == 0:
			case low > 0:
				high = (high + 1) % m
			default:
				high = (high - 1 + m) % m
			}
			out[i][j] = high
		}
	}
	return out
}

func (h hints) ones() int {
	n := 0
	for _, a := range h {
		for _, x := range a {
			n += int(x)
		}
	}
	return n
}

// pack lists the places of the ones, and after them where each polynomial ends.
func (h hints) pack(omega int) []byte {
	out := make([]byte, omega+len(h))
	n := 0
	for i, a := range h {
		for j, x := range a {
			if x == 1 {
				out[n] = byte(j)
				n++
			}
		}
		out[omega+i] = byte(n)
	}
	return out
}

// unpackHints takes one form only of each list, as the standard wants it: a second
// form would be a second signature.
func unpackHints(b []byte, k, omega int) (hints, bool) {
	out := make(hints, k)
	n := 0
	for i := range out {
		end := int(b[omega+i])
		if end < n || end > omega {
			return nil, false
		}
		for first := n; n < end; n++ {
			if n > first && b[n-1] >= b[n] {
				return nil, false
			}
			out[i][b[n]] = 1
		}
	}
	for ; n < omega; n++ {
		if b[n] != 0 {
			return nil, false
		}
	}
	return out, true
}

// pack writes each coefficient as top minus it, in so many bits.
func (v vector) pack(bits int, top int32) []byte {
	return v.every(func(x int32) int32 { return top - centred(x) }).packPlain(bits)
}

// packPlain writes each coefficient in so many bits, the lowest first.
func (v vector) packPlain(bits int) []byte {
	var out []byte
	held, have := uint64(0), 0
	for _, a := range v {
		for _, x := range a {
			held |= uint64(x) << have
			for have += bits; have >= 8; have -= 8 {
				out = append(out, byte(held))
				held >>= 8
			}
		}
	}
	return out
}

// unpackVector reads n polynomials, undoing pack, or packPlain where top is 0.
func unpackVector(b []byte, n, bits int, top int32) (vector, []byte) {
	out := make(vector, n)
	held, have, at := uint64(0), 0, 0
	for i := range out {
		for j := range out[i] {
			for ; have < bits; have += 8 {
				held |= uint64(b[at]) << have
				at++
			}
			x := int32(held & (1<<bits - 1))
			held >>= bits
			have -= bits
			if top != 0 {
				x = reduce(int64(top) - int64(x))
			}
			out[i][j] = x
		}
	}
	return out, b[at:]
}
