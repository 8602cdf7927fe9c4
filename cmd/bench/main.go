// Command bench measures keyrotor and prints one line a measure:
//
//	bench <name> <figure> goal >=<goal> (<unit>)
//
// Rates are ratios against a floor taken in the same run, in interleaved rounds,
// so that a busy machine slows both sides. The simulated AWS always runs in a
// process of its own. Exit code 1 says that a goal was missed, 2 that a measure
// could not be taken; docs/bench.md tells what each measure is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program. The hidden first arguments are this program's own
// child processes.
func run(ctx context.Context, args []string, out, log io.Writer) int {
	if len(args) > 0 {
		if child, ok := children()[args[0]]; ok {
			return exitOf(child(ctx, args[1:], out), log)
		}
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	only := flags.String("only", "", "take only the measures whose name begins with `NAME`")
	binary := flags.String("binary", "bin/keyrotor", "the built keyrotor, made by make build")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	chosen := choose(*only)
	if len(chosen) == 0 {
		fmt.Fprintf(log, "bench: no measure begins with %q; there are %s\n", *only, strings.Join(names(), ", "))
		return 2
	}
	b, err := newBench(out, log, *binary)
	if err != nil {
		return exitOf(err, log)
	}
	defer b.close()
	return b.takeAll(ctx, chosen)
}

// children are the programs that bench runs of itself.
func children() map[string]func(context.Context, []string, io.Writer) error {
	return map[string]func(context.Context, []string, io.Writer) error{
		childServe: serve, childScan: scanOnce, childBare: bareOnce, childMeasured: measured,
	}
}

// measure is figures that are taken together.
type measure struct {
	figures []string
	take    func(context.Context, *bench) error
}

func measures() []measure {
	return []measure{
		{[]string{"scan-rate"}, takeScanRate},
		{[]string{"scan-calls-per-key"}, takeCallsPerKey},
		{[]string{"shell-loop", "boto3-loop"}, takeLoops},
		{[]string{"rules-million", "rules-floor"}, takeRules},
		{[]string{"quota-time", "quota-time-scan", "quota-failed-calls"}, takeQuotas},
		{[]string{"scan-memory-100k", "scan-memory-growth", "assess-memory-100k", "plan-memory-100k", "report-memory-100k"}, takeMemory},
		{[]string{"binary-size", "version-start"}, takeGates},
	}
}

func choose(prefix string) []measure {
	var chosen []measure
	for _, m := range measures() {
		if slices.ContainsFunc(m.figures, func(f string) bool { return strings.HasPrefix(f, prefix) }) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

func names() []string {
	var all []string
	for _, m := range measures() {
		all = append(all, m.figures...)
	}
	return all
}

func (b *bench) takeAll(ctx context.Context, chosen []measure) int {
	code := 0
	for _, m := range chosen {
		if err := m.take(ctx, b); err != nil {
			fmt.Fprintf(b.log, "bench: %s: %v\n", strings.Join(m.figures, ", "), err)
			code = 2
		}
		if ctx.Err() != nil {
			return 2
		}
	}
	if code == 0 && b.missed > 0 {
		fmt.Fprintf(b.log, "bench: %d goals missed\n", b.missed)
		code = 1
	}
	return code
}

func exitOf(err error, log io.Writer) int {
	if err == nil {
		return 0
	}
	if !errors.Is(err, context.Canceled) {
		fmt.Fprintf(log, "bench: %v\n", err)
	}
	return 2
}
