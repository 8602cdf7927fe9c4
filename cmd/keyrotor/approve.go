package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/cycle"
	"github.com/keyrotor/keyrotor/internal/ledger"
	"github.com/keyrotor/keyrotor/internal/plan"
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

// onScreen reports whether the full-screen list asks what to choose.
func (f approveFlags) onScreen() bool { return !f.all && f.selection == "" && len(f.ids) == 0 }

func (p *program) approveCmd() *cobra.Command {
	var f approveFlags
	cmd := &cobra.Command{
		Use:   "approve PLAN.json",
		Short: "Choose from a plan, and sign what was chosen",
		Long: `Approve signs a plan's digest with your SSH key (agent or file), in the format of
ssh-keygen -Y. Choosing fewer changes makes a narrower plan with a digest of its
own, before anyone signs; once somebody has signed, a plan can only be signed whole.

In a terminal a full-screen list opens to look through, filter and choose; its
filter (/) takes words of alias, account, Region or rule, env=prod and owner=pay.
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
			f.file = cmp.Or(f.file, args[0])
			pl, run, err := s.loadPlan(args[0])
			if err != nil {
				return err
			}
			if len(pl.Changes) == 0 {
				return &keyrotor.Refusal{What: "plan " + pl.Digest.Short() + " changes nothing", Now: "nothing was signed", Next: "keyrotor plan"}
			}
			if f.valid, err = validity(pl, f.valid, cmd.Flags().Changed("valid")); err != nil {
				return err
			}
			if err := s.worthSigning(run, pl); err != nil {
				return err
			}
			if err := s.sayRivals(run, pl.Digest); err != nil {
				return err
			}
			if !f.chooseOnly {
				s.sayFrozen(f.valid)
			}
			chosen, err := s.choose(pl, run, f)
			if err != nil && !f.chooseOnly {
				return s.unsigned(err)
			}
			if err != nil {
				return err
			}
			s.showPurpose(chosen, f)
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

// worthSigning refuses a plan that no signature would help, before anybody looks it
// through: its run has carried out another one, or whoever may sign has changed
// since it was made.
func (s *session) worthSigning(run *store.Run, pl keyrotor.Plan) error {
	if err := cycle.NoOther(run.ID(), ledger.Journal(run.Dir()), pl); err != nil {
		return err
	}
	if s.cfg.Approval.Signers == "" {
		return nil // who signs is asked for them; who only chooses needs none
	}
	_, _, err := s.signersFor(run, pl)
	return err
}

// choose narrows the plan to what the flags or the person at the terminal say, and
// keeps what is narrower. What apply would refuse is not offered for signing.
func (s *session) choose(pl keyrotor.Plan, run *store.Run, f approveFlags) (keyrotor.Plan, error) {
	chosen, err := s.chosen(pl, run, f)
	if err != nil {
		return pl, err
	}
	if f.chooseOnly {
		s.sayBeyond(chosen)
	} else if err := s.within(chosen); err != nil {
		return pl, err
	}
	if chosen.Digest == pl.Digest {
		return pl, nil
	}
	signed, err := s.signedBy(run, pl)
	if err != nil {
		return pl, err
	}
	if len(signed) > 0 {
		return pl, &keyrotor.Refusal{
			What: "the plan was already signed as a whole by " + strings.Join(signed, ", "),
			Why:  []string{"a narrower plan would need all signatures anew"},
			Next: "keyrotor approve --all " + planArg + "\n" + narrower,
		}
	}
	if err := s.writable("out", f.file); err != nil {
		return pl, err
	}
	replaced, err := s.notOverSigned(f.file, true, chosen.Digest)
	if err != nil {
		return pl, err
	}
	if err := s.keepPlan(run, chosen, f.file); err != nil {
		return pl, err
	}
	replaced()
	return chosen, nil
}

// chosen is the plan, or the narrower one of what was chosen from it.
func (s *session) chosen(pl keyrotor.Plan, run *store.Run, f approveFlags) (keyrotor.Plan, error) {
	switch {
	case f.all:
		return pl, nil
	case f.selection != "":
		assets, err := s.assetsFor(run, f.selection)
		if err != nil {
			return pl, err
		}
		return plan.Narrow(pl, func(c keyrotor.Change) bool { return assets[c.Target.ARN] }, f.selection, s.limits())
	case len(f.ids) > 0:
		keep, err := s.byIDs(run, pl, f.ids)
		if err != nil {
			return pl, err
		}
		return plan.Narrow(pl, keep, fmt.Sprintf("%d ids", len(f.ids)), s.limits())
	case s.terminal:
		ids, err := s.chooseOnScreen(run, pl, f)
		if err != nil {
			return pl, err
		}
		return plan.Narrow(pl, func(c keyrotor.Change) bool { return ids[c.ID] }, fmt.Sprintf("%d of %d on screen", len(ids), len(pl.Changes)), s.limits())
	}
	return pl, s.unchosen(f)
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

// unchosen asks for what the full-screen list would have asked.
func (s *session) unchosen(f approveFlags) error {
	var key []string
	if f.key == "" && s.env("KEYROTOR_SSH_KEY") == "" && s.env("SSH_AUTH_SOCK") == "" {
		key = []string{"--key", "KEY"}
	}
	next := s.again(append([]string{"--all"}, key...)...) + "   signs every change\nkeyrotor plan show " + planArg + "   shows them"
	if len(key) > 0 {
		next += "\n" + aboutKey
	}
	return &keyrotor.Problem{
		Err: usage("say what to approve: --all, --select EXPR or --ids; there is no terminal to choose in"),
		Now: "nothing was signed", Next: next,
	}
}
