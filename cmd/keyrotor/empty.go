package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nothingEmpty refuses a flag that was given as nothing: a script whose variable
// is not set ("--select $WHICH") would choose everything, or another state, and
// nobody would hear of it.
func nothingEmpty(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && givenEmpty(f.Value) {
			err = usage("--%s was given as nothing: leave it out, or say what is meant (is a variable not set?)", f.Name)
		}
	})
	return err
}

// givenEmpty reports whether a flag that was given holds nothing, or among
// several values one that is nothing.
func givenEmpty(v pflag.Value) bool {
	list, several := v.(pflag.SliceValue)
	if !several {
		return v.String() == ""
	}
	words := list.GetSlice()
	for _, w := range words {
		if w == "" {
			return true
		}
	}
	return len(words) == 0
}
