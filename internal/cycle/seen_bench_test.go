package cycle_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
)

// BenchmarkSeenOn is what an assessment asks of earlier runs, for 100,000 keys: of
// the newest run that was assessed its seen-on.jsonl, of one that was not the whole
// inventory.
func BenchmarkSeenOn(b *testing.B) {
	const keys = 100_000
	line, _, _ := strings.Cut(inventory(seenOn), "\n")
	_, end, _ := strings.Cut(inventory(seenOn), "\n")
	for name, assessed := range map[string]bool{"of an assessed run": true, "of a scan alone": false} {
		b.Run(name, func(b *testing.B) {
			e := newEstate(b)
			rec := e.open(b)
			err := rec.Write(cycle.FileInventory, func(w io.Writer) error {
				for i := range keys {
					if _, err := io.WriteString(w, strings.ReplaceAll(line, "k1", fmt.Sprintf("k%d", i))+"\n"); err != nil {
						return err
					}
				}
				_, err := io.WriteString(w, end)
				return err
			})
			if err == nil && assessed {
				err = rec.Write(cycle.FileSeenOn, func(w io.Writer) error {
					for i := range keys {
						arn := strings.ReplaceAll(theKey().ARN, "k1", fmt.Sprintf("k%d", i))
						if _, err := fmt.Fprintf(w, "{\"schema\":\"keyrotor.seen-on\",\"version\":1,\"arn\":%q,\"run\":%q}\n", arn, e.run.ID()); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err != nil {
				b.Fatal(err)
			}
			if err := rec.Seal(); err != nil {
				b.Fatal(err)
			}
			rec.Close()
			b.ReportAllocs()
			for b.Loop() {
				seen := cycle.SeenOn{}
				whole, err := seen.Add(e.run, ledger.Journal(e.run.Dir()))
				if err != nil || whole != assessed || len(seen) != keys {
					b.Fatalf("%d keys, whole %v, %v", len(seen), whole, err)
				}
			}
		})
	}
}
