package cycle_test

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

// oneFile is a run that holds one file of these bytes.
type oneFile struct {
	name string
	text []byte
}

func (oneFile) ID() keyrotor.RunID        { return "20261121T101502Z-5f3c" }
func (f oneFile) List() ([]string, error) { return []string{f.name}, nil }
func (f oneFile) Open(name string) (io.ReadCloser, error) {
	if name != f.name {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(f.text)), nil
}

// lineSeeds are what stands in files of lines, and what a crash makes of it.
func lineSeeds(f *testing.F, lines ...any) {
	f.Helper()
	var all []byte
	for _, line := range lines {
		b, err := json.Marshal(line)
		if err != nil {
			f.Fatal(err)
		}
		all = append(append(all, b...), '\n')
	}
	for _, text := range [][]byte{all, all[:len(all)-1], all[:len(all)/2], {}, []byte("\n\nnull\n"), []byte("[]"), []byte("{}")} {
		f.Add(text)
	}
}

// documents counts those that the bytes hold, one a line.
func documents(text []byte) int {
	n := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) > 0 {
			n++
		}
	}
	return n
}

// FuzzReadInventory: bytes that hold no population are never a finished scan.
func FuzzReadInventory(f *testing.F) {
	lineSeeds(f, keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: 1, Asset: &keyrotor.Asset{ID: "k", KMS: &keyrotor.KMSFacts{}}},
		keyrotor.InventoryLine{Place: &keyrotor.Place{Region: "eu-west-1"}}, keyrotor.InventoryLine{Gap: &keyrotor.Gap{Call: "kms:ListKeys"}},
		keyrotor.InventoryLine{Population: &keyrotor.Population{Keys: 1}})
	f.Fuzz(func(t *testing.T, text []byte) {
		assets := 0
		inv, err := cycle.ReadInventory(oneFile{cycle.FileInventory, text}, func(keyrotor.Asset) error { assets++; return nil })
		if err == nil && !bytes.Contains(bytes.ToLower(text), []byte("population")) && !bytes.Contains(text, []byte(`\u`)) {
			t.Errorf("%q was taken for a whole inventory", text)
		}
		if read := assets + len(inv.Places) + len(inv.Gaps); read > documents(text) {
			t.Errorf("%q: read %d things of %d lines", text, read, documents(text))
		}
	})
}

func FuzzOutcomes(f *testing.F) {
	lineSeeds(f, keyrotor.Outcome{Schema: keyrotor.SchemaOutcome, Version: 1, Change: "c", State: keyrotor.Waiting, Receipts: []keyrotor.Receipt{{Step: 1}}}, keyrotor.Outcome{Change: "c"})
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := cycle.Outcomes(oneFile{cycle.FileOutcomes, text})
		if err == nil && len(all) != documents(text) {
			t.Errorf("%q: read %d outcomes of %d lines", text, len(all), documents(text))
		}
	})
}

func FuzzVerifications(f *testing.F) {
	lineSeeds(f, keyrotor.Verification{Schema: keyrotor.SchemaVerification, Version: 1, Change: "c", Verdict: keyrotor.Confirmed, Key: &keyrotor.FoundKey{State: "Enabled"}})
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := cycle.Verifications(oneFile{cycle.FileVerification, text})
		if err == nil && len(all) != documents(text) {
			t.Errorf("%q: read %d verifications of %d lines", text, len(all), documents(text))
		}
	})
}
