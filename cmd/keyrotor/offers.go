package main

import (
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// offers is how many keys a plan could do something for, so that no command
// proposes a plan of nothing.
type offers struct {
	settings int // to switch on, or to give a shorter period
	overdue  int // to rotate once
}

func offersOf(all report.Stream) (offers, error) {
	var o offers
	err := all(func(a keyrotor.Assessment) error {
		if settable(a) {
			o.settings++
		}
		if overdue(a) {
			o.overdue++
		}
		return nil
	})
	return o, err
}

// settable reports whether a plan may set the rotation of a key. Of a rule of the
// user's own nobody knows what cures it: a plan may.
func settable(a keyrotor.Assessment) bool {
	if a.View != keyrotor.ViewTarget && a.View != keyrotor.ViewRotating {
		return false
	}
	for _, f := range a.Findings {
		verb, known := plan.Remedy(f.Rule)
		if f.Verdict == keyrotor.Fail && (!known || verb == keyrotor.EnableRotation || verb == keyrotor.SetPeriod) {
			return true
		}
	}
	return false
}

// overdue reports whether a key is past its cryptoperiod and can be rotated once.
func overdue(a keyrotor.Assessment) bool {
	if a.Eligibility.Ability != keyrotor.Automatic && a.Eligibility.Ability != keyrotor.OnDemand {
		return false
	}
	if k := a.Asset.KMS; k != nil && k.History != nil && k.History.OnDemandLeft() == 0 {
		return false
	}
	for _, f := range a.Findings {
		if verb, _ := plan.Remedy(f.Rule); f.Verdict == keyrotor.Fail && verb == keyrotor.RotateNow {
			return true
		}
	}
	return false
}

// afterAssess is what a plan could do now; where it could do nothing, the report,
// and where the run was applied, a scan: it takes no second plan.
func (s *session) afterAssess(run *store.Run, all report.Stream, choice string) ([]report.Next, error) {
	if begun, err := carriedOut(run); err != nil || begun {
		return s.nexts(report.Next{Command: "keyrotor scan", About: "this run was applied: what is so now, a new scan sees"}), err
	}
	o, err := offersOf(all)
	if err != nil {
		return nil, err
	}
	var next []report.Next
	if o.settings > 0 {
		next = append(next, report.Next{Command: "keyrotor plan" + choice, About: "propose to turn rotation on where it is off"})
	}
	if o.overdue > 0 {
		next = append(next, report.Next{Command: "keyrotor plan --rotate-overdue" + choice, About: "and rotate once what is past its cryptoperiod"})
	}
	if len(next) == 0 {
		next = []report.Next{{Command: "keyrotor report", About: "there is nothing to plan; one HTML file to forward"}}
	}
	return s.nexts(next...), nil
}

// afterNothing is what helps where a plan had nothing to change.
func (s *session) afterNothing(run *store.Run, f planFlags) (string, error) {
	keep, err := s.selected(f.selection)
	if err != nil {
		return "", err
	}
	j, err := s.judge(run)
	if err != nil {
		return "", err
	}
	all := stream(run, j)
	o, err := offersOf(func(yield func(keyrotor.Assessment) error) error {
		return all(func(a keyrotor.Assessment) error {
			if !keep.holds(a.Asset) {
				return nil
			}
			return yield(a)
		})
	})
	switch {
	case err != nil:
		return "", err
	case o.overdue > 0 && !f.rotateOverdue:
		choice := ""
		if f.selection != "" {
			choice = " --select " + quoted(f.selection)
		}
		return "keyrotor plan --rotate-overdue" + choice + "   rotates once what is past its cryptoperiod: " + count(o.overdue, "key"), nil
	}
	return "keyrotor report   one HTML file to forward\nkeyrotor scan   looks anew", nil
}
