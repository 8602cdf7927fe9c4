//go:build unix

package assess_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// BenchmarkAssess holds an estate of realistic mess against the built-in pack,
// one goroutine. s/million is the processor time of a million assets, garbage
// collection included, so that a busy machine does not count; the floor, in the
// same run, is plain Go that asks the same questions and makes the same
// findings.
func BenchmarkAssess(b *testing.B) {
	estate := make([]keyrotor.Asset, 1000)
	for i := range estate {
		estate[i] = mess(i)
	}
	a := assessor(b, assess.Options{Packs: []*assess.Pack{builtin(b)}})
	b.ReportAllocs()
	start := processorTime(b)
	for i := 0; b.Loop(); i++ {
		a.Assess(estate[i%len(estate)])
	}
	perAsset := float64(processorTime(b)-start) / float64(b.N)
	rounds := max(b.N, 100*len(estate))
	start = processorTime(b)
	failed := 0
	for i := range rounds {
		for _, f := range plain(&estate[i%len(estate)]) {
			if f.Verdict == keyrotor.Fail {
				failed++
			}
		}
	}
	floor := float64(processorTime(b)-start) / float64(rounds)
	if failed == 0 {
		b.Fatal("the floor found nothing")
	}
	b.ReportMetric(perAsset, "cpu-ns/asset")
	b.ReportMetric(perAsset/1e3, "s/million")
	b.ReportMetric(floor, "floor-cpu-ns/asset")
	b.ReportMetric(perAsset/max(floor, 1), "x-floor")
}

// processorTime is what this process has used of processors so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkSelect is one --select over one asset.
func BenchmarkSelect(b *testing.B) {
	match, err := choice(`asset.tags.env == "prod" && asset.account in ["111122223333"]`)
	if err != nil {
		b.Fatal(err)
	}
	a := healthy()
	for b.Loop() {
		if !match(a) {
			b.Fatal("not selected")
		}
	}
}
