package aws

import "github.com/keyrotor/keyrotor"

// Policy is what a scan keeps of a key's policy.
func Policy(document, account string) (*keyrotor.PolicyFacts, error) {
	s, err := summarize(document, account)
	if err != nil {
		return nil, err
	}
	return &s.facts, nil
}
