package assess_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/assess"
)

func TestAConditionThatGoesWrongForEveryKeyIsRefusedWithItsPlace(t *testing.T) {
	for require, want := range map[string]struct {
		message string
		column  int
	}{
		`1/0 == 1`:                                      {"division by zero", 16},
		`asset.rotation.on || 1 % 0 == 1`:               {"modulus by zero", 0},
		`asset.material.age < duration("a year")`:       {"type conversion error", 0},
		`asset.created > timestamp("2026-13-01")`:       {"2026-13-01", 0},
		`[1, 2][5] == 1`:                                {"5", 0},
		`int("x") in [1]`:                               {"type conversion error", 0},
		`asset.aliases.exists(a, a == "x" && 1/0 == 1)`: {"division by zero", 0},
	} {
		t.Run(require, func(t *testing.T) {
			pack := "rules:\n  - id: own\n    severity: low\n    message: wrong\n    require: " + "'" + require + "'" + "\n"
			_, err := assess.LoadPack("own.yaml", []byte(pack))
			var at *assess.SourceError
			if !errors.As(err, &at) || at.Line != 5 || at.Column < 15 || !strings.Contains(at.Message, "rule own: require: ") || !strings.Contains(at.Message, want.message) {
				t.Fatalf("got %v, want a refusal with its place", err)
			}
			if want.column != 0 && at.Column != want.column {
				t.Errorf("column %d, want %d", at.Column, want.column)
			}
		})
	}
	for _, require := range []string{
		`asset.material.age < duration("2160h")`, `asset.created > timestamp("2026-01-01T00:00:00Z")`, `1 + 1 == 2`,
		`asset.material.age / 1 != duration("0s") || true`, `size([1, 2]) == 2 && "a".matches("[a-z]")`, `[1, 2].exists(n, 4 / n == 2)`,
	} {
		pack := "rules:\n  - id: own\n    severity: low\n    message: wrong\n    require: '" + require + "'\n"
		if _, err := assess.LoadPack("own.yaml", []byte(pack)); err != nil && strings.Contains(err.Error(), "goes wrong") {
			t.Errorf("%s: %v", require, err)
		}
	}
}
