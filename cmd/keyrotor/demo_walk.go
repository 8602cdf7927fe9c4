package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/plan"
	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/store"
)

// lap is once round the loop: each stage takes up what the one before left, with
// the code of the command of that name, and says in a line or two what came of it.
type lap struct {
	demo *demo
	*session
	run  *store.Run
	pl   keyrotor.Plan
	page string // where the HTML report is
}

// walk is the loop, a line a stage.
func (d *demo) walk(ctx context.Context) error {
	s, err := d.open()
	if err != nil {
		return err
	}
	l := &lap{demo: d, session: s}
	for _, stage := range []func(context.Context) error{
		l.scanned, l.assessed, l.planned, l.approved, l.applied, l.verified, l.reported, l.sealed,
	} {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	d.farewell(s, l.page)
	d.res = result{} // gaps and refusals are what the demo set out to show
	return nil
}

func (l *lap) line(stage, format string, args ...any) {
	l.say("%-8s %s\n", stage, report.Clean(fmt.Sprintf(format, args...)))
}

func (l *lap) scanned(ctx context.Context) error {
	begin := l.now()
	run, err := l.scan(ctx, nil)
	if err != nil {
		return err
	}
	l.run = run
	v, err := l.view(run, nil)
	if err != nil {
		return err
	}
	pop := v.Population
	l.line("scan", "%s · %d of %d places read · %s keys (%s customer managed)   %.1f s", count(len(pop.Accounts), "account"), pop.Read, pop.Places, thousands(pop.Keys), thousands(pop.Customer), l.now().Sub(begin).Seconds())
	l.line("", "read from the pretend AWS at %s, not from AWS's own endpoints", strings.Join(pop.Endpoints, ", "))
	if pop.Gaps > 0 {
		g := v.Gaps[0]
		l.line("", "! %s, as in any real organization; the first: %s/%s %s on %s (%s)", count(pop.Gaps, "gap"), g.Account, g.Region, g.Code, g.Call, g.Cause)
	}
	return nil
}

func (l *lap) assessed(context.Context) error {
	_, counts, err := l.assess(l.run)
	if err != nil {
		return err
	}
	l.line("assess", "%d rotate · %d could and do not · %d cannot automatically · %d could not be read",
		counts.Views[keyrotor.ViewRotating], counts.Views[keyrotor.ViewTarget], counts.Views[keyrotor.ViewNotEligible], counts.Views[keyrotor.ViewUnreadable])
	aged, err := l.agedKeys()
	if err != nil {
		return err
	}
	l.line("", "enabled is not rotated: %d of those that rotate hold material older than a year (%d of all keys that KMS can rotate fail that rule)", aged.Before, counts.Overdue)
	return nil
}

func (l *lap) planned(context.Context) error {
	pl, err := l.plan(l.run, planFlags{file: l.demo.planFile(), ticket: "DEMO-1", reason: "the demo"}, plan.Build)
	if err != nil {
		return err
	}
	l.pl = pl
	sizes := make([]string, len(pl.Waves))
	for i, w := range pl.Waves {
		sizes[i] = fmt.Sprint(len(w.Changes))
	}
	calls := 0
	for _, b := range pl.Budget {
		calls += b.Count
	}
	l.line("plan", "%s in %s (%s) · %s · first rotations in 365 d", count(len(pl.Changes), "change"), count(len(pl.Waves), "wave"), strings.Join(sizes, " · "), count(calls, "call"))
	l.line("", "digest %s", pl.Digest)
	return nil
}

func (l *lap) approved(context.Context) error {
	for _, who := range demoApprovers() {
		if err := l.signedBy(who); err != nil {
			return err
		}
	}
	l.line("approve", "%d of %d: %s (SSH signatures)", len(demoApprovers()), l.pl.Needs.Approvals, strings.Join(demoApprovers(), ", "))
	return nil
}

// signedBy signs as an approver, without the words that the command has for one.
func (l *lap) signedBy(who string) error {
	out := l.out
	defer func() { l.out = out }()
	l.out = io.Discard
	return l.sign(l.run, l.pl, approveFlags{key: l.demo.key(who), file: l.demo.planFile(), valid: time.Duration(l.pl.Needs.ValidHours) * time.Hour})
}

func (l *lap) applied(ctx context.Context) error {
	done, err := l.apply(ctx, l.run, l.pl)
	if err != nil {
		return err
	}
	l.line("apply", "%s · %s", count(len(done.Outcomes), "change"), outcomeWords(done.Counts()))
	if why := failures(done.Outcomes); why != "" {
		l.line("", "! %s", why)
	}
	return nil
}

func (l *lap) verified(ctx context.Context) error {
	found, err := l.verify(ctx, l.run, 10*time.Second)
	if err != nil {
		return err
	}
	n := map[keyrotor.VerificationVerdict]int{}
	for _, f := range found {
		n[f.Verdict]++
	}
	l.line("verify", "%d confirmed · %d discrepant · %d unreadable", n[keyrotor.Confirmed], n[keyrotor.Discrepant], n[keyrotor.Unreadable])
	return l.sayAged()
}

func (l *lap) reported(context.Context) (err error) {
	l.page, err = l.report(l.run, filepath.Join(l.demo.dir, "report.html"))
	return err
}

// sealed says how long the estate's log is by now, and leaves the public half of
// the key that signs it beside the state.
func (l *lap) sealed(context.Context) error {
	head, err := l.ledgerHead()
	if err != nil {
		return err
	}
	_, verifier, err := l.ledgerKey()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.demo.dir, "ledger.pub"), []byte(verifier+"\n"), 0o644); err != nil {
		return usage("write the demo's files: %w", err)
	}
	size, _, _ := strings.Cut(head, ":")
	l.line("ledger", "entry %s, checkpoint signed by the demo's own key", size)
	return nil
}
