package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// invocation is how this program is started once more: by its name where the shell
// finds it, else as it was started now.
func invocation() string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	found, err := exec.LookPath("keyrotor")
	if err != nil {
		found = ""
	}
	return invoked(os.Args[0], self, found)
}

// invoked decides it from the word that was typed, the program's own file, and the
// file that the shell finds.
func invoked(typed, self, found string) string {
	switch {
	case found != "" && sameFile(found, self):
		return "keyrotor"
	case strings.Contains(filepath.ToSlash(self), "/go-build"): // go run builds into a folder that is gone by then
		return "go run ./cmd/keyrotor"
	case filepath.Base(typed) == typed:
		return "keyrotor" // a shell found it, by whatever way
	}
	return quoted(typed)
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
