package cycle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/cycle"
)

func TestAFileOfALaterVersionIsNotReadAsOneOfThis(t *testing.T) {
	e := newEstate(t)
	for version, fault := range map[string]string{"1": "", "2": "newer keyrotor"} {
		line := `{"schema":"keyrotor.outcome","version":` + version + `,"change":"k1"}` + "\n"
		if err := os.WriteFile(filepath.Join(e.run.Dir(), cycle.FileOutcomes), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := cycle.Outcomes(e.run)
		if fault == "" && (err != nil || len(got) != 1) || fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
			t.Errorf("version %s: %d outcomes, %v", version, len(got), err)
		}
	}
}
