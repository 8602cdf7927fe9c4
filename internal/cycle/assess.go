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
// eligibility.jsonl and findings.jsonl.
func Assess(a *Record, judge *assess.Assessor, now time.Time) (keyrotor.AssessedCounts, error) {
	err := a.Write(FileEligibility, func(ew io.Writer) error {
		return a.Write(FileFindings, func(fw io.Writer) error {
			eligibility, findings := newLineWriter(ew), newLineWriter(fw)
			for as, err := range Assessments(a, judge) {
				if err != nil {
					return err
				}
				if err := writeAssessment(eligibility, findings, as); err != nil {
					return err
				}
			}
			return errors.Join(eligibility.flush(), findings.flush())
		})
	})
	if err != nil {
		return keyrotor.AssessedCounts{}, err
	}
	counts := judge.Counts()
	counts.At = now.UTC()
	return counts, updateSummary(a, func(s *keyrotor.Summary) {
		s.Assessed, s.Updated = &counts, now.UTC()
	})
}

func writeAssessment(eligibility, findings *lineWriter, as keyrotor.Assessment) error {
	target := as.Asset.Target()
	err := eligibility.write(keyrotor.EligibilityLine{
		Schema: keyrotor.SchemaEligibility, Version: keyrotor.SchemaVersion,
		Target: target, Eligibility: as.Eligibility, View: as.View,
	})
	for _, f := range as.Findings {
		if err != nil {
			return err
		}
		if f.Verdict == keyrotor.NotApplicable {
			continue
		}
		err = findings.write(keyrotor.FindingLine{
			Schema: keyrotor.SchemaFinding, Version: keyrotor.SchemaVersion,
			Target: target, Owner: as.Asset.Owner, Finding: f,
		})
	}
	return err
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
