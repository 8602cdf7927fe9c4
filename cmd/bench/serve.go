package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// childServe serves a world of the sandbox until its standard input closes,
// which it does when bench ends, however it ends.
const childServe = "serve"

// worldQuotas is this package's own world: one account, whose first Region is
// to be changed and whose second is to be read. The sandbox enforces the
// documented quotas on it.
const worldQuotas = "quotas"

// refusedPath tells how many calls were answered with an error.
const refusedPath = "/_bench/refused"

// server is a sandbox in another process.
type server struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
}

// world starts the sandbox with a world, or returns the one already running,
// and points this process's AWS clients at it.
func (b *bench) world(ctx context.Context, name string) (*server, error) {
	s := b.servers[name]
	if s == nil {
		var err error
		if s, err = b.start(ctx, name); err != nil {
			return nil, fmt.Errorf("start the sandbox: %w", err)
		}
		b.servers[name] = s
	}
	return s, s.pointHere()
}

func (b *bench) start(ctx context.Context, name string) (*server, error) {
	cmd := exec.CommandContext(ctx, b.self, childServe, name)
	cmd.Stderr = b.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, stdin: stdin}
	if s.url, err = bufio.NewReader(stdout).ReadString('\n'); err != nil {
		s.stop()
		return nil, fmt.Errorf("it named no address: %w", err)
	}
	s.url = strings.TrimSpace(s.url)
	return s, nil
}

func (s *server) stop() {
	_ = s.stdin.Close() // this is what tells it to end
	_ = s.cmd.Wait()
}

// environment points any AWS client at the server and keeps out the profiles
// of this machine.
func (s *server) environment() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": s.url, "AWS_ACCESS_KEY_ID": sandbox.Management, "AWS_SECRET_ACCESS_KEY": "sandbox",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

func (s *server) pointHere() error {
	for _, name := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	for name, value := range s.environment() {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// kmsCalls counts the KMS calls so far, by operation, as the server saw them.
func (s *server) kmsCalls(ctx context.Context) (map[string]int, error) {
	all := map[string]int{}
	if err := s.get(ctx, "/_sandbox/calls", &all); err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(call string, _ int) bool { return !strings.HasPrefix(call, "kms:") })
	return all, nil
}

// refused counts the calls that were answered with an error.
func (s *server) refused(ctx context.Context) (int, error) {
	n := 0
	return n, s.get(ctx, refusedPath, &n)
}

func (s *server) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

func serve(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("serve: name a world")
	}
	world, opts, err := worldOf(args[0])
	if err != nil {
		return err
	}
	box := sandbox.New(opts)
	if err := box.Load(world); err != nil {
		return err
	}
	var handler http.Handler = box
	if opts.Quotas {
		handler = countRefused(box)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when bench does
		_ = server.Close()
	}()
	fmt.Fprintf(out, "http://%s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

func worldOf(name string) (sandbox.WorldSpec, sandbox.Options, error) {
	opts := sandbox.Options{Rand: sandbox.Seeded(1)}
	if name == worldQuotas {
		opts.Quotas = true
		return quotaWorld(), opts, nil
	}
	w, err := sandbox.World(name)
	return w, opts, err
}

func quotaWorld() sandbox.WorldSpec {
	return sandbox.WorldSpec{
		Name: worldQuotas, Organization: "o-quota0world", Management: sandbox.Management,
		Accounts: []sandbox.AccountSpec{{
			ID: sandbox.Management, Name: "only-account", Since: 900, On: []string{regionToChange, regionToRead},
			Keys: func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
				return func(yield func(string, sandbox.KeySeed) bool) {
					created := start.AddDate(0, 0, -200)
					for range keysToChange {
						if !yield(regionToChange, sandbox.KeySeed{Created: created}) {
							return
						}
					}
					for range keysToRead {
						if !yield(regionToRead, sandbox.KeySeed{Created: created, RotationPeriodDays: 365}) {
							return
						}
					}
				}
			},
		}},
	}
}

// countRefused counts the error answers of a handler.
func countRefused(next http.Handler) http.Handler {
	var refused atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == refusedPath {
			_ = json.NewEncoder(w).Encode(refused.Load()) // the asker sees what is missing
			return
		}
		next.ServeHTTP(&statusWatch{w, &refused}, r)
	})
}

type statusWatch struct {
	http.ResponseWriter
	refused *atomic.Int64
}

func (s *statusWatch) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		s.refused.Add(1)
	}
	s.ResponseWriter.WriteHeader(status)
}
