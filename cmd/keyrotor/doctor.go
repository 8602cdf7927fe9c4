package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/report"
)

func (p *program) doctorCmd() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check credentials, roles, permissions, clock and this machine, and say what to mend",
		Long: `Doctor tries what keyrotor will need and changes nothing. With --all it enters
every account and shows a matrix of accounts × permissions. Whether the apply role
may write cannot be tried without writing; keyrotor iam-policy prints what it needs.
What expected_gaps foresees is marked = and is nothing to mend; entries of it that
have ended, or fit nothing that refuses us, are.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.open()
			if err != nil {
				return err
			}
			estate, err := s.estate(cmd.Context(), "doctor", nil)
			if err != nil {
				return err
			}
			visit := aws.VisitSome
			if all {
				visit = aws.VisitAll
			}
			found, err := estate.Doctor(cmd.Context(), visit)
			if err != nil {
				return err
			}
			checks, err := s.foresee(found.Checks, all)
			if err != nil {
				return err
			}
			checks = append(s.checkHere(), checks...)
			for _, c := range checks {
				if c.Status == aws.CheckFailed {
					s.res.add(exitPart)
				}
			}
			return s.showDoctor(checks, all, found.NotEntered)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every account, as a matrix of accounts × permissions")
	return cmd
}

func (s *session) showDoctor(checks []aws.DoctorCheck, all bool, notEntered int) error {
	if !s.text() {
		return report.Write(s.out, s.format(), doctorRows(checks))
	}
	if all {
		s.doctorMatrix(checks)
	}
	for _, c := range checks {
		if all && (c.Status == aws.CheckOK || c.Status == aws.CheckSkipped) {
			continue
		}
		s.showDoctorCheck(c)
	}
	fmt.Fprintf(s.out, "\n%s in %s, %s\n", count(len(checks), "check"), count(accountsIn(checks), "account"), toMend(checks))
	s.hang("Not tried:", notTried(notEntered)+"whether the apply role may write")
	s.showNext(afterDoctor(checks, s.again()))
	return nil
}

// showDoctorCheck is a line of its own where it fits; else what was found stands
// below what was tried.
func (s *session) showDoctorCheck(c aws.DoctorCheck) {
	head := report.Clean(fmt.Sprintf("%s %-12s %-14s %-6s %-28s", s.aligned(doctorSign(c.Status)), cmp.Or(c.Account, "–"), cmp.Or(c.Region, "–"), c.Role, c.Check))
	detail := report.Clean(said(c.Detail))
	if width := s.style.Width; width <= 0 || ansi.StringWidth(head)+1+ansi.StringWidth(detail) <= width {
		s.say("%s\n", head+" "+detail)
	} else {
		s.say("%s\n", strings.TrimRight(head, " "))
		s.hang("   ", s.style.Plain(detail))
	}
	if c.Fix != "" {
		s.hang("  mend:", report.Clean(c.Fix))
	}
}

// toMend counts what stands above it: what asks to be mended, and what was refused
// as somebody approved.
func toMend(checks []aws.DoctorCheck) string {
	failed, warned, foreseen := tally(checks)
	words := "nothing to mend there"
	if n := failed + warned; n > 0 {
		words = fmt.Sprintf("%d to mend: %d failed, %s", n, failed, count(warned, "warning"))
	}
	if foreseen > 0 {
		words += fmt.Sprintf(", %d foreseen", foreseen)
	}
	return words
}

func tally(checks []aws.DoctorCheck) (failed, warned, foreseen int) {
	for _, c := range checks {
		switch {
		case c.Status == aws.CheckFailed:
			failed++
		case c.Status == aws.CheckForeseen:
			foreseen++
		case c.Status == aws.CheckWarn && c.Fix != "":
			warned++
		}
	}
	return failed, warned, foreseen
}

// afterDoctor is what is safe to run now. A warning keeps nobody from reading.
func afterDoctor(checks []aws.DoctorCheck, again string) string {
	failed, warned, _ := tally(checks)
	switch {
	case failed > 0:
		return "keyrotor iam-policy   prints the permissions that the roles need\n" + again + "   once that is mended"
	case warned > 0:
		return again + "   once that is mended\nkeyrotor scan   reads alone, and can be run meanwhile"
	}
	return "keyrotor scan"
}

// doctorMatrix shows one line an account, one column a check.
func (s *session) doctorMatrix(checks []aws.DoctorCheck) {
	var columns, accounts []string
	cells := map[string]aws.CheckStatus{}
	for _, c := range checks {
		if c.Account == "" {
			continue
		}
		column := string(c.Role) + " " + c.Check
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		if !slices.Contains(accounts, c.Account) {
			accounts = append(accounts, c.Account)
		}
		cells[c.Account+"\n"+column] = c.Status
	}
	for i, column := range columns {
		fmt.Fprintf(s.out, "%2d  %s\n", i+1, report.Clean(column))
	}
	fmt.Fprintf(s.out, "\n%-12s", "account")
	for i := range columns {
		fmt.Fprintf(s.out, " %2d", i+1)
	}
	fmt.Fprintln(s.out)
	for _, a := range accounts {
		fmt.Fprintf(s.out, "%-12s", report.Clean(a))
		for _, column := range columns {
			s.say(" %2s", s.style.Plain(doctorSign(cells[a+"\n"+column])))
		}
		fmt.Fprintln(s.out)
	}
}

// aligned fills up a sign to the widest: "ok" takes two columns where a terminal
// has no check mark.
func (p *program) aligned(sign string) string {
	if !p.style.ASCII {
		return sign
	}
	return fmt.Sprintf("%-2s", p.style.Plain(sign))
}

func doctorSign(c aws.CheckStatus) string {
	switch c {
	case aws.CheckOK:
		return "✓"
	case aws.CheckFailed:
		return "✗"
	case aws.CheckWarn:
		return "!"
	case aws.CheckForeseen:
		return "="
	case aws.CheckSkipped:
	}
	return "–"
}

func doctorRows(checks []aws.DoctorCheck) report.Rows {
	return report.Rows{
		Title: "doctor", Columns: []string{"account", "region", "role", "check", "status", "detail", "fix"},
		Each: func(yield func(report.Row) error) error {
			for _, c := range checks {
				row := report.Row{
					Value: report.Document{Schema: report.SchemaDoctorCheck, Version: keyrotor.SchemaVersion, Body: c},
					Cells: []string{c.Account, c.Region, string(c.Role), c.Check, string(c.Status), c.Detail, c.Fix},
				}
				if err := yield(row); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func accountsIn(checks []aws.DoctorCheck) int {
	seen := map[string]bool{}
	for _, c := range checks {
		if c.Account != "" {
			seen[c.Account] = true
		}
	}
	return len(seen)
}

// notTried says what a good result does not cover, so many accounts not entered.
func notTried(accounts int) string {
	const within = "other Regions than the first of each account, other keys than one there, and "
	if accounts == 0 {
		return within
	}
	return count(accounts, "other account") + " (--all enters each), " + within
}
