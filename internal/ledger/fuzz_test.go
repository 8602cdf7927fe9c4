package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
)

// fuzzKey is the verifier key of the example in the C2SP signed-note text.
const fuzzKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

// fuzzCheckpoint is well formed: origin, size, root, and something for a signature.
func fuzzCheckpoint() []byte {
	return []byte("keyrotor/ledger\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— keyrotor-ledger 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NM\n")
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(fuzzCheckpoint(), fuzzKey)
	f.Add([]byte("keyrotor/ledger\n0\n\n\n— a b\n"), "")
	f.Add([]byte(strings.Repeat("\n", 5)), "a+b+c")
	f.Fuzz(func(t *testing.T, raw []byte, key string) {
		c, err := parseCheckpoint(raw)
		if err != nil {
			return
		}
		lines := strings.Split(string(raw), "\n")
		if c.size < 1 || !sameHash(c.root, lines[2]) {
			t.Errorf("%q was read as size %d, root %x", raw, c.size, c.root)
		}
		// The one spelling: what was read says all but the signature again.
		if again := fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.size, lines[2]); !strings.HasPrefix(string(raw), again) {
			t.Errorf("%q was accepted and would be written %q", raw, again)
		}
		_ = c.signedBy([]string{key}) // any text at all may be given for a key
	})
}

func FuzzKeys(f *testing.F) {
	f.Add("# of the build machine\n" + fuzzKey + "\n\n")
	f.Add(fuzzKey + "\r\n" + fuzzKey[1:])
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseKeys(text)
		if err != nil {
			return
		}
		again, err := ParseKeys(strings.Join(keys, "\n"))
		if err != nil || strings.Join(again, "\n") != strings.Join(keys, "\n") {
			t.Errorf("%q was read as %q, and that as %q (%v)", text, keys, again, err)
		}
	})
}

func FuzzEntry(f *testing.F) {
	at := time.Date(2026, 11, 21, 10, 15, 2, 0, time.UTC)
	for _, e := range []Entry{
		{At: at, Type: TypeNote, Text: "a note of \"words\" and \u2028"},
		{At: at, Type: TypeIntent, Change: "c1", Step: 1, Verb: keyrotor.EnableRotation, Token: "t"},
		{At: at, Type: TypeReceipt, Receipt: &keyrotor.Receipt{Change: "c1", Step: 1, At: at, Result: map[string]string{"b": "1", "a": "2"}}},
		{At: at, Type: TypeArtifact, Artifact: "plan.json", Digest: "sha256:00"},
	} {
		line, _, err := e.encode(7, "chain before")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"chain":"","schema":"keyrotor.ledger-entry","version":1}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, bare, err := readEntry(line)
		if err != nil {
			return
		}
		var with, without map[string]json.RawMessage
		if json.Unmarshal(line, &with) != nil || json.Unmarshal(bare, &without) != nil {
			t.Fatalf("%q was accepted and is no JSON", line)
		}
		delete(with, "chain")
		if string(joinFields(with)) != string(bare) || len(with) != len(without) {
			t.Errorf("%q without its chain became %q", line, bare)
		}
		// What is read can be written again, unless it grew beyond an entry.
		if _, _, err := e.encode(e.Seq, ""); err != nil && len(line) < maxEntry/8 && e.At.Year() < 10_000 && e.At.Year() >= 0 {
			t.Errorf("%q was read and cannot be written: %v", line, err)
		}
	})
}

// FuzzHead reads heads as they stand in an approval, and as leaves of the estate's
// log, whose bytes anybody may have written.
func FuzzHead(f *testing.F) {
	f.Add("3:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", []byte(`{"schema":"keyrotor.run-head","version":1,"run":"20261121T101502Z-5f3c","size":3}`))
	f.Add("0:", []byte(`{"schema":"keyrotor.run-head","version":1,"size":-1}`))
	f.Add("-1:x", []byte(`[]`))
	f.Fuzz(func(t *testing.T, text string, leaf []byte) {
		if size, root, ok := parseHead(text); ok && fmt.Sprintf("%d:%s", size, root) != text {
			t.Errorf("%q was read as %d and %q", text, size, root)
		}
		v := &verifier{}
		v.readHeads(logCheck{dir: estateDir, leaves: [][]byte{leaf}, cp: &checkpoint{size: 1}})
		if len(v.heads)+len(v.report.Faults) != 1 {
			t.Errorf("%q: %d heads and %d faults, want one of the two", leaf, len(v.heads), len(v.report.Faults))
		}
	})
}
