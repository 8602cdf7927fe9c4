package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// session is a program with its configuration and state opened.
type session struct {
	*program
	cfg   *Config
	state *store.State
}

func (p *program) open() (*session, error) {
	if !slices.Contains(report.Formats(), p.flags.output) {
		return nil, usage("--output %s: one of %v", p.flags.output, report.Formats())
	}
	cfg, err := loadConfig(p.flags.config)
	if err != nil {
		return nil, err
	}
	dir := p.flags.state
	if dir == "" {
		dir = cfg.path(cfg.State)
	}
	state, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	p.style.All = p.flags.all
	return &session{program: p, cfg: cfg, state: state}, nil
}

// text reports whether results are meant for people.
func (p *program) text() bool { return p.flags.output == string(report.Text) }

// format is the format of results for programs.
func (p *program) format() report.Format { return report.Format(p.flags.output) }

// currentRun is the run of --run, else the latest that surveyed the estate: the
// few keys of an undo must not pass for the inventory.
func (s *session) currentRun() (*store.Run, error) {
	return s.latest(isSurvey, "there is no run yet in "+s.state.Dir(), "keyrotor scan")
}

// plannedRun is the run of --run, else the latest survey or planned undo.
func (s *session) plannedRun() (*store.Run, error) {
	return s.latest(func(r *store.Run) (bool, error) {
		survey, err := isSurvey(r)
		if survey || err != nil {
			return survey, err
		}
		return has(r, cycle.FilePlan)
	}, "there is no run yet in "+s.state.Dir(), "keyrotor scan")
}

// appliedRun is the run of --run, else the latest that apply worked on.
func (s *session) appliedRun() (*store.Run, error) {
	return s.latest(func(r *store.Run) (bool, error) { return has(r, cycle.FileOutcomes) },
		"no run in "+s.state.Dir()+" has been applied", "keyrotor apply PLAN.json")
}

// latest is the newest run that is meant, unless --run names another.
func (s *session) latest(meant func(*store.Run) (bool, error), none, next string) (*store.Run, error) {
	if s.flags.run != "" {
		run, err := s.state.Run(keyrotor.RunID(s.flags.run))
		if errors.Is(err, keyrotor.ErrNotFound) {
			return nil, usage("--run: %w", err)
		}
		return run, err
	}
	ids, err := s.state.Runs()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		run, err := s.state.Run(id)
		if err != nil {
			return nil, err
		}
		if yes, err := meant(run); err != nil || yes {
			return run, err
		}
	}
	return nil, &keyrotor.Refusal{What: none, Now: "nothing was read or changed", Next: next}
}

// isSurvey reports whether a run finished a scan of the estate.
func isSurvey(run *store.Run) (bool, error) {
	if scanned, err := has(run, cycle.FileInventory); err != nil || !scanned {
		return false, err
	}
	summary, err := cycle.Summary(run)
	if err != nil {
		return false, err
	}
	return summary.Population == nil || summary.Population.Undoes == "", nil
}

// has reports whether a run holds a file.
func has(run *store.Run, name string) (bool, error) {
	f, err := run.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// estate opens AWS with the configured roles.
func (s *session) estate(ctx context.Context, run keyrotor.RunID, with []string) (*aws.Estate, error) {
	cfg := s.cfg.estate(run)
	cfg.With, cfg.Now = append(cfg.With, with...), s.now
	return aws.Open(ctx, cfg)
}

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
	j.assessor, err = assess.New(opts)
	return j, err
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
	return w, text, nil
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

// signers loads the allowed signers.
func (s *session) signers() (*approve.AllowedSigners, []byte, error) {
	if s.cfg.Approval.Signers == "" {
		return nil, nil, &keyrotor.Refusal{
			What: "no allowed signers are configured", Why: []string{"approvals are checked against approval.signers, a file in OpenSSH's allowed_signers format"},
			Next: `write "you@example.com ssh-ed25519 AAAA…" into allowed_signers and set approval.signers in keyrotor.yaml`,
		}
	}
	path := s.cfg.path(s.cfg.Approval.Signers)
	text, err := readInput(path, maxText)
	if err != nil {
		return nil, nil, usage("read the allowed signers: %w", err)
	}
	signers, err := approve.ParseAllowedSigners(path, text)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	return signers, text, nil
}

func (s *session) cryptoperiodDays() int {
	return int(time.Duration(s.cfg.Cryptoperiod) / (24 * time.Hour))
}

// needs are the approvals a plan made now will ask for.
func (s *session) needs() keyrotor.Needs {
	return keyrotor.Needs{
		Approvals: *s.cfg.Approval.Needed, AuthorMayApprove: s.cfg.Approval.AuthorMayApprove,
		ValidHours: int(time.Duration(s.cfg.Approval.Valid) / time.Hour),
	}
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
