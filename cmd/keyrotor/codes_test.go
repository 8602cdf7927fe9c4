package main

import (
	"context"
	"errors"
	"testing"

	"github.com/keyrotor/keyrotor"
)

// A freeze alone ended with 5, as if something had failed; the next turn goes on.
func TestATurnThatOnlyAFreezeStoppedWaits(t *testing.T) {
	done := keyrotor.Outcome{State: keyrotor.Succeeded}
	frozen := keyrotor.Outcome{State: keyrotor.NotStarted, Reason: "frozen: end of the year"}
	doubtful := frozen
	doubtful.InDoubt = true
	broken := keyrotor.Outcome{State: keyrotor.NotStarted, Reason: "5 failures in account 111122223333"}
	for name, tt := range map[string]struct {
		outcomes []keyrotor.Outcome
		err      error
		want     int
	}{
		"by a freeze alone":           {[]keyrotor.Outcome{done, frozen}, nil, exitWaiting},
		"where something failed too":  {[]keyrotor.Outcome{frozen, {State: keyrotor.Failed}}, nil, exitPart},
		"where something is in doubt": {[]keyrotor.Outcome{doubtful}, nil, exitPart},
		"where a breaker came first":  {[]keyrotor.Outcome{frozen, broken}, nil, exitPart},
		"by ctrl-c":                   {[]keyrotor.Outcome{done, broken}, errors.Join(context.Canceled), exitWaiting},
		"by nothing":                  {[]keyrotor.Outcome{done}, nil, exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			s := &session{program: &program{}}
			s.codesOf(tt.outcomes, tt.err)
			if got := s.res.code(); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}
