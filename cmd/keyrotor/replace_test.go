package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writes is a writer of text that fails with err at its end.
func writes(text string, err error) func(io.Writer) error {
	return func(w io.Writer) error {
		_, werr := io.WriteString(w, text)
		return errors.Join(werr, err)
	}
}

// fileSystem is what a folder holds: names, and what is in the files.
func fileSystem(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

func TestAFileThatCannotBeWrittenWholeStaysAsItWas(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plan.json")
	if err := os.WriteFile(file, []byte("reviewed"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(file, writes("half of it", syscall.ENOSPC)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a full disk", err)
	}
	if diff := cmp.Diff(map[string]string{"plan.json": "reviewed"}, fileSystem(t, dir)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func TestAFileThatIsReplacedKeepsItsModeAndTheLinkToIt(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "plan.json"), filepath.Join(dir, "latest.json")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("plan.json", link); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, writes("new", nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"plan.json": "new", "latest.json": "new"}, fileSystem(t, dir)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
	if got, err := os.Readlink(link); err != nil || got != "plan.json" {
		t.Errorf("the link leads to %q (%v), want plan.json", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestAFileThatIsNewIsOpenToOthersAsTheUmaskHasIt(t *testing.T) {
	dir := t.TempDir()
	plain, ours := filepath.Join(dir, "plain"), filepath.Join(dir, "ours")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(ours, writes("new", nil)); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(ours); err != nil || got.Mode() != want.Mode() {
		t.Errorf("mode %v (%v), want %v", got.Mode(), err, want.Mode())
	}
}

func TestWhatIsNoFileIsNotWrittenTo(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a pipe that nobody reads": pipe, "a device": os.DevNull, "a folder": dir} {
		t.Run(name, func(t *testing.T) {
			if err := replaceFile(path, writes("text", nil)); err == nil {
				t.Error("was written to")
			}
			if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
				t.Errorf("is a file now (%v)", err)
			}
		})
	}
}

func TestOnlyAPlanIsReplacedByAPlanAndAReportByAReport(t *testing.T) {
	const (
		planText   = "{\n  \"schema\": \"keyrotor.plan\",\n  \"version\": 1, cut off"
		reportText = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"generator\" content=\"keyrotor\"/>"
	)
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		flag, text string
		want       bool
	}{
		"a plan over a plan, also a broken one": {"out", planText, true},
		"a report over a report":                {"file", reportText, true},
		"a plan over nothing":                   {"out", "", true},
		"a report over nothing":                 {"file", "", true},
		"a plan over a report":                  {"out", reportText, false},
		"a report over a plan":                  {"file", planText, false},
		"a plan over a private key":             {"out", "-----BEGIN OPENSSH PRIVATE KEY-----\n", false},
		"a plan over another document":          {"out", `{"schema": "keyrotor.approval", "plan": {"schema": "keyrotor.plan"}}`, false},
		"a report over another page":            {"file", "<!doctype html><title>keyrotor</title>", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "file")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := ours(tt.flag, path); (err == nil) != tt.want {
				t.Errorf("got %v, want it replaced: %v", err, tt.want)
			}
		})
	}
	if err := ours("out", filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is not there", err)
	}
}
