package aws

import (
	"context"
	"errors"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
)

// Page limits: the most entries that each list call gives at once.
const (
	listKeysLimit      = 1000
	listAliasesLimit   = 100
	listRotationsLimit = 1000
	listTagsLimit      = 50
	listGrantsLimit    = 100
)

// How many pages of a list are read at most: more than any account can have,
// even where the pages come nearly empty, so that an endpoint whose lists never
// end costs a gap and not the scan. The quotas of AWS beside them:
const (
	mostKeyPages      = 10_000  // 100,000 keys a Region are 100 full pages
	mostAliasPages    = 100_000 // 50 aliases for each of 100,000 keys are 50,000
	mostRotationPages = 1_000   // 25 on-demand rotations, and one each 90 days, fit one
	mostTagPages      = 100     // 50 tags fit one; of one tag each they are 50
	mostGrantPages    = 5_000   // 50,000 grants a key are 500
	mostAccountPages  = 10_000  // 50,000 accounts are 2,500 of 20
	mostRegionPages   = 100     // some 40 Regions fit one
)

// pager is what the SDK's paginators have in common.
type pager[Out, Option any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*Option)) (*Out, error)
}

// errEnough is returned by who reads pages and needs no more of them.
var errEnough = errors.New("enough")

// eachPage reads a list to its end. each takes one page and returns the marker
// of the next one. A marker that comes again leads round in a circle: with the
// SDK's StopOnDuplicateToken that would pass for the end of the list.
func eachPage[Out, Option any](ctx context.Context, pages pager[Out, Option], most int, each func(*Out) (next *string, err error)) error {
	var seen map[string]bool // of markers; most lists have one page and none
	for n := 0; pages.HasMorePages(); n++ {
		if n == most {
			return &unbelievable{codeEndless, fmt.Sprintf("the list does not end within %d pages", most)}
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		next, err := each(page)
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
		marker := awssdk.ToString(next)
		if marker == "" {
			continue
		}
		if seen[marker] {
			return &unbelievable{codeEndless, "the list leads back to a page that was read"}
		}
		if seen == nil {
			seen = make(map[string]bool)
		}
		seen[marker] = true
	}
	return nil
}
