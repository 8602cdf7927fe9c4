package cycle

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
)

// Of ten keys that did not show yet each was waited for in turn.
func TestACanaryIsLookedAtAllAtOnce(t *testing.T) {
	const keys = 10
	var outcomes []keyrotor.Outcome
	byID := map[keyrotor.ChangeID]keyrotor.Change{}
	for n := range keys {
		id := keyrotor.ChangeID(fmt.Sprint("k", n))
		byID[id] = keyrotor.Change{ID: id, Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.EnableRotation}}}
		outcomes = append(outcomes, keyrotor.Outcome{Change: id, State: keyrotor.Succeeded})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var looking sync.WaitGroup
	looking.Add(keys)
	all := make(chan struct{})
	go func() { looking.Wait(); close(all) }()
	checked := secondLooks(ctx, byID, outcomes, ApplyOptions{
		Now: time.Now,
		Verify: func(ctx context.Context, _ keyrotor.Target, _ []string) (keyrotor.Asset, error) {
			looking.Done()
			select {
			case <-all: // the tenth look began while the first was under way
				return keyrotor.Asset{}, nil
			case <-ctx.Done():
				return keyrotor.Asset{}, ctx.Err()
			}
		},
	})
	if err := ctx.Err(); err != nil || len(checked) != keys {
		t.Errorf("%d looks, %v", len(checked), err)
	}
}
