package sandbox_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// unfit are recorded answers that the sandbox does not give, on purpose;
// docs/sandbox.md explains each.
func unfit() map[string]string {
	return map[string]string{
		"kms/on-demand/limit-of-ten": "recorded in 2025, when the limit was 10; 25 are documented since",
	}
}

// TestRecordedAnswers holds the sandbox against answers of the real service that
// other projects recorded.
func TestRecordedAnswers(t *testing.T) {
	testenv.Need(t, "boto3")
	server := httptest.NewServer(sandbox.New(sandbox.Options{RotationTakes: 200 * time.Millisecond}))
	defer server.Close()

	for _, dir := range testenv.Recordings(t, "testdata/recorded", "data/aws") {
		for _, file := range []struct{ name, area string }{{"kms-cases.json", ""}, {"other-cases.json", "sts"}} {
			t.Run(dir+"/"+file.name, func(t *testing.T) {
				if dir != "testdata/recorded" && same(t, filepath.Join(dir, file.name), filepath.Join("testdata/recorded", file.name)) {
					t.Skip("these are the project's own")
				}
				holdCases(t, runCases(t, server.URL, filepath.Join(dir, file.name), file.area))
			})
		}
	}
}

func holdCases(t *testing.T, results []caseResult) {
	t.Helper()
	if len(results) == 0 {
		t.Fatal("the tool ran no cases")
	}
	for _, r := range results {
		why, known := unfit()[r.ID]
		switch fits := r.Status == "pass"; {
		case !fits && !known:
			t.Errorf("%s: %s: %s", r.ID, r.Status, r.Why)
		case fits && known:
			t.Errorf("%s passes now, but is named as unfit (%s)", r.ID, why)
		}
	}
}

func same(t *testing.T, a, b string) bool {
	t.Helper()
	left, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(left, right)
}

type caseResult struct{ ID, Status, Why string }

func runCases(t *testing.T, endpoint, file, area string) []caseResult {
	t.Helper()
	out := filepath.Join(t.TempDir(), "results.json")
	args := []string{filepath.Join("testdata", "recorded", "run_cases.py"), endpoint, file, "--json", out, "-q"}
	if area != "" {
		args = append(args, "--area", area)
	}
	// It ends with 1 when a case fails; the results say which.
	printed, err := exec.Command(testenv.Python(t), args...).CombinedOutput()
	b, readErr := os.ReadFile(out)
	if readErr != nil {
		t.Fatalf("run the cases: %v\n%s", err, printed)
	}
	var results []caseResult
	if err := json.Unmarshal(b, &results); err != nil {
		t.Fatalf("read the results: %v", err)
	}
	return results
}
