package main

import (
	"cmp"
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/aws"
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
	cfg, err := loadConfig(p.flags.config)
	if err != nil {
		return nil, err
	}
	dir, named := p.flags.state, "--state"
	if dir == "" {
		dir, named = cfg.path(cfg.State), "state in "+cmp.Or(p.flags.config, defaultConfigFile)
	}
	state, err := store.Open(dir)
	if err != nil {
		return nil, noFolder(named, err)
	}
	p.style.All = p.flags.all
	return &session{program: p, cfg: cfg, state: state}, nil
}

// noFolder makes a state that is no folder, lies in none, or has a name that no
// folder can have, the mistake of who named it.
func noFolder(named string, err error) error {
	var problem *keyrotor.Problem
	if errors.As(err, &problem) {
		problem.Err = &usageError{problem.Err}
		return err
	}
	for _, name := range []error{syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ELOOP} {
		if errors.Is(err, name) {
			return usageNext("name another folder: state in the configuration, or --state DIR", "%s: %w", named, err)
		}
	}
	return err
}

// text reports whether results are meant for people.
func (p *program) text() bool { return p.flags.output == string(report.Text) }

// format is the format of results for programs.
func (p *program) format() report.Format { return report.Format(p.flags.output) }

// estate opens AWS with the configured roles.
func (s *session) estate(ctx context.Context, run keyrotor.RunID, with []string) (*aws.Estate, error) {
	cfg := s.cfg.estate(run)
	cfg.With, cfg.Now = append(cfg.With, with...), s.now
	return aws.Open(ctx, cfg)
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

// needs are the approvals a plan made now will ask for.
func (s *session) needs() keyrotor.Needs {
	return keyrotor.Needs{
		Approvals: *s.cfg.Approval.Needed, AuthorMayApprove: s.cfg.Approval.AuthorMayApprove,
		ValidHours: int(time.Duration(s.cfg.Approval.Valid) / time.Hour),
	}
}
