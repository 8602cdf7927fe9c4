package aws

import "sync"

// policyCache remembers what policies say, by their text: most keys of an
// account have one of very few. It forgets all when it is full.
type policyCache struct {
	mu     sync.Mutex
	byText map[string]*policySummary
}

const (
	rememberedPolicies = 64
	// longestRemembered keeps the cache small; KMS takes policies up to 32 KB.
	longestRemembered = 4096
)

// summary is what the policy of a key of the reader's account says. It is shared.
func (c *policyCache) summary(document, account string) (*policySummary, error) {
	c.mu.Lock()
	known := c.byText[document]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	made, err := summarize(document, account)
	if err != nil {
		return nil, err
	}
	c.remember(document, made)
	return made, nil
}

func (c *policyCache) remember(document string, said *policySummary) {
	if len(document) > longestRemembered {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byText == nil || len(c.byText) >= rememberedPolicies {
		c.byText = make(map[string]*policySummary)
	}
	c.byText[document] = said
}
