package aws

import (
	"context"
	"fmt"
	"slices"
	"sync"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/keyrotor/keyrotor"
)

// Scan reads all keys of the place:
//
//	ListAliases (once, all) ▶ ListKeys ▶ per key: DescribeKey and what fits it ▶ ListKeys again
//
// Keys are read while the listing goes on, as many at once as the estate has
// slots. Of the keys of a place only the ids stay in memory, for the comparison
// of the two listings.
func (s *kmsSource) Scan(ctx context.Context, emit func(keyrotor.Asset) error, gap func(keyrotor.Gap)) (keyrotor.Place, error) {
	t := &trace{}
	ctx = withTrace(ctx, t)
	scan := &placeScan{
		reader: s.estate.reader(s.at, RoleScan, s.org),
		slots:  s.estate.slots,
		at:     s.at,
		emit:   emit,
		gap:    gap,
	}
	scan.at.Started = s.estate.cfg.Now().UTC()
	err := scan.run(ctx)
	scan.at.Ended = s.estate.cfg.Now().UTC()
	scan.at.Calls = t.counts()
	return scan.at, err
}

// placeScan is one reading of one place.
type placeScan struct {
	reader *keyReader
	slots  chan struct{}
	emit   func(keyrotor.Asset) error
	gap    func(keyrotor.Gap)

	mu   sync.Mutex
	at   keyrotor.Place
	gaps int
}

func (p *placeScan) run(ctx context.Context) error {
	aliases, err := p.aliases(ctx)
	if err != nil {
		return err
	}
	p.reader.aliases = aliases

	first := make(map[string]bool)
	crew := newCrew(ctx, p)
	listErr := p.list(crew.ctx, func(key kmstypes.KeyListEntry) error {
		id := awssdk.ToString(key.KeyId)
		if first[id] {
			return nil // listed twice: the listing moved under the pages
		}
		first[id] = true
		return crew.hand(key)
	})
	if err := crew.dismiss(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.at.Listed = len(first)
	if listErr != nil {
		p.refused("kms:ListKeys", listErr)
		p.at.Status = keyrotor.PlacePartial
		if len(first) == 0 {
			p.at.Status = keyrotor.PlaceGap
		}
		return nil
	}
	return p.compare(ctx, first)
}

// aliases are the alias names of the Region by key id. One listing replaces a
// call per key. Refused, the keys are read without, and say so.
func (p *placeScan) aliases(ctx context.Context) (map[string][]string, error) {
	byKey := make(map[string][]string)
	pages := kms.NewListAliasesPaginator(p.reader.client, &kms.ListAliasesInput{Limit: awssdk.Int32(listAliasesLimit)})
	err := eachPage(ctx, pages, mostAliasPages, func(page *kms.ListAliasesOutput) (*string, error) {
		for _, a := range page.Aliases {
			// Aliases of AWS managed keys that do not exist yet have no target. A name
			// may come twice where the listing moved under the pages.
			id, name := awssdk.ToString(a.TargetKeyId), awssdk.ToString(a.AliasName)
			if id != "" && !slices.Contains(byKey[id], name) {
				byKey[id] = append(byKey[id], name)
			}
		}
		return page.NextMarker, nil
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		p.refused("kms:ListAliases", err)
		p.reader.aliasRefusal = &keyrotor.Unread{Fact: keyrotor.FactAliases, Call: "kms:ListAliases", Code: refusal("kms:ListAliases", err).Code}
	}
	return byKey, nil
}

// list calls each for every key until one returns an error.
func (p *placeScan) list(ctx context.Context, each func(kmstypes.KeyListEntry) error) error {
	pages := kms.NewListKeysPaginator(p.reader.client, &kms.ListKeysInput{Limit: awssdk.Int32(listKeysLimit)})
	return eachPage(ctx, pages, mostKeyPages, func(page *kms.ListKeysOutput) (*string, error) {
		for _, key := range page.Keys {
			if err := each(key); err != nil {
				return nil, err
			}
		}
		return page.NextMarker, nil
	})
}

func (p *placeScan) read(ctx context.Context, id, arn string) error {
	asset, gaps, err := p.reader.read(ctx, id, arn)
	if err != nil {
		return fmt.Errorf("kms key %s: %w", id, err)
	}
	for _, g := range gaps {
		p.gap(g)
	}
	p.count(asset, len(gaps))
	return p.emit(asset)
}

func (p *placeScan) count(a keyrotor.Asset, gaps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gaps += gaps
	if a.Refused(keyrotor.FactDescription) {
		p.at.Unreadable++
		return
	}
	p.at.Described++
	if a.KMS.AWSManaged() {
		p.at.AWSManaged++
	} else {
		p.at.Customer++
	}
}

// compare lists again and names the keys that came or went meanwhile.
func (p *placeScan) compare(ctx context.Context, first map[string]bool) error {
	seen := make(map[string]bool, len(first))
	err := p.list(ctx, func(key kmstypes.KeyListEntry) error {
		id := awssdk.ToString(key.KeyId)
		if !first[id] && !seen[id] {
			p.at.Born = append(p.at.Born, id)
		}
		seen[id] = true
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		p.refused("kms:ListKeys", err)
	} else {
		for id := range first {
			if !seen[id] {
				p.at.Gone = append(p.at.Gone, id)
			}
		}
	}
	slices.Sort(p.at.Born)
	slices.Sort(p.at.Gone)
	p.at.Status = keyrotor.PlaceRead
	if p.gaps > 0 {
		p.at.Status = keyrotor.PlacePartial
	}
	return nil
}

// refused records a gap of the place as a whole.
func (p *placeScan) refused(call string, err error) {
	g := refusal(call, err)
	g.Account, g.Region = p.at.Account, p.at.Region
	p.gap(g)
	p.gaps++
}
