package main

import (
	"fmt"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// viewAsAssessed is the view of a run as it was assessed, by the rules, waivers and
// clock of that day; one that nobody assessed is assessed first. A run that takes
// back another one saw a few keys and is held against no rule.
func (s *session) viewAsAssessed(run *store.Run) (report.Run, error) {
	undoes, err := undoOf(run)
	if err != nil {
		return report.Run{}, err
	}
	if undoes != "" {
		j, err := s.judge(run)
		if err != nil {
			return report.Run{}, err
		}
		return s.view(run, j)
	}
	log, err := s.sealedLog(run)
	if err != nil {
		return report.Run{}, err
	}
	assessed, err := cycle.WasAssessed(run, log)
	if err != nil {
		return report.Run{}, err
	}
	if !assessed {
		if _, _, err := s.assess(run); err != nil {
			return report.Run{}, err
		}
	}
	v, err := s.view(run, nil)
	if err != nil {
		return v, err
	}
	counts := v.Summary.Assessed
	if counts == nil {
		return v, fmt.Errorf("run %s: its summary lost the assessment meanwhile", run.ID())
	}
	v.Assessed, v.From = counts.At, counts.From
	for _, r := range counts.Rules {
		v.Rules = append(v.Rules, r.RuleInfo)
	}
	if counts.From != nil {
		v.Waivers, v.ChangedSince = counts.From.Exemptions, s.changedSince(*counts.From)
	}
	v.Assessments = func(yield func(keyrotor.Assessment) error) error {
		for a, err := range cycle.AsAssessed(run) {
			if err != nil {
				return err
			}
			if err := yield(a); err != nil {
				return err
			}
		}
		return nil
	}
	return v, nil
}

// sayChanged says that the run would be judged otherwise today, perhaps.
func (s *session) sayChanged(v report.Run) {
	if len(v.ChangedSince) == 0 {
		return
	}
	fmt.Fprintf(s.err, "! %s: the report shows it as it was assessed; keyrotor assess --run %s judges it anew\n", report.ChangedWords(v), v.Population.Run)
}

// sayOtherwise says that the verdicts of today need not be those on record.
func (s *session) sayOtherwise(run *store.Run, j *judging) error {
	summary, err := cycle.Summary(run)
	if err != nil || summary.Assessed == nil || summary.Assessed.From == nil {
		return err
	}
	changed := report.ChangedWords(report.Run{
		Population: keyrotor.Population{Run: run.ID()}, Assessed: summary.Assessed.At, ChangedSince: differ(*summary.Assessed.From, j.from),
	})
	if changed != "" {
		fmt.Fprintf(s.err, "! %s: this is judged by those of today\n", changed)
	}
	return nil
}

// changedSince names what a run was assessed from and is not the same any more.
// What cannot be read now is not what it was.
func (s *session) changedSince(from keyrotor.AssessedFrom) []string {
	return differ(from, keyrotor.AssessedFrom{Config: s.cfg.digest, Rules: s.rulesNow(), Waivers: s.waiversNow()})
}

func differ(then, now keyrotor.AssessedFrom) []string {
	var changed []string
	for _, c := range []struct {
		name      string
		then, now keyrotor.Digest
	}{{"configuration", then.Config, now.Config}, {"rules", then.Rules, now.Rules}, {"waivers", then.Waivers, now.Waivers}} {
		if c.then != c.now {
			changed = append(changed, c.name)
		}
	}
	return changed
}

// rulesNow is the digest of the rules as judge would load them.
func (s *session) rulesNow() keyrotor.Digest {
	var texts [][]byte
	for _, name := range s.cfg.Rules {
		text, err := s.packText(name)
		if err != nil {
			return ""
		}
		texts = append(texts, []byte(name), text)
	}
	return digestOf(texts...)
}

// waiversNow is the digest of the waivers as judge would load them, signed or not.
func (s *session) waiversNow() keyrotor.Digest {
	if s.cfg.Waivers == "" {
		return digestOf(nil)
	}
	text, err := readInput(s.cfg.path(s.cfg.Waivers), maxText)
	if err != nil {
		return ""
	}
	return digestOf(text)
}
