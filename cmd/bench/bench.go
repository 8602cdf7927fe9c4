package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// bench is one run of the measures.
type bench struct {
	out, log io.Writer
	self     string // this program
	binary   string // the built keyrotor; may not be there
	dir      string // scratch
	servers  map[string]*server
	missed   int
}

func newBench(out, log io.Writer, binary string) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "keyrotor-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	return &bench{out: out, log: log, self: self, binary: binary, dir: dir, servers: map[string]*server{}}, nil
}

// state is the folder that scans of this process write to.
func (b *bench) state() string { return filepath.Join(b.dir, "state") }

func (b *bench) close() {
	for _, s := range b.servers {
		s.stop()
	}
	_ = os.RemoveAll(b.dir) // scratch
}

// atLeast prints a figure that must not be smaller than its goal.
func (b *bench) atLeast(name string, figure, goal float64, unit string) {
	b.line(name, figure, ">=", goal, unit, figure >= goal)
}

// atMost prints a figure that must not be larger than its goal.
func (b *bench) atMost(name string, figure, goal float64, unit string) {
	b.line(name, figure, "<=", goal, unit, figure <= goal)
}

func (b *bench) line(name string, figure float64, sign string, goal float64, unit string, met bool) {
	fmt.Fprintf(b.out, "bench %s %s goal %s%s (%s)\n", name, number(figure), sign, number(goal), unit)
	if !met {
		b.missed++
	}
}

func (b *bench) skip(name, why string) { fmt.Fprintf(b.out, "bench %s skipped (%s)\n", name, why) }

// note tells what a figure was made of; it goes to the log, beside the lines.
func (b *bench) note(format string, args ...any) { fmt.Fprintf(b.log, "# "+format+"\n", args...) }

// number has as many decimals as are worth reading.
func number(f float64) string {
	switch {
	case f == float64(int64(f)):
		return strconv.FormatInt(int64(f), 10)
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 3, 64)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
