package main

import (
	"path/filepath"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/store"
)

// judging is what an assessment is made from, with the digests of its inputs.
type judging struct {
	assessor *assess.Assessor
	opts     assess.Options // of the assessor
	from     keyrotor.AssessedFrom
	before   cycle.Earlier // what earlier runs know
}

// judge loads rules and waivers and remembers what an earlier run saw.
func (s *session) judge(run *store.Run) (*judging, error) {
	j := &judging{from: keyrotor.AssessedFrom{Config: s.cfg.digest}}
	opts := assess.Options{Now: s.now().UTC(), CryptoperiodDays: s.cryptoperiodDays()}
	var texts [][]byte
	for _, name := range s.cfg.Rules {
		pack, text, err := s.pack(name)
		if err != nil {
			return nil, err
		}
		opts.Packs = append(opts.Packs, pack)
		texts = append(texts, []byte(name), text)
	}
	j.from.Rules = digestOf(texts...)
	waivers, text, err := s.waivers()
	if err != nil {
		return nil, err
	}
	opts.Waivers, j.from.Waivers, j.from.Exemptions = waivers, digestOf(text), exemptions(waivers)
	if j.before, err = s.before(run); err != nil {
		return nil, err
	}
	opts.Previous = j.before.WasOn
	opts.SwitchedOff = func(arn string) bool { return j.before.SwitchedOff(run.ID(), arn) }
	j.opts = opts
	j.assessor, err = newAssessor(opts)
	return j, err
}

// newAssessor puts rules and waivers together. That they do not fit each other
// is a mistake in the files that the user wrote.
func newAssessor(opts assess.Options) (*assess.Assessor, error) {
	a, err := assess.New(opts)
	if err != nil {
		return nil, &usageError{err}
	}
	return a, nil
}

// fits holds waivers against the rules of the configuration, before anybody
// signs them or calls the configuration good.
func (s *session) fits(w *assess.Waivers) error {
	packs, err := s.loadPacks()
	if err != nil {
		return err
	}
	_, err = newAssessor(assess.Options{Now: s.now().UTC(), CryptoperiodDays: s.cryptoperiodDays(), Packs: packs, Waivers: w})
	return err
}

// pack loads the built-in pack or one of the user's files.
func (s *session) pack(name string) (*assess.Pack, []byte, error) {
	if name == "builtin" {
		pack, err := assess.Builtin()
		if err != nil {
			return nil, nil, err
		}
		text, err := s.packText(name)
		return pack, text, err
	}
	text, err := s.packText(name)
	if err != nil {
		return nil, nil, usage("read the rule pack: %w", err)
	}
	pack, err := assess.LoadPack(s.cfg.path(name), text)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return pack, text, nil
}

// packText is what a pack is known by: its text, or for the built-in one its
// digest and the version that it is built into.
func (s *session) packText(name string) ([]byte, error) {
	if name == "builtin" {
		text := assess.BuiltinText()
		return []byte("builtin " + version + " " + string(digestOf(text[:]...))), nil
	}
	return readInput(s.cfg.path(name), maxText)
}

// waivers loads the waivers and checks their signature; nil when none are
// configured.
func (s *session) waivers() (*assess.Waivers, []byte, error) {
	if s.cfg.Waivers == "" {
		return nil, nil, nil
	}
	path := s.cfg.path(s.cfg.Waivers)
	text, err := readInput(path, maxText)
	if err != nil {
		return nil, nil, usage("read the waivers: %w", err)
	}
	sig, err := readInput(path+".sig", maxText)
	if err != nil {
		return nil, nil, &keyrotor.Refusal{What: "the waivers are not signed: " + path, Why: []string{"no " + filepath.Base(path) + ".sig beside it"},
			Next: "keyrotor waivers sign --key KEY " + pathWord(path)}
	}
	signers, _, err := s.signers()
	if err != nil {
		return nil, nil, err
	}
	who, err := approve.VerifyBytes(text, sig, approve.WaiversNamespace, signers, s.now().UTC())
	if err != nil {
		return nil, nil, &keyrotor.Refusal{
			What: "the signature of " + path + " does not hold", Why: []string{err.Error()},
			Next: "see who changed the waivers; then\nkeyrotor waivers sign --key KEY " + pathWord(path),
		}
	}
	w, err := assess.LoadWaivers(path, text, s.now().UTC(), who.Principal)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return w, text, s.knownApprovers(path, w, signers)
}

// exemptions are the waivers as the run records them.
func exemptions(w *assess.Waivers) []keyrotor.Exemption {
	if w == nil {
		return nil
	}
	var all []keyrotor.Exemption
	for _, l := range w.List() {
		all = append(all, keyrotor.Exemption{Rule: l.Rule, Match: l.Match, Reason: l.Reason, Until: l.Until, Approver: l.Approver, Signer: l.Signer})
	}
	return all
}

func (s *session) cryptoperiodDays() int {
	return int(time.Duration(s.cfg.Cryptoperiod) / (24 * time.Hour))
}
