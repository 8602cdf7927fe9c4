package cycle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// assessedRun is a run of three keys that was assessed under a waiver of one of
// them, and what the judge said.
func assessedRun(t *testing.T) (*estate, []keyrotor.Assessment) {
	t.Helper()
	e := newEstate(t)
	pack, err := assess.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	waivers, err := assess.LoadWaivers("waivers.yaml", []byte(`
- match: asset.tags.owner == "k2"
  rule: kms-rotation-on
  reason: a vendor reads raw ciphertext
  until: 2099-03-31
  approver: carol@example.com
`), e.now, "alice@example.com")
	if err != nil {
		t.Fatal(err)
	}
	judge, err := assess.New(assess.Options{Packs: []*assess.Pack{pack}, Waivers: waivers, Now: e.now})
	if err != nil {
		t.Fatal(err)
	}
	rec := e.open(t)
	defer rec.Log.Close()
	err = rec.Write(cycle.FileInventory, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for n := range 3 {
			id := fmt.Sprintf("k%d", n+1)
			asset := theKey()
			asset.ID, asset.ARN = id, strings.Replace(asset.ARN, asset.ID, id, 1)
			asset.KMS.Rotation = &keyrotor.RotationFacts{On: n == 2}
			asset.Tags = map[string]string{"owner": id}
			if err := lines.Encode(keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: 1, Asset: &asset}); err != nil {
				return err
			}
		}
		return lines.Encode(keyrotor.InventoryLine{Schema: keyrotor.SchemaInventory, Version: 1, Population: &keyrotor.Population{Run: rec.ID(), Keys: 3}})
	})
	if err != nil {
		t.Fatal(err)
	}
	from := keyrotor.AssessedFrom{Rules: "sha256:r", Exemptions: []keyrotor.Exemption{{Rule: "kms-rotation-on"}}}
	if _, err := cycle.Assess(rec, judge, cycle.Earlier{}, from, e.now); err != nil {
		t.Fatal(err)
	}
	if err := rec.Seal(); err != nil {
		t.Fatal(err)
	}
	var judged []keyrotor.Assessment
	for as, err := range cycle.Assessments(rec, judge) {
		if err != nil {
			t.Fatal(err)
		}
		as.Findings = slices.DeleteFunc(as.Findings, func(f keyrotor.Finding) bool { return f.Verdict == keyrotor.NotApplicable })
		judged = append(judged, as)
	}
	return e, judged
}

// A report judged the inventory anew, by the rules and waivers of the day it was
// written, and contradicted the findings of its own run.
func TestARunIsReadBackAsItWasAssessed(t *testing.T) {
	t.Parallel()
	e, want := assessedRun(t)
	assessed, err := cycle.WasAssessed(e.run, ledger.Journal(e.run.Dir()))
	if err != nil || !assessed {
		t.Fatalf("assessed %t, %v; want it vouched for", assessed, err)
	}
	var got []keyrotor.Assessment
	waived := 0
	for as, err := range cycle.AsAssessed(e.run) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range as.Findings {
			if f.Verdict == keyrotor.Waived {
				waived++
			}
		}
		got = append(got, as)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back otherwise than judged (-want +got):\n%s", diff)
	}
	if waived != 1 || len(got) != 3 {
		t.Errorf("%d keys, %d findings waived; want 3 and 1", len(got), waived)
	}
	summary, err := cycle.Summary(e.run)
	if err != nil {
		t.Fatal(err)
	}
	if summary.Assessed.From == nil || summary.Assessed.From.Rules != "sha256:r" || len(summary.Assessed.From.Exemptions) != 1 {
		t.Errorf("the summary says it was assessed from %+v", summary.Assessed.From)
	}
}

func TestFilesThatTheRecordDoesNotVouchForAreNoAssessment(t *testing.T) {
	t.Parallel()
	for _, name := range []string{cycle.FileInventory, cycle.FileEligibility, cycle.FileFindings, cycle.FileSummary} {
		for how, change := range map[string]func(path string, text []byte) error{
			"changed": func(path string, text []byte) error {
				return os.WriteFile(path, append([]byte(" "), text...), 0o600)
			},
			"removed": func(path string, _ []byte) error { return os.Remove(path) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				e, _ := assessedRun(t)
				path := filepath.Join(e.run.Dir(), name)
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := change(path, text); err != nil {
					t.Fatal(err)
				}
				_, err = cycle.WasAssessed(e.run, ledger.Journal(e.run.Dir()))
				refusedWith(t, err, "does not vouch for how it was assessed")
			})
		}
	}
}

func TestAnAssessmentOfOtherKeysIsNotReadAsThatOfThese(t *testing.T) {
	t.Parallel()
	lines := func(text []byte) [][]byte { return bytes.SplitAfter(text, []byte("\n")) }
	for name, tc := range map[string]struct {
		file   string
		change func(all [][]byte) [][]byte
	}{
		"a key is missing":             {cycle.FileEligibility, func(all [][]byte) [][]byte { return slices.Delete(all, 1, 2) }},
		"a key too many":               {cycle.FileEligibility, func(all [][]byte) [][]byte { return append([][]byte{all[0]}, all...) }},
		"a key too many at the end":    {cycle.FileEligibility, func(all [][]byte) [][]byte { return append(slices.Clone(all), all[0]) }},
		"findings in another order":    {cycle.FileFindings, func(all [][]byte) [][]byte { slices.Reverse(all); return all }},
		"findings of no key":           {cycle.FileFindings, func(all [][]byte) [][]byte { return append(slices.Clone(all), all[0]) }},
		"the eligibility is not there": {cycle.FileEligibility, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := assessedRun(t)
			path := filepath.Join(e.run.Dir(), tc.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if tc.change != nil {
				if err := os.WriteFile(path, bytes.Join(tc.change(lines(text)), nil), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, err = range cycle.AsAssessed(e.run) {
				if err != nil {
					break
				}
			}
			if refusal := new(keyrotor.Refusal); !errors.As(err, &refusal) || !strings.Contains(err.Error(), string(e.run.ID())) {
				t.Errorf("got %v, want a refusal that names the run", err)
			}
		})
	}
}
