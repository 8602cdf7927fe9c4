package cycle

import (
	"errors"
	"io"
	"iter"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// Assess holds every asset of the inventory against the rules and writes
// eligibility.jsonl and findings.jsonl, and seen-on.jsonl for the assessments of
// later runs. before is what the judge was told of earlier ones, from what it was
// made from, which the summary keeps.
func Assess(a *Record, judge *assess.Assessor, before Earlier, from keyrotor.AssessedFrom, now time.Time) (keyrotor.AssessedCounts, error) {
	if err := notAssessed(a); err != nil {
		return keyrotor.AssessedCounts{}, err
	}
	err := a.Write(FileEligibility, func(ew io.Writer) error {
		return a.Write(FileFindings, func(fw io.Writer) error {
			return a.Write(FileSeenOn, func(sw io.Writer) error {
				eligibility, findings, seen := newLineWriter(ew), newLineWriter(fw), newHandOn(a.ID(), before, sw)
				inv, err := ReadInventory(a, func(asset keyrotor.Asset) error {
					return errors.Join(writeAssessment(eligibility, findings, judge.Assess(asset)), seen.saw(asset))
				})
				if err != nil {
					return err
				}
				for _, as := range judge.Lapsed() {
					if err := writeFindings(findings, as); err != nil {
						return err
					}
				}
				return errors.Join(eligibility.flush(), findings.flush(), seen.rest(inv.Places))
			})
		})
	})
	if err != nil {
		return keyrotor.AssessedCounts{}, err
	}
	counts := judge.Counts()
	counts.At, counts.From = now.UTC(), &from
	return counts, updateSummary(a, func(s *keyrotor.Summary) {
		s.Assessed, s.Updated = &counts, now.UTC()
	})
}

// notAssessed takes an earlier assessment out of the summary before its files are
// replaced, one after the other: where a full disk comes between two of them, what
// is there belongs to no assessment.
func notAssessed(a *Record) error {
	summary, err := Summary(a)
	if err != nil || summary.Assessed == nil {
		return err
	}
	return updateSummary(a, func(s *keyrotor.Summary) { s.Assessed = nil })
}

func writeAssessment(eligibility, findings *lineWriter, as keyrotor.Assessment) error {
	return errors.Join(eligibility.write(keyrotor.EligibilityLine{
		Schema: keyrotor.SchemaEligibility, Version: keyrotor.SchemaVersion,
		Target: as.Asset.Target(), Eligibility: as.Eligibility, View: as.View,
	}), writeFindings(findings, as))
}

func writeFindings(findings *lineWriter, as keyrotor.Assessment) error {
	target := as.Asset.Target()
	for _, f := range as.Findings {
		if f.Verdict == keyrotor.NotApplicable {
			continue
		}
		err := findings.write(keyrotor.FindingLine{
			Schema: keyrotor.SchemaFinding, Version: keyrotor.SchemaVersion,
			Target: target, Owner: as.Asset.Owner, Finding: f,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a stream early.
var errEnough = errors.New("enough")

// Assessments judges the inventory's assets one by one, as they are asked for.
func Assessments(a Artifacts, judge *assess.Assessor) iter.Seq2[keyrotor.Assessment, error] {
	return func(yield func(keyrotor.Assessment, error) bool) {
		_, err := ReadInventory(a, func(asset keyrotor.Asset) error {
			if !yield(judge.Assess(asset), nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(keyrotor.Assessment{}, err)
		}
	}
}
