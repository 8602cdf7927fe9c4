package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

func TestALineSaysFigureGoalAndUnit(t *testing.T) {
	var out bytes.Buffer
	b := &bench{out: &out, log: io.Discard}
	b.atLeast("fast", 1.25, 1, "times")
	b.atMost("small", 123.4, 300, "MB")
	b.atMost("large", 300.5, 300, "MB")
	b.skip("absent", "no aws command line")
	want := "bench fast 1.250 goal >=1 (times)\nbench small 123.4 goal <=300 (MB)\nbench large 300.5 goal <=300 (MB)\n" +
		"bench absent skipped (no aws command line)\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if b.missed != 1 {
		t.Errorf("%d goals missed, want 1", b.missed)
	}
}

func TestOnlyChoosesByTheBeginningOfAName(t *testing.T) {
	for prefix, want := range map[string]int{"": len(measures()), "scan-": 3, "boto3": 1, "nothing": 0} {
		if got := len(choose(prefix)); got != want {
			t.Errorf("-only %q: %d measures, want %d", prefix, got, want)
		}
	}
}

func TestTheMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.values, got, c.want)
		}
	}
}

func TestEveryMeasureIsExplained(t *testing.T) {
	doc, err := os.ReadFile("../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names() {
		if !strings.Contains(string(doc), "`"+name+"`") {
			t.Errorf("docs/bench.md does not explain %s", name)
		}
	}
}
