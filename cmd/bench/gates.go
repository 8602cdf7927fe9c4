package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// takeGates runs the two gates of CI, which print their own lines.
func takeGates(ctx context.Context, b *bench) error {
	const script = "scripts/gates"
	for file, why := range map[string]string{b.binary: "no bin/keyrotor: make build", script: "no scripts/gates: run bench at the top of the project"} {
		if !isThere(file) {
			b.skip("binary-size", why)
			b.skip("version-start", why)
			return nil
		}
	}
	cmd := exec.CommandContext(ctx, script, b.binary)
	cmd.Stdout, cmd.Stderr = b.out, b.log
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		b.missed++ // it has said which
		return ctx.Err()
	}
	return err
}

func isThere(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
