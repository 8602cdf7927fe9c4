package cycle_test

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
)

// theseFiles is a run that holds files of these bytes.
type theseFiles map[string][]byte

func (theseFiles) ID() keyrotor.RunID        { return "20261121T101502Z-5f3c" }
func (f theseFiles) List() ([]string, error) { return slices.Sorted(maps.Keys(f)), nil }
func (f theseFiles) Open(name string) (io.ReadCloser, error) {
	text, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

// FuzzAsAssessed reads three files beside each other: what they say is handed out
// whole, once and in their order, or an error ends it.
func FuzzAsAssessed(f *testing.F) {
	inventory, eligibility, findings := assessedLines(f)
	whole := threeFiles(f, joined(inventory, eligibility, findings))
	if got, err := assessedBy(whole); err != nil || len(got) != 3 { // two keys and a waiver
		f.Fatalf("the seed: got %d assessments, %v", len(got), err)
	}
	f.Add(joined(inventory, eligibility, findings))
	f.Add(joined(inventory, eligibility, findings[:len(findings)/2]))
	f.Add(joined(inventory, append([]byte("\n"), eligibility...), bytes.ReplaceAll(findings, []byte("k2"), []byte("k1"))))
	f.Add(joined(inventory, append(eligibility, eligibility...), append(findings, findings...)))
	f.Add(joined(inventory, nil, []byte("null")))
	f.Fuzz(func(t *testing.T, text []byte) {
		files := threeFiles(t, text)
		got, err := assessedBy(files)
		if err != nil {
			return
		}
		var keys, judged []keyrotor.Target
		var found, want []keyrotor.Finding
		for _, a := range got {
			found = append(found, a.Findings...)
			if a.Asset.Kind != keyrotor.KindWaiver {
				keys = append(keys, a.Asset.Target())
			}
		}
		for _, l := range linesOf[keyrotor.EligibilityLine](t, files[cycle.FileEligibility]) {
			if l.Target.Kind != keyrotor.KindWaiver {
				judged = append(judged, l.Target)
			}
		}
		for _, l := range linesOf[keyrotor.FindingLine](t, files[cycle.FileFindings]) {
			want = append(want, l.Finding)
		}
		if diff := cmp.Diff(judged, keys); diff != "" {
			t.Errorf("the keys handed out are not those that were judged (-judged +got)\n%s", diff)
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("the findings handed out are not those of the file (-file +got)\n%s", diff)
		}
	})
}

// FuzzSummary: what is read as a summary is written and read again as the same.
func FuzzSummary(f *testing.F) {
	seed, err := json.Marshal(keyrotor.Summary{Schema: keyrotor.SchemaSummary, Version: 1, Run: oneFile{}.ID(), Assessed: &keyrotor.AssessedCounts{}})
	if err != nil {
		f.Fatal(err)
	}
	if s, err := cycle.Summary(oneFile{cycle.FileSummary, seed}); err != nil || s.Assessed == nil {
		f.Fatalf("the seed: got %+v, %v", s, err)
	}
	for _, text := range [][]byte{seed, seed[:len(seed)/2], append(seed, seed...), {}, []byte("null"), []byte("[]"), []byte(`{"assessed":{}}`)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := cycle.Summary(oneFile{cycle.FileSummary, text})
		if err != nil {
			return
		}
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		again, err := cycle.Summary(oneFile{cycle.FileSummary, written})
		if err != nil {
			t.Fatalf("%q was written as %s: %v", text, written, err)
		}
		if rewritten, err := json.Marshal(again); err != nil || !bytes.Equal(written, rewritten) {
			t.Errorf("%q was written as\n%s, and then as\n%s (%v)", text, written, rewritten, err)
		}
	})
}

// betweenFiles stands between the three files in one text: Go takes very long to make
// an input of several texts smaller.
const betweenFiles = "%%"

func joined(files ...[]byte) []byte { return bytes.Join(files, []byte(betweenFiles)) }

// threeFiles are the files of a text; those that it lacks are empty.
func threeFiles(t testing.TB, text []byte) theseFiles {
	t.Helper()
	files := append(bytes.SplitN(text, []byte(betweenFiles), 3), nil, nil)
	return theseFiles{cycle.FileInventory: files[0], cycle.FileEligibility: files[1], cycle.FileFindings: files[2]}
}

func assessedBy(files theseFiles) (got []keyrotor.Assessment, err error) {
	for a, err := range cycle.AsAssessed(files) {
		if err != nil {
			return got, err
		}
		got = append(got, a)
	}
	return got, nil
}

// assessedLines are the three files of a run of two keys, one of which fails, and a
// waiver that lapsed.
func assessedLines(f *testing.F) (inventory, eligibility, findings []byte) {
	f.Helper()
	write := func(file *[]byte, line any) {
		b, err := json.Marshal(line)
		if err != nil {
			f.Fatal(err)
		}
		*file = append(append(*file, b...), '\n')
	}
	for _, id := range []string{"k1", "k2"} {
		asset := keyrotor.Asset{Kind: keyrotor.KindKMSKey, ID: id, Account: "111122223333", Region: "eu-west-1"}
		write(&inventory, keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: 1, Asset: &asset})
		write(&eligibility, keyrotor.EligibilityLine{Schema: keyrotor.SchemaEligibility, Version: 1, Target: asset.Target()})
		if id == "k2" {
			write(&findings, keyrotor.FindingLine{Schema: keyrotor.SchemaFinding, Version: 1, Target: asset.Target(), Finding: keyrotor.Finding{Rule: "r", Verdict: keyrotor.Fail}})
		}
	}
	write(&findings, keyrotor.FindingLine{Target: keyrotor.Target{Kind: keyrotor.KindWaiver, ID: "w"}, Finding: keyrotor.Finding{Rule: "waiver", Verdict: keyrotor.Fail}})
	write(&inventory, keyrotor.InventoryLine{Population: &keyrotor.Population{Keys: 2}})
	return inventory, eligibility, findings
}

// linesOf decodes a file of lines.
func linesOf[T any](t *testing.T, text []byte) []T {
	t.Helper()
	var all []T
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%q was read and is none: %v", line, err)
		}
		all = append(all, v)
	}
	return all
}
