package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// completed gives the shell the values of flags that take one of a few words; it
// would offer the files of the folder.
func (p *program) completed(c *cobra.Command) {
	worlds := sandbox.Worlds()
	if c.Name() == "demo" {
		worlds = slices.DeleteFunc(worlds, func(w string) bool { return w == "empty" }) // which shows nothing
	}
	for name, values := range map[string]cobra.CompletionFunc{
		"output":  words(report.Formats()),
		"format":  words(aws.PolicyFormats()),
		"world":   words(worlds),
		"with":    words([]string{keyrotor.FactLastUse, keyrotor.FactGrants}),
		"fail-on": words([]string{"none", string(keyrotor.Info), string(keyrotor.Low), string(keyrotor.Medium), string(keyrotor.High), string(keyrotor.Critical)}),
		"rule":    p.ruleIDs,
	} {
		if c.Flag(name) != nil {
			// It fails where a flag has its values already, from the command above.
			_ = c.RegisterFlagCompletionFunc(name, values)
		}
	}
	for _, sub := range c.Commands() {
		p.completed(sub)
	}
}

func words(all []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var fit []cobra.Completion
		for _, w := range all {
			if strings.HasPrefix(w, begun) {
				fit = append(fit, w)
			}
		}
		return fit, cobra.ShellCompDirectiveNoFileComp
	}
}

// ruleIDs are the rules of the configuration; none where it cannot be read, for
// which a completion is not the place to complain.
func (p *program) ruleIDs(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var ids []string
	if s, err := p.open(); err == nil {
		packs, _ := s.loadPacks()
		for _, pack := range packs {
			for _, r := range pack.Rules() {
				ids = append(ids, r.ID)
			}
		}
	}
	return words(ids)(cmd, args, begun)
}
