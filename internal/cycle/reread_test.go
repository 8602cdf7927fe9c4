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
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/store"
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

// fullAt is a run's folder whose disk is full when one of its files is to be put in
// place.
type fullAt struct {
	*store.Run
	name string
}

func (f fullAt) Write(name string, fill func(io.Writer) error) error {
	if name != f.name {
		return f.Run.Write(name, fill)
	}
	return errors.Join(fill(io.Discard), syscall.ENOSPC)
}

// The findings of a new assessment stood beside the eligibility and the counts of
// the one before, and the record vouched for each of them.
func TestAnAssessmentThatWasReplacedInPartIsNone(t *testing.T) {
	t.Parallel()
	for _, at := range []string{cycle.FileEligibility, cycle.FileFindings, cycle.FileSeenOn, cycle.FileSummary} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			e, _ := assessedRun(t)
			again := func(f cycle.Folder) error {
				t.Helper()
				pack, err := assess.Builtin()
				if err != nil {
					t.Fatal(err)
				}
				judge, err := assess.New(assess.Options{Packs: []*assess.Pack{pack}, Now: e.now.AddDate(5, 0, 0)}) // other findings
				if err != nil {
					t.Fatal(err)
				}
				rec, err := cycle.Open(f, e.run.Dir(), e.key, filepath.Join(e.state.Dir(), "ledger"), func() time.Time { return e.now })
				if err != nil {
					t.Fatal(err)
				}
				defer rec.Close()
				_, err = cycle.Assess(rec, judge, cycle.Earlier{}, keyrotor.AssessedFrom{Rules: "sha256:other"}, e.now)
				return errors.Join(err, rec.Seal())
			}
			if err := again(fullAt{e.run, at}); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("got %v, want a full disk", err)
			}
			log := ledger.Journal(e.run.Dir())
			assessed, err := cycle.WasAssessed(e.run, log)
			if summary, serr := cycle.Summary(e.run); serr != nil || err == nil && assessed && summary.Assessed.From.Rules != "sha256:r" {
				t.Errorf("assessed %t, %v, %v: vouched for as by %s", assessed, err, serr, summary.Assessed.From.Rules)
			}
			if at != cycle.FileSummary && err == nil { // which is the first to be written
				t.Error("what was replaced in part is vouched for")
			}
			if err := again(e.run); err != nil {
				t.Fatal(err)
			}
			if assessed, err := cycle.WasAssessed(e.run, log); err != nil || !assessed {
				t.Errorf("with room again: assessed %t, %v", assessed, err)
			}
		})
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
