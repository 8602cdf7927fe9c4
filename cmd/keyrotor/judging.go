package main

import (
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// judging is what an assessment is made from, with the digests of its inputs.
type judging struct {
	assessor *assess.Assessor
	waivers  []report.Waiver
	rules    keyrotor.Digest
	waived   keyrotor.Digest
}

// judge loads rules and waivers and remembers what an earlier run saw.
func (s *session) judge(run *store.Run) (*judging, error) {
	j := &judging{}
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
	j.rules = digestOf(texts...)
	waivers, text, err := s.waivers()
	if err != nil {
		return nil, err
	}
	opts.Waivers, j.waived = waivers, digestOf(text)
	j.waivers = listed(waivers)
	previous, err := s.previous(run)
	if err != nil {
		return nil, err
	}
	if previous != nil {
		opts.Previous = func(arn string) (bool, bool) {
			on, known := previous[arn]
			return on, known
		}
	}
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
		return pack, []byte("builtin " + version), err
	}
	path := s.cfg.path(name)
	text, err := readInput(path, maxText)
	if err != nil {
		return nil, nil, usage("read the rule pack: %w", err)
	}
	pack, err := assess.LoadPack(path, text)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return pack, text, nil
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
			Next: "keyrotor waivers sign --key KEY " + path}
	}
	signers, _, err := s.signers()
	if err != nil {
		return nil, nil, err
	}
	who, err := approve.VerifyBytes(text, sig, approve.WaiversNamespace, signers, s.now().UTC())
	if err != nil {
		return nil, nil, &keyrotor.Refusal{
			What: "the signature of " + path + " does not hold", Why: []string{err.Error()},
			Next: "see who changed the waivers; then keyrotor waivers sign --key KEY " + path,
		}
	}
	w, err := assess.LoadWaivers(path, text, s.now().UTC(), who.Principal)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return w, text, s.knownApprovers(path, w, signers)
}

// previous is which keys were rotating in the run before this one; nil when
// there is none that finished its scan.
func (s *session) previous(run *store.Run) (map[string]bool, error) {
	runs, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(runs) {
		if id >= run.ID() {
			continue
		}
		earlier, err := s.state.Run(id)
		if err != nil {
			return nil, err
		}
		summary, err := cycle.Summary(earlier)
		if err != nil {
			return nil, err
		}
		if summary.Population != nil && summary.Population.Undoes != "" {
			continue // it saw the few keys of an undo, and says nothing of the others
		}
		var refusal *keyrotor.Refusal
		on, err := cycle.RotationOn(earlier)
		if errors.As(err, &refusal) {
			continue // that scan did not finish
		}
		return on, err
	}
	return nil, nil
}

// listed are the waivers as reports show them.
func listed(w *assess.Waivers) []report.Waiver {
	if w == nil {
		return nil
	}
	var all []report.Waiver
	for _, l := range w.List() {
		all = append(all, report.Waiver{Match: l.Match, Rule: l.Rule, Reason: l.Reason, Until: l.Until, Signer: l.Signer})
	}
	return all
}

func (s *session) cryptoperiodDays() int {
	return int(time.Duration(s.cfg.Cryptoperiod) / (24 * time.Hour))
}
