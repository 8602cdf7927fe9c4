package sandbox

import (
	"encoding/base64"
	"encoding/binary"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func describeKey(c *call, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	out := &kms.DescribeKeyOutput{}
	return out, c.with(in.KeyId, toSee, func(k *key) error {
		out.KeyMetadata = k.metadata(c.Now)
		return nil
	})
}

func listKeys(c *call, in *kms.ListKeysInput) (*kms.ListKeysOutput, error) {
	limit, err := pageSize(in.Limit, 1000, 100)
	if err != nil {
		return nil, err
	}
	after, err := readMarker(in.Marker)
	if err != nil {
		return nil, err
	}
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.regionLocked(c.Region)
	r.sweep(c.Now)
	from := sort.Search(len(r.order), func(i int) bool { return r.order[i].seq > after })
	out := &kms.ListKeysOutput{Keys: make([]types.KeyListEntry, 0, min(limit, len(r.order)-from))}
	for _, k := range r.order[from:] {
		if k.seen(c.Now) == nil {
			continue
		}
		if len(out.Keys) == limit {
			out.Truncated, out.NextMarker = true, writeMarker(after)
			break
		}
		after = k.seq
		out.Keys = append(out.Keys, types.KeyListEntry{KeyId: new(k.id), KeyArn: new(k.arn())})
	}
	return out, nil
}

func getKeyLastUsage(c *call, in *kms.GetKeyLastUsageInput) (*kms.GetKeyLastUsageOutput, error) {
	out := &kms.GetKeyLastUsageOutput{KeyLastUsage: &types.KeyLastUsageData{}}
	return out, c.with(in.KeyId, toInspect, func(k *key) error {
		out.KeyId, out.KeyCreationDate = new(k.arn()), new(k.created)
		out.TrackingStartDate = new(trackedSince(k.created))
		if u := k.used; u != nil {
			out.KeyLastUsage = &types.KeyLastUsageData{
				Operation: u.operation, Timestamp: new(u.at),
				CloudTrailEventId: new(u.eventID), KmsRequestId: new(u.requestID),
			}
		}
		return nil
	})
}

// trackedSince is when KMS began to note uses: at creation, for older keys when
// the feature began.
func trackedSince(created time.Time) time.Time {
	began := time.Date(2026, time.April, 23, 0, 0, 0, 0, time.UTC)
	if created.Before(began) {
		return began
	}
	return created
}

// pageSize reads a page limit.
func pageSize(limit *int32, most, usual int) (int, error) {
	switch {
	case limit == nil:
		return usual, nil
	case *limit < 1:
		return 0, errf("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *limit)
	case int(*limit) > most:
		return 0, errf("ValidationException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *limit, most)
	}
	return int(*limit), nil
}

// A marker is opaque to clients: the number of the last item they were given.

func writeMarker(n uint64) *string {
	return new(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte("sandbox"), n)))
}

func readMarker(m *string) (uint64, error) {
	if m == nil || *m == "" {
		return 0, nil
	}
	b, err := base64.StdEncoding.DecodeString(*m)
	if err != nil || len(b) != 15 || string(b[:7]) != "sandbox" {
		return 0, errf("InvalidMarkerException", "Could not deserialize marker '%s'", *m)
	}
	return binary.BigEndian.Uint64(b[7:]), nil
}

// pageOf cuts a list into pages by position.
func pageOf[T any](all []T, limit int, marker *string) ([]T, *string, error) {
	from, err := readMarker(marker)
	if err != nil {
		return nil, nil, err
	}
	start := min(from, uint64(len(all)))
	all = all[start:]
	if len(all) <= limit {
		return all, nil, nil
	}
	return all[:limit], writeMarker(start + uint64(limit)), nil
}
