package main

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) rulesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List, show and unit-test the rules",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.rulesListCmd(), p.rulesShowCmd(), p.rulesTestCmd())
	return cmd
}

// loadPacks loads every pack of the configuration.
func (s *session) loadPacks() ([]*assess.Pack, error) {
	var packs []*assess.Pack
	for _, name := range s.cfg.Rules {
		pack, _, err := s.pack(name)
		if err != nil {
			return nil, err
		}
		packs = append(packs, pack)
	}
	return packs, nil
}

func (p *program) rulesListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the rules in force", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			packs, err := s.loadPacks()
			if err != nil {
				return err
			}
			var rules []assess.Rule
			for _, pack := range packs {
				rules = append(rules, pack.Rules()...)
			}
			if !s.text() {
				return report.Write(s.out, s.format(), report.RuleRows(rules, func(r assess.Rule) keyrotor.RuleInfo { return r.RuleInfo }))
			}
			for _, r := range rules {
				s.hang(fmt.Sprintf("%-8s  %-34s", r.Severity, r.ID), report.Clean(r.Title))
			}
			s.showNext("keyrotor rules show ID   its expressions, and the frameworks that it is mapped to\nkeyrotor assess   holds the keys of the latest scan against these rules")
			return nil
		},
	}
}

func (p *program) rulesShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one rule: its expressions, message and references", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			packs, err := s.loadPacks()
			if err != nil {
				return err
			}
			for _, pack := range packs {
				for _, r := range pack.Rules() {
					if r.ID == args[0] {
						return s.showRule(r)
					}
				}
			}
			return usageNext("keyrotor rules list   names them", "no rule %q", args[0])
		},
	}
}

func (s *session) showRule(r assess.Rule) error {
	if !s.text() {
		return report.Write(s.out, s.format(), report.Document{Schema: report.SchemaRule, Version: keyrotor.SchemaVersion, Body: r})
	}
	s.say("%s · %s · pack %s\n  %s\n", report.Clean(r.ID), r.Severity, report.Clean(r.Pack), report.Clean(r.Title))
	for _, f := range [][2]string{{"about", r.Description}, {"when", r.When}, {"require", r.Require}, {"message", r.Message}} {
		if f[1] != "" {
			s.hang(fmt.Sprintf("  %-8s", f[0]), report.Clean(f[1]))
		}
	}
	for _, ref := range r.References {
		words := fmt.Sprintf("%s: %s %s %s (%s)", ref.Source, ref.Framework, ref.Version, ref.Control, ref.Date)
		if ref.Note != "" {
			words += "; " + ref.Note
		}
		s.hang("  mapped by", report.Clean(words))
	}
	s.showNext("keyrotor assess   holds the keys of the latest scan against the rules")
	return nil
}

// hang writes text beside its label; on a terminal it is broken between words,
// and what does not fit stands below itself.
func (p *program) hang(label, text string) {
	for _, line := range report.Hang(p.style, label+" ", text, ansi.StringWidth(label)+1) {
		fmt.Fprintln(p.out, line)
	}
}

func (p *program) rulesTestCmd() *cobra.Command {
	var pack string
	cmd := &cobra.Command{
		Use:     "test TESTS.yaml",
		Short:   "Run unit tests of rules, as promtool does for alerts",
		Example: "  keyrotor rules test --pack rules/own.yaml rules/own_test.yaml",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			loaded, _, err := s.pack(pack)
			if err != nil {
				return err
			}
			text, err := readInput(args[0], maxText)
			if err != nil {
				return usage("read the tests: %w", err)
			}
			results, err := assess.TestPack(loaded, text)
			if err != nil {
				return usage("%s: %w", args[0], err)
			}
			return s.showRuleTests(results)
		},
	}
	cmd.Flags().StringVar(&pack, "pack", "builtin", "the pack under test: builtin, or a `FILE`")
	return cmd
}

func (s *session) showRuleTests(results []assess.TestResult) error {
	s.brokenRules(assess.BrokenTests(results), "test")
	failed := 0
	for _, r := range results {
		if r.OK {
			continue
		}
		failed++
		if !s.text() {
			continue
		}
		fmt.Fprintf(s.out, "FAIL %s: %s: want %s, got %s\n", report.Clean(r.Test), report.Clean(r.Rule), saidOf(r.Want, r.WantMessage), saidOf(r.Got, r.Message))
	}
	if failed > 0 {
		s.res.add(exitFindings)
	}
	if !s.text() {
		return report.Write(s.out, s.format(), report.Document{Schema: report.SchemaRuleTests, Version: keyrotor.SchemaVersion, Body: results})
	}
	fmt.Fprintf(s.out, "%d passed, %d failed\n", len(results)-failed, failed)
	if failed == 0 {
		s.showNext("keyrotor assess   with the pack under rules: in the configuration")
		return nil
	}
	s.showNext("mend the rule or the test, then\n" + s.again())
	return nil
}

// saidOf is a verdict with its message, where there is one.
func saidOf(v keyrotor.Verdict, message string) string {
	if message == "" {
		return string(v)
	}
	return fmt.Sprintf("%s %q", v, report.Clean(message))
}

// brokenRules names the rules whose expressions went wrong: a rule that is decided
// for nothing finds nothing, and looks as if all were well.
func (s *session) brokenRules(broken []assess.Broken, noun string) {
	for _, b := range broken {
		how := "could not be decided for " + count(b.Assets, noun)
		if b.Decided == 0 {
			how = "decided for none of " + count(b.Assets, noun)
		}
		fmt.Fprintf(s.err, "! rule %s: %s; the first: %s\n", said(b.Rule), how, said(b.First))
	}
}
