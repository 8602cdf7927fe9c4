package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"golang.org/x/sync/errgroup"
)

// crew reads the keys of one place. Its workers stay for the next key, because
// the SDK's calls are deep and a new goroutine would grow its stack for every
// key anew; they come one by one, when a key finds nobody idle, and hold one of
// the estate's slots only while they read.
type crew struct {
	place   *placeScan
	group   *errgroup.Group
	ctx     context.Context // ends with the first error
	keys    chan kmstypes.KeyListEntry
	workers int
}

func newCrew(ctx context.Context, p *placeScan) *crew {
	c := &crew{place: p, keys: make(chan kmstypes.KeyListEntry)}
	c.group, c.ctx = errgroup.WithContext(ctx)
	return c
}

// hand gives the key to a worker, and waits for one where all are busy.
func (c *crew) hand(key kmstypes.KeyListEntry) error {
	select {
	case c.keys <- key:
		return nil
	default:
	}
	if c.workers < cap(c.place.slots) {
		c.workers++
		c.group.Go(c.work)
	}
	select {
	case c.keys <- key:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// dismiss waits until all keys that were handed over are read.
func (c *crew) dismiss() error {
	close(c.keys)
	return c.group.Wait()
}

func (c *crew) work() error {
	for key := range c.keys {
		select {
		case c.place.slots <- struct{}{}:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
		err := c.place.read(c.ctx, awssdk.ToString(key.KeyId), awssdk.ToString(key.KeyArn))
		<-c.place.slots
		if err != nil {
			return err
		}
	}
	return nil
}
