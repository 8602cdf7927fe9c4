package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// sandboxFlags shape the pretend AWS.
type sandboxFlags struct {
	listen, world string
	quotas        bool
	consistency   time.Duration
	seed          uint64
}

func (p *program) sandboxCmd() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a pretend AWS organization that any AWS client can use",
		Long: `Sandbox serves KMS, STS, Organizations, Account, EC2 DescribeRegions and tagging
on this machine, with real cryptography and an organization to try keyrotor on. It
prints the environment that points the aws command line, boto3, Terraform and
keyrotor at it. An access key id of twelve digits names the account.

It listens on loopback only unless --listen says otherwise, checks no signature,
and forgets everything when it ends.`,
		Example: "  keyrotor sandbox --listen 127.0.0.1:4599 --world demo",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.serveSandbox(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:4599", "`HOST:PORT` to listen on; port 0 takes a free one")
	fl.StringVar(&f.world, "world", "demo", "empty, small, demo or large")
	fl.BoolVar(&f.quotas, "quotas", false, "enforce AWS's request quotas with ThrottlingException")
	fl.DurationVar(&f.consistency, "consistency", 0, "how long reads may still show what was before a change")
	fl.Uint64Var(&f.seed, "seed", 1, "the same seed makes the same world")
	return cmd
}

func (p *program) serveSandbox(ctx context.Context, f sandboxFlags) error {
	server, err := p.startSandbox(f)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "# sandbox %q on %s; ctrl-c ends it\n", f.world, server.url)
	fmt.Fprintln(p.out, "# paste these lines into another terminal; there: keyrotor doctor, then keyrotor scan")
	for _, line := range sandboxEnv(server.url, server.management) {
		fmt.Fprintf(p.out, "export %s\n", line)
	}
	select {
	case <-ctx.Done():
		return server.stop()
	case err := <-server.failed:
		return err
	}
}

// sandboxEnv is the environment that points AWS clients at the sandbox.
func sandboxEnv(url, account string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + url,
		"AWS_ACCESS_KEY_ID=" + account,
		"AWS_SECRET_ACCESS_KEY=sandbox",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// pretend is a running sandbox.
type pretend struct {
	url        string
	management string
	failed     chan error
	server     *http.Server
}

func (p *program) startSandbox(f sandboxFlags) (*pretend, error) {
	world, err := sandbox.World(f.world)
	if err != nil {
		return nil, &usageError{err}
	}
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(f.seed >> (8 * i))
	}
	box := sandbox.New(sandbox.Options{
		Clock: sandbox.NewClock(p.now().UTC()), Rand: rand.NewChaCha8(seed),
		Quotas: f.quotas, Consistency: f.consistency,
	})
	if err := box.Load(world); err != nil {
		return nil, fmt.Errorf("make the world %s: %w", f.world, err)
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return nil, cannotListen(f, err)
	}
	s := &pretend{
		url: "http://" + strings.Replace(l.Addr().String(), "[::]", "127.0.0.1", 1), management: world.Management,
		failed: make(chan error, 1), server: &http.Server{Handler: box, ReadHeaderTimeout: 10 * time.Second},
	}
	go func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return s, nil
}

// cannotListen says which address is taken, and how to get another.
func cannotListen(f sandboxFlags, err error) error {
	what := usage("listen on %s: %w", f.listen, err)
	if errors.Is(err, syscall.EADDRINUSE) {
		what = usage("%s is in use: another sandbox or another program listens there", f.listen)
	}
	return &keyrotor.Problem{
		Err: what, Now: "no sandbox was started",
		Next: "keyrotor sandbox --world " + quoted(f.world) + " --listen 127.0.0.1:0   takes a free port and prints it",
	}
}

// stop waits a moment for the requests under way, then closes what is left:
// clients keep connections open that never carried a request.
func (s *pretend) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.server.Close()
	}
	return err
}
