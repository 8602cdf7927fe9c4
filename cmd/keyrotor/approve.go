package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// approveFlags say what is chosen and who signs.
type approveFlags struct {
	all                bool
	selection, key, as string
	ids                []string
	file               string
	valid              time.Duration
	chooseOnly         bool
}

func (p *program) approveCmd() *cobra.Command {
	var f approveFlags
	cmd := &cobra.Command{
		Use:   "approve PLAN.json",
		Short: "Choose from a plan, and sign what was chosen",
		Long: `Approve signs a plan's digest with your SSH key (agent or file), in the format of
ssh-keygen -Y. Choosing fewer changes makes a narrower plan with a digest of its
own, before anyone signs; once somebody has signed, a plan can only be signed whole.

In a terminal a full-screen list opens to look through, filter and choose.
Elsewhere say what to choose: --all, --select or --ids.`,
		Example: `  keyrotor approve plan.json
  keyrotor approve --all --key ~/.ssh/id_ed25519 plan.json
  keyrotor approve --select 'asset.tags.env != "prod"' plan.json`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			if f.file != "" {
				if err := s.writable("out", f.file); err != nil {
					return err
				}
			}
			f.file = orText(f.file, args[0])
			pl, run, err := s.loadPlan(args[0])
			if err != nil {
				return err
			}
			if len(pl.Changes) == 0 {
				return &keyrotor.Refusal{What: "plan " + pl.Digest.Short() + " changes nothing", Now: "nothing was signed", Next: "keyrotor plan"}
			}
			// No signature would help a plan whose run has carried out another.
			if err := cycle.NoOther(run.ID(), ledger.Journal(run.Dir()), pl); err != nil {
				return err
			}
			chosen, err := s.choose(pl, run, f)
			if err != nil {
				return err
			}
			return s.sign(run, chosen, f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.all, "all", false, "approve every change of the plan")
	fl.StringVar(&f.selection, "select", "", "approve the changes to assets for which the CEL `EXPR` holds")
	fl.StringSliceVar(&f.ids, "ids", nil, "approve the changes to these assets: key ids, ARNs, aliases or change ids")
	fl.StringVar(&f.key, "key", "", "sign with this SSH private key, or with the agent's key for this .pub `FILE`")
	fl.StringVar(&f.as, "as", "", "sign as this `PRINCIPAL` of allowed_signers (default: the one the key belongs to)")
	fl.StringVar(&f.file, "out", "", "write the chosen plan to `FILE` (default: over the given one)")
	fl.DurationVar(&f.valid, "valid", 0, "how long the approval holds (default and most: approval.valid)")
	fl.BoolVar(&f.chooseOnly, "no-sign", false, "choose and write the narrower plan, and let others sign it")
	cmd.MarkFlagsMutuallyExclusive("all", "select", "ids")
	return cmd
}

// choose narrows the plan to what the flags or the person at the terminal say.
func (s *session) choose(pl keyrotor.Plan, run *store.Run, f approveFlags) (keyrotor.Plan, error) {
	var chosen keyrotor.Plan
	var err error
	switch {
	case f.all:
		return pl, nil
	case f.selection != "":
		var assets map[string]bool
		if assets, err = s.assetsFor(run, f.selection); err != nil {
			return pl, err
		}
		chosen, err = plan.Narrow(pl, func(c keyrotor.Change) bool { return assets[c.Target.ARN] }, f.selection, s.limits())
	case len(f.ids) > 0:
		var keep func(keyrotor.Change) bool
		if keep, err = plan.Select(pl, f.ids...); err != nil {
			return pl, &usageError{err}
		}
		chosen, err = plan.Narrow(pl, keep, fmt.Sprintf("%d ids", len(f.ids)), s.limits())
	case s.terminal:
		var ids map[keyrotor.ChangeID]bool
		if ids, err = s.chooseOnScreen(pl, f); err != nil {
			return pl, err
		}
		chosen, err = plan.Narrow(pl, func(c keyrotor.Change) bool { return ids[c.ID] }, fmt.Sprintf("%d of %d on screen", len(ids), len(pl.Changes)), s.limits())
	default:
		return pl, s.unchosen(f)
	}
	if err != nil {
		return pl, err
	}
	if chosen.Digest == pl.Digest {
		return pl, nil
	}
	signed, _, err := s.approvals(run, pl.Digest)
	if err != nil {
		return pl, err
	}
	if len(signed) > 0 {
		return pl, &keyrotor.Refusal{
			What: "the plan was already signed as a whole by " + signed[0].Principal,
			Why:  []string{"a narrower plan would need all signatures anew"},
			Next: "keyrotor approve --all " + planArg + "\nor make a plan of its own for some of the keys:\nkeyrotor plan --select EXPR -o OTHER.json",
		}
	}
	if err := s.writable("out", f.file); err != nil {
		return pl, err
	}
	return chosen, s.keepPlan(run, chosen, f.file)
}

// assetsFor are the ARNs of the run's assets for which the expression holds.
func (s *session) assetsFor(run *store.Run, expr string) (map[string]bool, error) {
	keep, err := s.selected(expr)
	if err != nil {
		return nil, err
	}
	j, err := s.judge(run)
	if err != nil {
		return nil, err
	}
	arns := map[string]bool{}
	err = stream(run, j)(func(a keyrotor.Assessment) error {
		if keep.holds(a.Asset) {
			arns[a.Asset.ARN] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return arns, s.decided(keep)
}

// sign puts one approval beside the plan and says what is still needed.
func (s *session) sign(run *store.Run, pl keyrotor.Plan, f approveFlags) error {
	if f.chooseOnly {
		if !s.text() {
			return report.Write(s.out, s.format(), pl)
		}
		fmt.Fprintf(s.out, "chosen %s, digest %s, written to %s\n", count(len(pl.Changes), "change"), pl.Digest, report.Clean(f.file))
		s.showNext(s.nextApprover(f.file, true))
		return nil
	}
	signers, _, err := s.signers()
	if err != nil {
		return err
	}
	for _, doubt := range signers.Doubts() {
		fmt.Fprintf(s.err, "! %s\n", report.Clean(doubt))
	}
	key, done, err := s.signer(f.key)
	if err != nil {
		return err
	}
	defer done()
	principal, err := s.principal(signers, key.PublicKey(), f.as)
	if err != nil {
		return err
	}
	statement, err := s.statement(run, pl, f.valid)
	if err != nil {
		return err
	}
	var all []keyrotor.Approval
	var name string
	// The run is taken up before the key is asked: nobody touches a token for a
	// signature that then finds no place.
	err = s.recordWithin(3*time.Second, run, func(rec *cycle.Record) error {
		if err := cycle.NoOther(run.ID(), rec.Log, pl); err != nil {
			return err
		}
		a, err := approve.Sign(statement, principal, key, s.rand)
		if err != nil {
			return err
		}
		// The author's own signature, or one by an unknown key, is refused here and
		// not first at apply; that too few have signed so far is not.
		if _, err := approve.Check(pl, a, signers, s.now().UTC()); err != nil {
			return err
		}
		earlier, _, err := s.approvals(run, pl.Digest)
		if err != nil {
			return err
		}
		all = append(earlier, a)
		name, err = saveApproval(rec, a)
		return err
	})
	if err != nil {
		return err
	}
	s.keeps("the approval is kept in "+filepath.Join(run.Dir(), filepath.FromSlash(name))+" and need not be given again", "keyrotor plan show "+pathWord(f.file)+"   prints what was signed, where there is room")
	return s.showApproved(pl, all[:len(all)-1], all[len(all)-1], signers, name, f.file)
}

// principal is who signs: the name that allowed_signers gives the key.
func (s *session) principal(signers *approve.AllowedSigners, key ssh.PublicKey, as string) (string, error) {
	names := signers.PrincipalsOf(key, approve.Namespace, s.now().UTC())
	patterns := signers.Patterns(key, approve.Namespace, s.now().UTC())
	switch {
	case as != "" && signers.Check(as, key, approve.Namespace, s.now().UTC()) == nil:
		return as, nil
	case len(names) == 0 && len(patterns) > 0:
		return "", &keyrotor.Refusal{
			What: fmt.Sprintf("the key %s stands beside %s in %s, which names nobody", fingerprintOf(key), strings.Join(patterns, " and "), s.cfg.path(s.cfg.Approval.Signers)),
			Why:  []string{"a pattern is not a person: an approval says who gives it"},
			Now:  "nothing was signed", Next: "say who you are, by a name that the pattern accepts:\n" + s.again("--as", "NAME"),
		}
	case len(names) == 0:
		return "", &keyrotor.Refusal{
			What: "the key " + fingerprintOf(key) + " is nobody's in " + s.cfg.path(s.cfg.Approval.Signers),
			Now:  "nothing was signed", Next: "have its public half added there, in a reviewed change, or sign with a key that is:\nkeyrotor approve --all " + planArg,
		}
	case as == "":
		return names[0], nil
	}
	return "", &keyrotor.Refusal{What: fmt.Sprintf("the key %s belongs to %s, not to %s", fingerprintOf(key), strings.Join(names, ", "), as), Now: "nothing was signed", Next: "leave out --as, or sign with a key of " + as}
}

func (s *session) statement(run *store.Run, pl keyrotor.Plan, valid time.Duration) (keyrotor.Statement, error) {
	most := time.Duration(pl.Needs.ValidHours) * time.Hour
	if valid == 0 {
		valid = most
	}
	if valid < time.Minute || valid > most {
		return keyrotor.Statement{}, usage("--valid %s: between a minute and %s", valid, most)
	}
	head, err := s.headOver(run)
	if err != nil {
		return keyrotor.Statement{}, err
	}
	return keyrotor.Statement{
		Schema: keyrotor.SchemaApproval, Version: keyrotor.SchemaVersion,
		Plan: pl.Digest, Changes: len(pl.Changes), Expires: s.now().UTC().Add(valid).Truncate(time.Second), LedgerHead: head,
	}, nil
}

func (s *session) showApproved(pl keyrotor.Plan, earlier []keyrotor.Approval, last keyrotor.Approval, signers *approve.AllowedSigners, name, file string) error {
	if !s.text() {
		return report.Write(s.out, s.format(), report.Document{Schema: keyrotor.SchemaApproval, Version: keyrotor.SchemaVersion, Body: last})
	}
	fmt.Fprintf(s.out, "signed   %s (%s) as %s, valid until %s\n", pl.Digest, count(len(pl.Changes), "change"), report.Clean(last.Principal), untilText(last.Statement.Expires))
	fmt.Fprintf(s.out, "kept     %s\n", report.Clean(filepath.Join(s.state.Dir(), "runs", string(pl.Run), filepath.FromSlash(name))))
	// An approval is kept by its principal's name: who signs again has one still.
	others := slices.DeleteFunc(slices.Clone(earlier), func(a keyrotor.Approval) bool { return a.Principal == last.Principal })
	all := append(others, last)
	// Refused or not: they say who counts before this signature, and who after it.
	before, _ := approve.Verify(pl, plan.Digest, earlier, signers, s.now().UTC())
	counted, err := approve.Verify(pl, plan.Digest, all, signers, s.now().UTC())
	switch {
	case len(all) < len(earlier)+1:
		fmt.Fprintf(s.out, "already  %s had signed: a person counts once, and this signature takes the place of the earlier one\n", report.Clean(last.Principal))
	case len(counted.Approvers) <= len(before.Approvers):
		fmt.Fprintf(s.out, "already  the person of %s had signed under another name or with another key: a person counts once\n", report.Clean(last.Principal))
		counted.Ignored = nil // which says the same once more
	}
	if err == nil {
		s.showNext("keyrotor apply " + pathWord(file))
		return nil
	}
	fmt.Fprintf(s.out, "needs    %s\n", report.Clean(stillNeeded(pl, counted)))
	for _, why := range counted.Ignored {
		fmt.Fprintf(s.out, "         not counted: %s\n", report.Clean(why))
	}
	s.showNext(s.nextApprover(file, true))
	s.res.add(exitWaiting)
	return nil
}

// stillNeeded says how many approvals are missing, and whose there are.
func stillNeeded(pl keyrotor.Plan, counted approve.Result) string {
	need := max(1, pl.Needs.Approvals)
	var names []string
	for _, a := range counted.Approvers {
		names = append(names, a.Principal)
	}
	by := ""
	if len(names) > 0 {
		by = " (" + strings.Join(names, ", ") + ")"
	}
	return fmt.Sprintf("%d more: %d of %d approvals%s; each by another person", need-len(names), len(names), need, by)
}

// unchosen asks for what the full-screen list would have asked.
func (s *session) unchosen(f approveFlags) error {
	key := ""
	if f.key == "" && s.env("KEYROTOR_SSH_KEY") == "" && s.env("SSH_AUTH_SOCK") == "" {
		key = " --key KEY"
	}
	next := s.again("--all") + key + "   signs every change\nkeyrotor plan show " + planArg + "   shows them"
	if key != "" {
		next += "\n" + aboutKey
	}
	return &keyrotor.Problem{
		Err: usage("say what to approve: --all, --select EXPR or --ids; there is no terminal to choose in"),
		Now: "nothing was signed", Next: next,
	}
}
