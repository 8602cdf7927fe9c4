package aws

import (
	"sync"

	"github.com/keyrotor/keyrotor"
)

// policyCache remembers what policies say, by their text: most keys of an
// account have one of very few. It forgets all when it is full.
type policyCache struct {
	mu     sync.Mutex
	byText map[string]*keyrotor.PolicyFacts
}

const (
	rememberedPolicies = 64
	// longestRemembered keeps the cache small; KMS takes policies up to 32 KB.
	longestRemembered = 4096
)

// summary is Policy for a key of the reader's account. The result is the
// caller's to change, but for what its lists hold.
func (c *policyCache) summary(document, account string) (*keyrotor.PolicyFacts, error) {
	c.mu.Lock()
	known := c.byText[document]
	c.mu.Unlock()
	if known == nil {
		made, err := Policy(document, account)
		if err != nil {
			return nil, err
		}
		known = made
		c.remember(document, made)
	}
	facts := *known
	return &facts, nil
}

func (c *policyCache) remember(document string, facts *keyrotor.PolicyFacts) {
	if len(document) > longestRemembered {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byText == nil || len(c.byText) >= rememberedPolicies {
		c.byText = make(map[string]*keyrotor.PolicyFacts)
	}
	c.byText[document] = facts
}
