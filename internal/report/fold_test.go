package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrotor/keyrotor/internal/report"
)

func TestFoldBreaksBetweenWordsOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		width int
		want  []string
	}{
		"short text is one line":           {"a b", 10, []string{"a b"}},
		"nothing is one empty line":        {"", 10, []string{""}},
		"a line may fill its width":        {"12345 789 1", 9, []string{"12345 789", "1"}},
		"dates and ids are not torn":       {"on 2026-11-21 it", 8, []string{"on", "2026-11-21", "it"}},
		"columns are counted, not bytes":   {"äöü äöü", 7, []string{"äöü äöü"}},
		"blanks within a line are kept":    {"a=1  b=2", 10, []string{"a=1  b=2"}},
		"colour takes no room":             {"\x1b[1mOFF\x1b[0m now", 7, []string{"\x1b[1mOFF\x1b[0m now"}},
		"a word that is too long survives": {"arn:aws:kms:us-east-1 x", 5, []string{"arn:aws:kms:us-east-1", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, report.Fold(tc.text, tc.width)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
