package keyrotor

// What is asked before and after a step stands here once: apply's and verify's
// looks read these facts and no others, and a plan's budget counts their calls.

// ChangeTag is the tag that a key which a change makes carries from its first
// moment; its value is the change's token.
const ChangeTag = "keyrotor:change"

// GuardFacts are the facts, beside the description of the key, that speak for or
// against a step: what apply's fresh look reads before it.
func (s Step) GuardFacts() []string {
	switch s.Verb {
	case EnableRotation, SetPeriod, DisableRotation:
		return []string{FactRotation}
	case RotateNow:
		return []string{FactRotation, FactHistory}
	case TagKey, UntagKey:
		return []string{FactTags, FactPolicy}
	case CreateKey:
		return []string{FactTags} // of the key that holds the alias, if there is one
	default: // steps of a credential look at nothing of KMS, an alias at what CreateKey looked at
		return nil
	}
}

// LooksFirst reports whether apply takes a fresh look before the step: at its
// key, or at the alias of a key that is yet to be made. A key that an earlier
// step of the same change made has nothing that could speak against it.
func (s Step) LooksFirst() bool { return s.Target.ID != "" || s.Verb == CreateKey }

// LookCalls are the calls of apply's fresh look before the step, where nothing
// speaks against it.
func (s Step) LookCalls() []string {
	switch {
	case !s.LooksFirst():
		return nil
	case s.Verb == CreateKey:
		return []string{factCall(FactDescription)} // of the alias, which is not there
	}
	return factCalls(s.GuardFacts())
}

// PromiseFacts are the facts, beside the description of the key, by which verify
// tells whether steps are in effect.
func PromiseFacts(steps []Step) []string {
	var facts []string
	asked := map[string]bool{}
	for _, s := range steps {
		for _, f := range s.promiseFacts() {
			if !asked[f] {
				asked[f] = true
				facts = append(facts, f)
			}
		}
	}
	return facts
}

func (s Step) promiseFacts() []string {
	switch s.Verb {
	case EnableRotation, SetPeriod, DisableRotation:
		return []string{FactRotation}
	case RotateNow:
		return []string{FactRotation, FactHistory}
	case CreateKey:
		if len(s.Params.Tags) == 0 {
			return nil
		}
		return []string{FactTags}
	case CreateAlias:
		return []string{FactAliases}
	case TagKey, UntagKey:
		return []string{FactTags}
	default: // steps of a credential are proved by its own engine
		return nil
	}
}

// PromiseCalls are the calls of one look of verify at a change of such steps.
func PromiseCalls(steps []Step) []string { return factCalls(PromiseFacts(steps)) }

// factCalls are the calls of a look: the description of the key, then its facts.
func factCalls(facts []string) []string {
	calls := []string{factCall(FactDescription)}
	for _, f := range facts {
		calls = append(calls, factCall(f))
	}
	return calls
}

// factCall is the call by which a fact of a KMS key is read.
func factCall(fact string) string {
	return map[string]string{
		FactDescription: "kms:DescribeKey",
		FactRotation:    "kms:GetKeyRotationStatus",
		FactHistory:     "kms:ListKeyRotations",
		FactTags:        "kms:ListResourceTags",
		FactPolicy:      "kms:GetKeyPolicy",
		FactLastUse:     "kms:GetKeyLastUsage",
		FactGrants:      "kms:ListGrants",
		FactAliases:     "kms:ListAliases",
	}[fact]
}
