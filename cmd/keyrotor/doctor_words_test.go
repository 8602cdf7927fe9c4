package main

import (
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor/internal/aws"
)

func TestTheDoctorsLastLineAgreesWithWhatStandsAbove(t *testing.T) {
	ok := aws.DoctorCheck{Status: aws.CheckOK}
	told := aws.DoctorCheck{Status: aws.CheckWarn} // to be known, with nothing to mend
	warned := aws.DoctorCheck{Status: aws.CheckWarn, Fix: "name a file"}
	failed := aws.DoctorCheck{Status: aws.CheckFailed, Fix: "allow it"}
	foreseen := aws.DoctorCheck{Status: aws.CheckForeseen}
	for name, tc := range map[string]struct {
		checks      []aws.DoctorCheck
		words, next string
	}{
		"all is well":                    {[]aws.DoctorCheck{ok, told}, "nothing to mend there", "keyrotor scan"},
		"a warning is there to mend":     {[]aws.DoctorCheck{ok, warned}, "1 to mend: 0 failed, 1 warning", "AGAIN   once"},
		"a fault and two warnings":       {[]aws.DoctorCheck{warned, failed, warned}, "3 to mend: 1 failed, 2 warnings", "keyrotor iam-policy "},
		"what is foreseen is not mended": {[]aws.DoctorCheck{ok, foreseen}, "nothing to mend there, 1 foreseen", "keyrotor scan"},
		"foreseen beside a fault":        {[]aws.DoctorCheck{foreseen, failed}, "1 to mend: 1 failed, 0 warnings, 1 foreseen", "keyrotor iam-policy "},
	} {
		t.Run(name, func(t *testing.T) {
			if got := toMend(tc.checks); got != tc.words {
				t.Errorf("got %q, want %q", got, tc.words)
			}
			if got := afterDoctor(tc.checks, "AGAIN"); !strings.HasPrefix(got, tc.next) {
				t.Errorf("next is %q, want it to begin with %q", got, tc.next)
			}
		})
	}
}
