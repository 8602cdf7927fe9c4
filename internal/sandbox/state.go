package sandbox

import (
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// account is the state of one AWS account. One lock covers all its Regions, so
// that a multi-Region key and its replicas change together.
type account struct {
	id string
	s  *Sandbox

	mu      sync.Mutex
	regions map[string]*kmsRegion
}

// account returns the state of an account, made on first use.
func (s *Sandbox) account(id string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[id]
	if a == nil {
		a = &account{id: id, s: s, regions: map[string]*kmsRegion{}}
		s.accounts[id] = a
	}
	return a
}

// kmsRegion is the KMS of one account in one Region. All but the names is
// guarded by the account's lock.
type kmsRegion struct {
	account *account
	name    string

	keys    map[string]*key
	order   []*key // by the number each was given: the order of ListKeys
	nextSeq uint64
	aliases map[string]*alias
	sorted  []*alias // by name; nil after a change
	grants  map[string]*grant
	stores  []*keyStore // in the order they came
	// firstDeath is the earliest deletion date, so that ListKeys need not ask every key.
	firstDeath time.Time
}

type alias struct {
	name             string // with alias/
	target           *key   // nil for an AWS alias whose key does not exist yet
	created, updated time.Time
}

type grant struct {
	id, token string
	key       *key
	created   time.Time
	entry     types.GrantListEntry
}

// regionLocked returns the KMS of a Region, made on first use; a.mu is held.
func (a *account) regionLocked(name string) *kmsRegion {
	r := a.regions[name]
	if r == nil {
		r = &kmsRegion{
			account: a, name: name,
			keys: map[string]*key{}, aliases: map[string]*alias{}, grants: map[string]*grant{},
		}
		a.regions[name] = r
	}
	return r
}

func (r *kmsRegion) arn(resource string) string {
	return "arn:" + partitionOf(r.name) + ":kms:" + r.name + ":" + r.account.id + ":" + resource
}

// add enters a key under its id.
func (r *kmsRegion) add(k *key) {
	r.nextSeq++
	k.seq = r.nextSeq
	k.region = r
	r.keys[k.id] = k
	r.order = append(r.order, k)
}
