package cycle_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

const turnedOff = "kms-rotation-turned-off"

// Sight is how a scan saw the rotation of the one key.
const (
	seenOn      = "on"
	seenOff     = "off"
	seenRefused = "refused" // its status could not be read
	seenNothing = "nothing" // its account could not be entered
	seenGone    = "gone"    // it was deleted
)

// sighting is one run of a history: what its scan saw, and whether it was assessed.
type sighting struct {
	sight      string
	unassessed bool
}

func TestWhatWasOnAndIsOffFailsUntilItIsOnAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		runs []sighting
		want keyrotor.Verdict // of the last run
	}{
		"off in the next scan":                        {[]sighting{{sight: seenOn}, {sight: seenOff}}, keyrotor.Fail},
		"and in the second":                           {[]sighting{{sight: seenOn}, {sight: seenOff}, {sight: seenOff}}, keyrotor.Fail},
		"and in the third":                            {[]sighting{{sight: seenOn}, {sight: seenOff}, {sight: seenOff}, {sight: seenOff}}, keyrotor.Fail},
		"the status was refused between":              {[]sighting{{sight: seenOn}, {sight: seenRefused}, {sight: seenOff}}, keyrotor.Fail},
		"the account was a gap between":               {[]sighting{{sight: seenOn}, {sight: seenNothing}, {sight: seenNothing}, {sight: seenOff}}, keyrotor.Fail},
		"nobody assessed the scans between":           {[]sighting{{sight: seenOn}, {sight: seenOff, unassessed: true}, {sight: seenOff, unassessed: true}, {sight: seenOff}}, keyrotor.Fail},
		"nobody assessed any scan before":             {[]sighting{{sight: seenOn, unassessed: true}, {sight: seenRefused, unassessed: true}, {sight: seenOff}}, keyrotor.Fail},
		"on again":                                    {[]sighting{{sight: seenOn}, {sight: seenOff}, {sight: seenOn}}, keyrotor.Pass},
		"on again, and off once more":                 {[]sighting{{sight: seenOn}, {sight: seenOff}, {sight: seenOn}, {sight: seenOff}, {sight: seenOff}}, keyrotor.Fail},
		"it never was on":                             {[]sighting{{sight: seenOff}, {sight: seenRefused}, {sight: seenOff}}, keyrotor.NotApplicable},
		"refused now":                                 {[]sighting{{sight: seenOn}, {sight: seenOff}, {sight: seenRefused}}, keyrotor.Unknown},
		"deleted, and nobody remembers it":            {[]sighting{{sight: seenOn}, {sight: seenGone}, {sight: seenOff}}, keyrotor.NotApplicable},
		"deleted in a scan that nobody assessed":      {[]sighting{{sight: seenOn}, {sight: seenGone, unassessed: true}, {sight: seenOff}}, keyrotor.Fail},
		"the newest scan was assessed, not the first": {[]sighting{{sight: seenOn, unassessed: true}, {sight: seenOff}, {sight: seenOff}}, keyrotor.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			var got keyrotor.Verdict
			for _, s := range tc.runs {
				got = h.run(s)
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// One run that was assessed stands for all before it: 1,000 daily scans must not
// be read again each day.
func TestOneAssessedRunStandsForAllBeforeIt(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	for _, s := range []sighting{{sight: seenOn}, {sight: seenRefused}, {sight: seenOff}} {
		h.run(s)
	}
	for _, id := range h.ids(t)[:2] {
		if err := os.RemoveAll(filepath.Join(h.e.state.Dir(), "runs", string(id))); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.run(sighting{sight: seenOff}); got != keyrotor.Fail {
		t.Errorf("got %s of the newest assessed run alone, want fail", got)
	}
}

func TestWhatTheRecordDoesNotVouchForIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"handed on": cycle.FileSeenOn, "seen": cycle.FileInventory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			h.run(sighting{sight: seenOff, unassessed: file == cycle.FileInventory})
			path := filepath.Join(h.e.run.Dir(), file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			forged := strings.ReplaceAll(string(text), `"on":false`, `"on":true`)
			if file == cycle.FileSeenOn {
				forged = `{"schema":"keyrotor.seen-on","version":1,"arn":"` + theKey().ARN + `","run":"` + string(h.e.run.ID()) + `"}` + "\n"
			}
			if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := h.run(sighting{sight: seenOff}); got != keyrotor.NotApplicable {
				t.Errorf("got %s by a forged file, want not-applicable", got)
			}
			if len(h.doubts) != 1 || !strings.Contains(h.doubts[0].Error(), "does not vouch for "+file) {
				t.Errorf("doubts %v, want one about %s", h.doubts, file)
			}
		})
	}
}

// A line behind the seal gives the digest of what somebody wrote.
func TestALineBehindTheSealVouchesForNothing(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.run(sighting{sight: seenOff})
	text := `{"schema":"keyrotor.seen-on","version":1,"arn":"` + theKey().ARN + `","run":"` + string(h.e.run.ID()) + `"}` + "\n"
	if err := os.WriteFile(filepath.Join(h.e.run.Dir(), cycle.FileSeenOn), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	digest, err := cycle.DigestOf(h.e.run, cycle.FileSeenOn)
	if err != nil {
		t.Fatal(err)
	}
	h.e.forge(t, ledger.Entry{Type: ledger.TypeArtifact, Artifact: cycle.FileSeenOn, Digest: digest})
	if got := h.run(sighting{sight: seenOff}); got != keyrotor.NotApplicable || len(h.doubts) != 1 {
		t.Errorf("got %s with doubts %v, want not-applicable and one doubt", got, h.doubts)
	}
}

func TestOurOwnUndoExplainsThatAKeyIsOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  func(h *history) cycle.Setting
		runs []sighting
		want keyrotor.Verdict
	}{
		"switched off by us since": {func(h *history) cycle.Setting { return cycle.Setting{By: h.e.run.ID(), At: h.e.now.Add(time.Hour)} },
			[]sighting{{sight: seenOff}, {sight: seenOff}}, keyrotor.NotApplicable},
		"and on again later, and off": {func(h *history) cycle.Setting { return cycle.Setting{By: h.e.run.ID(), At: h.e.now.Add(time.Hour)} },
			[]sighting{{sight: seenOff}, {sight: seenOn}, {sight: seenOff}}, keyrotor.Fail},
		"switched off by us before it was seen on": {func(h *history) cycle.Setting {
			return cycle.Setting{By: h.e.run.ID(), At: h.e.now.Add(-48 * time.Hour)}
		},
			[]sighting{{sight: seenOff}}, keyrotor.Fail},
		"switched on by us": {func(h *history) cycle.Setting {
			return cycle.Setting{By: h.e.run.ID(), At: h.e.now.Add(time.Hour), On: true}
		},
			[]sighting{{sight: seenOff}}, keyrotor.Fail},
		"switched off by a run that came later": {func(*history) cycle.Setting {
			return cycle.Setting{By: "20990101T000000Z-0000", At: noon.Add(time.Hour)}
		},
			[]sighting{{sight: seenOff}}, keyrotor.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			h.run(sighting{sight: seenOn})
			set := tc.set(h)
			h.settings = func(string) (cycle.Setting, bool) { return set, true }
			var got keyrotor.Verdict
			for _, s := range tc.runs {
				got = h.run(s)
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// history is an estate of one key, scanned once a day.
type history struct {
	t        *testing.T
	e        *estate
	doubts   []error
	settings func(string) (cycle.Setting, bool)
}

func newHistory(t *testing.T) *history {
	e := newEstate(t)
	return &history{t: t, e: e}
}

func (h *history) ids(t *testing.T) []keyrotor.RunID {
	t.Helper()
	ids, err := h.e.state.Runs()
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func theKey() keyrotor.Asset {
	return keyrotor.Asset{
		Kind: keyrotor.KindKMSKey, ID: "k1", ARN: "arn:aws:kms:eu-west-1:111122223333:key/k1", Account: "111122223333", Region: "eu-west-1",
		KMS: &keyrotor.KMSFacts{State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS", KeyManager: "CUSTOMER"},
	}
}

// inventory is what a scan writes of the one key.
func inventory(sight string) string {
	key, place := theKey(), keyrotor.Place{Account: "111122223333", Region: "eu-west-1", Status: keyrotor.PlaceRead}
	lines := []keyrotor.InventoryLine{{Asset: &key}, {Place: &place}, {Population: &keyrotor.Population{}}}
	switch sight {
	case seenOn, seenOff:
		key.KMS.Rotation = &keyrotor.RotationFacts{On: sight == seenOn}
	case seenRefused:
		key.Unread = []keyrotor.Unread{{Fact: keyrotor.FactRotation}}
	case seenNothing:
		place.Status, lines = keyrotor.PlaceGap, lines[1:]
	case seenGone:
		lines = lines[1:]
	}
	var b strings.Builder
	for _, l := range lines {
		text, _ := json.Marshal(l)
		b.Write(append(text, '\n'))
	}
	return b.String()
}

// run is a scan and, unless nobody does, its assessment, as the command line makes
// them; it returns what the rule says of the key.
func (h *history) run(s sighting) keyrotor.Verdict {
	h.t.Helper()
	if h.scanned() {
		h.e.now = h.e.now.Add(24 * time.Hour)
		run, err := h.e.state.NewRun(h.e.now, rand.Reader)
		if err != nil {
			h.t.Fatal(err)
		}
		h.e.run = run
	}
	rec := h.e.open(h.t)
	defer rec.Close()
	if err := rec.Write(cycle.FileInventory, writes(inventory(s.sight))); err != nil {
		h.t.Fatal(err)
	}
	var verdict keyrotor.Verdict
	if !s.unassessed {
		verdict = h.assess(rec)
	}
	if err := rec.Seal(); err != nil {
		h.t.Fatal(err)
	}
	return verdict
}

func (h *history) scanned() bool {
	_, err := os.Stat(filepath.Join(h.e.run.Dir(), cycle.FileInventory))
	return err == nil
}

func (h *history) assess(rec *cycle.Record) keyrotor.Verdict {
	h.t.Helper()
	before := cycle.Earlier{SeenOn: cycle.SeenOn{}, Settings: h.settings}
	ids := h.ids(h.t)
	for i := len(ids) - 2; i >= 0; i-- {
		run, err := h.e.state.Run(ids[i])
		if err != nil {
			h.t.Fatal(err)
		}
		whole, err := before.SeenOn.Add(run, ledger.Journal(run.Dir()))
		if err != nil {
			h.doubts = append(h.doubts, err)
		}
		if whole {
			break
		}
	}
	pack, err := assess.Builtin()
	if err != nil {
		h.t.Fatal(err)
	}
	judge, err := assess.New(assess.Options{
		Packs: []*assess.Pack{pack}, Now: h.e.now, Previous: before.WasOn,
		SwitchedOff: func(arn string) bool { return before.SwitchedOff(rec.ID(), arn) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := cycle.Assess(rec, judge, before, keyrotor.AssessedFrom{}, h.e.now); err != nil {
		h.t.Fatal(err)
	}
	for as, err := range cycle.Assessments(rec, judge) {
		if err != nil {
			h.t.Fatal(err)
		}
		for _, f := range as.Findings {
			if f.Rule == turnedOff {
				return f.Verdict
			}
		}
	}
	return ""
}

func TestTheRunThatSawAKeyOnIsNamed(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.run(sighting{sight: seenOn})
	first := h.e.run.ID()
	h.run(sighting{sight: seenNothing})
	text, err := os.ReadFile(filepath.Join(h.e.run.Dir(), cycle.FileSeenOn))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":"keyrotor.seen-on","version":1,"arn":"` + theKey().ARN + `","run":"` + string(first) + `"}` + "\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("seen-on.jsonl (-want +got):\n%s", diff)
	}
}
