package aws_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// enteredWorld is one in which every account has both roles and lets us in, so that
// nothing but the configuration keeps anybody out. We run in member.
func enteredWorld(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	keys := func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
		return func(yield func(string, sandbox.KeySeed) bool) {
			_ = yield("eu-west-1", sandbox.KeySeed{Created: start.AddDate(-1, 0, 0)})
		}
	}
	s := mixedWorld(t, func(w *sandbox.WorldSpec) {
		w.Delegated = []string{member}
		for i := range w.Accounts {
			w.Accounts[i].Keys = keys
			w.Accounts[i].Roles = []sandbox.RoleSpec{{Name: aws.DefaultScanRole, Trusts: []string{member}}, {Name: aws.DefaultApplyRole, Trusts: []string{member}}}
		}
	})
	t.Setenv("AWS_ACCESS_KEY_ID", member)
	return s
}

// keyIn is the key that the scan finds in an account that it may enter.
func keyIn(t *testing.T, account string) keyrotor.Target {
	t.Helper()
	assets, _, _, _ := collect(t, open(t, aws.Config{}))
	for _, a := range assets {
		if a.Account == account {
			return a.Target()
		}
	}
	t.Fatalf("no key in %s", account)
	return keyrotor.Target{}
}

// ways are all ways into an account that begin with a key and not with a scan.
func ways(target keyrotor.Target) map[string]func(context.Context, *aws.Estate) error {
	step := keyrotor.Step{Number: 1, Verb: keyrotor.EnableRotation, Target: target, Token: "t", Params: keyrotor.Params{PeriodDays: 365}}
	create := keyrotor.Step{Number: 1, Verb: keyrotor.CreateKey, Token: "t", Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: target.Account, Region: target.Region, Name: "alias/new"}}
	return map[string]func(context.Context, *aws.Estate) error{
		"look":     func(ctx context.Context, e *aws.Estate) error { _, err := e.Look(ctx, target); return err },
		"look for": func(ctx context.Context, e *aws.Estate) error { _, err := e.LookFor(ctx, target, nil); return err },
		"look for apply": func(ctx context.Context, e *aws.Estate) error {
			_, err := e.LookForApply(ctx, step)
			return err
		},
		"look for apply, at an alias": func(ctx context.Context, e *aws.Estate) error {
			_, err := e.LookForApply(ctx, create)
			return err
		},
		"check":  func(ctx context.Context, e *aws.Estate) error { _, err := e.KMSActor().Check(ctx, step); return err },
		"do":     func(ctx context.Context, e *aws.Estate) error { _, err := e.KMSActor().Do(ctx, step); return err },
		"create": func(ctx context.Context, e *aws.Estate) error { _, err := e.KMSActor().Do(ctx, create); return err },
		"result": func(ctx context.Context, e *aws.Estate) error { _, err := e.KMSActor().Result(ctx, create); return err },
	}
}

// TestNoWayLeadsIntoAnAccountThatIsConfiguredAsAGap: once only the scan and the
// doctor asked, and a plan of an earlier day was carried out there.
func TestNoWayLeadsIntoAnAccountThatIsConfiguredAsAGap(t *testing.T) {
	for name, c := range map[string]struct {
		account string
		cfg     aws.Config
		refuse  string // an operation of Organizations
		why     string
	}{
		"our own":        {member, aws.Config{Own: aws.AccessGap}, "", "organization.own_account is gap"},
		"the management": {home, aws.Config{Management: aws.AccessGap}, "", "organization.management_account is gap"},
		"the management, where accounts are not to be listed": {
			home, aws.Config{Management: aws.AccessGap, Accounts: []string{home, untrusted}}, "ListAccounts", "organization.management_account is gap",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := enteredWorld(t)
			target := keyIn(t, c.account)
			if c.refuse != "" {
				if err := s.Inject(sandbox.Fault{Service: "organizations", Operation: c.refuse, Code: "AccessDeniedException"}); err != nil {
					t.Fatal(err)
				}
			}
			before := s.Calls()["sts:AssumeRole"]
			for way, enter := range ways(target) {
				e := open(t, c.cfg)
				err := enter(t.Context(), e)
				var failed *keyrotor.CallFailed
				if !errors.As(err, &failed) || failed.Code != "NotConfigured" || !failed.Stop || !strings.Contains(failed.Message, c.why) {
					t.Errorf("%s: got %v, want a certain failure that says %q", way, err, c.why)
				}
				if calls := e.Calls(); len(calls[aws.RoleScan])+len(calls[aws.RoleApply]) > 0 {
					t.Errorf("%s called %v", way, calls)
				}
			}
			if n := s.Calls()["sts:AssumeRole"] - before; n != 0 {
				t.Errorf("a role was taken on %d times", n)
			}
		})
	}
}

// TestNothingIsChangedWhileNobodySaysWhichAccountIsNotToBeEntered: reading goes on,
// as the scan's does, which names the refusal.
func TestNothingIsChangedWhileNobodySaysWhichAccountIsNotToBeEntered(t *testing.T) {
	s := enteredWorld(t)
	target := keyIn(t, untrusted)
	if err := s.Inject(sandbox.Fault{Service: "organizations", Operation: "DescribeOrganization", Code: "AccessDeniedException"}); err != nil {
		t.Fatal(err)
	}
	for way, enter := range ways(target) {
		e := open(t, aws.Config{Management: aws.AccessGap})
		err := enter(t.Context(), e)
		if way == "look" || way == "look for" {
			if err != nil {
				t.Errorf("%s: %v", way, err)
			}
			continue
		}
		const why = "which account that is was not told (organizations:DescribeOrganization: AccessDeniedException)"
		if err == nil || !strings.Contains(err.Error(), why) || len(e.Calls()[aws.RoleApply]) > 0 {
			t.Errorf("%s: got %v after %v, want no call and %q", way, err, e.Calls(), why)
		}
	}
	ours := keyIn(t, member)
	if err := ways(ours)["do"](t.Context(), open(t, aws.Config{Management: aws.AccessGap})); err != nil {
		t.Errorf("our own account is another setting's: %v", err)
	}
}
