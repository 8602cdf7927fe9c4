package report_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// An inventory has keys in the order of answers: after each scan the short lists
// named other keys, and two reports of one estate could not be held side by side.
func TestListsStandInTheSameOrderHoweverTheKeysAnswered(t *testing.T) {
	const old = "kms-material-within-cryptoperiod"
	e := newEstate()
	for i := range 14 {
		e.key(keyrotor.ViewTarget, func(a *keyrotor.Assessment) {
			pastPeriod(a)
			failing("kms-usable-from-outside", keyrotor.High, "usable by 999988887777")(a)
			a.Asset.KMS.Material.Since = testNow.AddDate(-2-i, 0, 0)
			a.Asset.Account = testAccount(i % 3)
		})
	}
	faces := map[string]func(io.Writer, report.Run) error{
		"assess":        func(w io.Writer, r report.Run) error { return report.AssessText(w, r, nil, report.Style{}) },
		"assess, whole": func(w io.Writer, r report.Run) error { return report.AssessText(w, r, nil, report.Style{All: true}) },
		"one rule":      func(w io.Writer, r report.Run) error { return report.RuleText(w, r, old, nil, report.Style{}) },
		"the report":    report.HTML,
		"in Markdown":   report.MarkdownReport,
	}
	texts := func() map[string]string {
		said := map[string]string{}
		for name, write := range faces {
			var b bytes.Buffer
			if err := write(&b, e.run); err != nil {
				t.Fatal(err)
			}
			said[name] = b.String()
		}
		return said
	}
	before := texts()
	slices.Reverse(e.keys)
	if diff := cmp.Diff(before, texts()); diff != "" {
		t.Errorf("other answers, another text (-before +after):\n%s", diff)
	}
	// The oldest material first, and five of them; else by account, Region and name.
	_, under, _ := strings.Cut(before["assess"], old+" high 14 keys fail\n")
	if got, want := names(under, 5), []string{"key-13", "key-12", "key-11", "key-10", "key-9"}; !slices.Equal(got, want) {
		t.Errorf("under %s stand %v, want %v", old, got, want)
	}
	_, under, _ = strings.Cut(before["assess"], "TARGET LIST")
	if got, want := names(under, 6), []string{"key-0", "key-12", "key-3", "key-6", "key-9", "key-1"}; !slices.Equal(got, want) {
		t.Errorf("the target list begins with %v, want %v", got, want)
	}
}

// names are the first keys that a text names.
func names(text string, n int) []string {
	var all []string
	for word := range strings.FieldsSeq(text) {
		if name, isAlias := strings.CutPrefix(word, "alias/"); isAlias && len(all) < n {
			all = append(all, name)
		}
	}
	return all
}

func TestPlacesStandByAccountAndRegion(t *testing.T) {
	all := []keyrotor.Place{{Account: "2", Region: "a"}, {Account: "1", Region: "b"}, {Account: "1", Region: "a"}}
	var b bytes.Buffer
	if err := report.Write(&b, report.CSV, report.PlaceRows(all)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n")[1:] {
		cells := strings.Split(line, ",")
		got = append(got, cells[0]+cells[3])
	}
	if want := []string{"1a", "1b", "2a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if all[0].Account != "2" {
		t.Error("what was handed in was sorted, too")
	}
}
