package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// childMeasured runs a command and prints what it cost. It is a process of its
// own because a process begins its life with the memory of the one that started
// it, by the system's account: this one is small.
const childMeasured = "measured"

// cost is what a command took.
type cost struct {
	Bytes   int64         `json:"bytes"` // largest resident set
	Took    time.Duration `json:"took"`
	CPU     time.Duration `json:"cpu"`
	Exit    int           `json:"exit"`
	Unknown bool          `json:"unknown,omitempty"` // this system does not tell the memory
}

func measured(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("measured: name a command")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	peak, ok := peakMemory(cmd.ProcessState)
	return json.NewEncoder(out).Encode(cost{
		Bytes: peak, Took: time.Since(start), Exit: cmd.ProcessState.ExitCode(), Unknown: !ok,
		CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	})
}

// costOf runs a command that may end with one of these exit codes.
func (b *bench) costOf(ctx context.Context, env []string, exits []int, command ...string) (cost, error) {
	cmd := exec.CommandContext(ctx, b.self, append([]string{childMeasured}, command...)...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var c cost
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, said.String())
	}
	for _, code := range exits {
		if c.Exit == code {
			return c, nil
		}
	}
	return c, fmt.Errorf("%s: exit code %d: %s", strings.Join(command, " "), c.Exit, said.String())
}
