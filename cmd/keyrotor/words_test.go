package main

import (
	"testing"

	"github.com/keyrotor/keyrotor"
)

// What was rolled back was left out of the demo's line.
func TestEveryOutcomeIsCountedTheBestFirst(t *testing.T) {
	got := outcomeWords(map[keyrotor.OutcomeState]int{
		keyrotor.NotStarted: 8, keyrotor.Unproven: 7, keyrotor.Failed: 6, keyrotor.RolledBack: 5, keyrotor.Waiting: 4,
		keyrotor.Skipped: 3, keyrotor.Unchanged: 2, keyrotor.Succeeded: 1, "of-a-later-version": 9, "none": 0,
	})
	want := "1 succeeded · 2 unchanged · 3 skipped · 4 waiting · 5 rolled-back · 6 failed · 7 unproven · 8 not-started · 9 of-a-later-version"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
