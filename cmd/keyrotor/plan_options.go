package main

import (
	"cmp"
	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/store"
)

// planOptions ties the plan to its author and to the digests of its inputs.
func (s *session) planOptions(run *store.Run, f planFlags, j *judging) (plan.Options, error) {
	inventory, err := cycle.DigestOf(run, cycle.FileInventory)
	if err != nil {
		return plan.Options{}, err
	}
	summary, err := cycle.Summary(run)
	if err != nil {
		return plan.Options{}, err
	}
	signers, signersText, err := s.signers()
	if err != nil {
		return plan.Options{}, err
	}
	stillFails, err := j.stillFails()
	if err != nil {
		return plan.Options{}, err
	}
	o := plan.Options{
		StillFails: stillFails,
		Run:        run.ID(), Ticket: f.ticket, Reason: f.reason, Needs: s.needs(),
		Inputs: keyrotor.Inputs{
			Inventory: inventory, Config: s.cfg.digest, Rules: j.from.Rules, Waivers: j.from.Waivers, Signers: digestOf(signersText),
		},
		PeriodDays: f.period, RulePeriod: rulePeriod(j.assessor.Rules()), PeriodOf: periodOf(j.assessor.Rules()), RotateOverdue: f.rotateOverdue, CryptoperiodDays: s.cryptoperiodDays(),
		Canary: s.cfg.Apply.Canary, EnvTag: s.cfg.Tags.Env, ProductionValues: s.cfg.Tags.Production, Now: s.now().UTC(),
		Limits: s.limits(),
	}
	var accounts []keyrotor.Account
	if summary.Population != nil {
		accounts = summary.Population.Accounts
	}
	if o.Judge, err = j.newKeys(s.cfg.Tags.Owner, accounts); err != nil {
		return plan.Options{}, err
	}
	if summary.Population != nil {
		o.Inputs.InventoryTaken = summary.Population.Ended
		o.Author.Identity = summary.Population.Identity
		o.Management = managementOf(summary.Population.Accounts)
	}
	identity := o.Author.Identity
	if o.Author, err = s.author(signers, f.authorKey); err != nil {
		return plan.Options{}, err
	}
	o.Author.Identity = identity
	return o, s.checkNeeded(signers)
}

// managementOf is the management account, "" where it is not among them.
func managementOf(accounts []keyrotor.Account) string {
	for _, a := range accounts {
		if a.Management {
			return a.ID
		}
	}
	return ""
}

// rulePeriod is the shortest period that an asset's failing rules ask for.
func rulePeriod(rules []keyrotor.RuleInfo) func(keyrotor.Assessment) int {
	period := periodOf(rules)
	return func(a keyrotor.Assessment) int {
		shortest := 0
		for _, id := range a.Failed() {
			if days := period(id); days > 0 && (shortest == 0 || days < shortest) {
				shortest = days
			}
		}
		return shortest
	}
}

// periodOf is the period that a rule asks for, 0 for none.
func periodOf(rules []keyrotor.RuleInfo) func(string) int {
	periods := map[string]int{}
	for _, r := range rules {
		periods[r.ID] = r.PeriodDays
	}
	return func(rule string) int { return periods[rule] }
}

// author is the SSH key by which the author of a plan is known, and whose it is.
// Where authors may not approve, it must be somebody's in allowed_signers: with
// a key that nobody knows, the same person could make a plan and sign it.
func (s *session) author(signers *approve.AllowedSigners, file string) (keyrotor.Author, error) {
	keys, err := s.ownKeys(file)
	if err != nil && s.needs().AuthorMayApprove && cmp.Or(file, s.env("KEYROTOR_SSH_KEY")) == "" {
		return keyrotor.Author{}, nil // nobody asked for a key, and the agent that might have one is gone
	}
	if err != nil {
		return keyrotor.Author{}, err
	}
	var a keyrotor.Author
	for _, k := range keys {
		for _, namespace := range []string{approve.Namespace, approve.AuthorNamespace} {
			if who := signers.PrincipalsOf(k, namespace, s.now().UTC()); len(who) > 0 {
				return keyrotor.Author{Key: fingerprintOf(k), Principal: who[0]}, nil
			}
			// A pattern names nobody; whoever else signs with a key of it is one
			// person with this one all the same.
			if len(signers.Patterns(k, namespace, s.now().UTC())) > 0 {
				return keyrotor.Author{Key: fingerprintOf(k)}, nil
			}
		}
		a.Key = fingerprintOf(k)
	}
	if s.needs().AuthorMayApprove {
		return a, nil
	}
	refusal := &keyrotor.Refusal{
		What: "nobody knows who makes this plan", Why: []string{"the author of a plan may not approve it, so the plan must name one of the author's keys"},
		Now: "nothing was changed", Next: s.again("--author-key", "KEY.pub") + "   KEY.pub is your SSH public key; or load it into the ssh-agent",
	}
	if a.Key != "" {
		why, next := s.noAuthor(signers, keys)
		refusal.Why, refusal.Next = append(refusal.Why, why...), next
	}
	return keyrotor.Author{}, refusal
}
