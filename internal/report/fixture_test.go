package report_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// A pretend organization for the tests: 12 accounts, 3 Regions, some 1,400
// keys, one account that refuses us in one Region.

var (
	testNow     = time.Date(2026, time.November, 21, 10, 15, 2, 0, time.UTC)
	testRegions = []string{"eu-central-1", "eu-west-1", "us-east-1"}
	testNames   = []string{
		"payments-prod", "payments-dev", "ledger-prod", "identity", "data-lake", "analytics-dev",
		"web-prod", "web-staging", "security", "shared-services", "sandbox-a", "acquired-co",
	}
	testOwners = []string{"pay-team@example.com", "platform", "data-eng", "identity-team", ""}
	testWords  = []string{"orders", "invoices", "tokens", "etl", "backup", "audit", "sessions", "cards", "reports", "search"}
)

const hostile = "=cmd|' /C calc'!A0\x1b[31mred\u202egnp.exe\x07<script>alert(1)</script>"

func testAccount(i int) string { return fmt.Sprintf("%012d", 111122223333+int64(i)*101010101) }

type world struct {
	rnd  *rand.Rand
	all  []keyrotor.Assessment
	plan keyrotor.Plan
}

// realisticRun is the run after everything: scanned, approved, applied, verified.
func realisticRun(keys int) report.Run {
	w := &world{rnd: rand.New(rand.NewPCG(7, 11))}
	for i := range keys {
		w.all = append(w.all, w.key(i))
	}
	run := report.Run{
		Now: testNow, Assessments: assessments(w.all), Rules: testRules(),
		LedgerHead: "14:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmE=", CheckpointKey: "demo-key+2f8a91c4+AbCdEf0123456789",
		Where:   "./demo/runs/20261121T101502Z-5f3c",
		Waivers: []keyrotor.Exemption{{Match: `asset.id == "1234"`, Rule: "kms-rotation-on", Reason: "vendor reads raw ciphertext until its Q1 release", Until: testNow.AddDate(0, 4, 10), Signer: "alice@example.com"}},
	}
	run.Places, run.Gaps = testPlaces(w.all)
	run.Population = testPopulation(w.all, run.Places, run.Gaps)
	w.makePlan()
	run.Plan = &w.plan
	run.Approvals = testApprovals(w.plan)
	run.Outcomes, run.Verifications = w.outcomes()
	run.Digests = map[string]keyrotor.Digest{
		"inventory.jsonl": testDigest(1), "findings.jsonl": testDigest(2), "plan.json": testDigest(3), "outcomes.jsonl": testDigest(4), "verification.jsonl": testDigest(5),
	}
	return run
}

func testDigest(n int) keyrotor.Digest {
	return keyrotor.Digest(fmt.Sprintf("sha256:%064x", uint64(n)*0x9e3779b97f4a7c15))
}

func (w *world) key(i int) keyrotor.Assessment {
	account, region := w.rnd.IntN(len(testNames)), testRegions[w.rnd.IntN(3)]
	id := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", w.rnd.Uint32(), w.rnd.IntN(65536), w.rnd.IntN(4096), w.rnd.IntN(4096), w.rnd.Uint64()>>16)
	created := testNow.Add(-time.Duration(w.rnd.IntN(9*365*24)) * time.Hour)
	a := keyrotor.Asset{
		Kind: keyrotor.KindKMSKey, ID: id, Partition: "aws", Account: testAccount(account), Region: region,
		ARN: "arn:aws:kms:" + region + ":" + testAccount(account) + ":key/" + id, Owner: testOwners[w.rnd.IntN(len(testOwners))],
		Tags: map[string]string{"env": []string{"prod", "dev", "staging"}[account%3]},
		KMS: &keyrotor.KMSFacts{
			State: "Enabled", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS", KeyManager: "CUSTOMER", Created: created,
			Rotation: &keyrotor.RotationFacts{}, History: &keyrotor.RotationHistory{}, Material: &keyrotor.MaterialFacts{Since: created},
		},
	}
	if w.rnd.IntN(9) > 0 {
		a.KMS.Aliases = []string{fmt.Sprintf("alias/%s-%s-%d", testNames[account], testWords[w.rnd.IntN(len(testWords))], i)}
	}
	if i == 3 {
		a.KMS.Aliases, a.Owner = []string{"alias/" + hostile}, hostile
		// Where lists begin, so that each face has to bear it.
		a.Account, a.Region = testAccount(0), testRegions[0]
		a.KMS.Created = testNow.AddDate(-10, 0, 0)
		a.KMS.Material.Since = a.KMS.Created
	}
	return w.judge(keyrotor.Assessment{Asset: a}, i)
}

// judge spreads the keys over the views as an estate of some age has them.
func (w *world) judge(a keyrotor.Assessment, i int) keyrotor.Assessment {
	k := a.Asset.KMS
	a.Eligibility = keyrotor.Eligibility{Ability: keyrotor.Automatic, Class: "symmetric", Reason: "symmetric, AWS_KMS origin, enabled"}
	switch p := w.rnd.IntN(100); {
	case i != 3 && p < 28:
		k.KeyManager, a.View = "AWS", keyrotor.ViewAWSManaged
		k.Aliases = []string{"alias/aws/s3"}
		return a
	case i == 3 || p < 45:
		a.View = keyrotor.ViewTarget
	case p < 88:
		a.View = keyrotor.ViewRotating
		period := []int{365, 365, 365, 180, 90, 730}[w.rnd.IntN(6)]
		next := testNow.Add(time.Duration(w.rnd.IntN(period*24)) * time.Hour)
		k.Rotation = &keyrotor.RotationFacts{On: true, PeriodDays: period, Next: &next}
		if last := next.AddDate(0, 0, -period); last.After(k.Created) {
			k.Material.Since = last
			k.History.Rotations = []keyrotor.Rotation{{At: last, Type: "AUTOMATIC"}}
		}
	case p < 89:
		a.View, k.Rotation = keyrotor.ViewUnknown, nil
		a.Asset.Unread = []keyrotor.Unread{{Fact: keyrotor.FactRotation, Call: "kms:GetKeyRotationStatus", Code: "AccessDeniedException"}}
	default:
		w.ineligible(&a)
	}
	a.Findings = testFindings(a, i)
	return a
}

func (w *world) ineligible(a *keyrotor.Assessment) {
	k := a.Asset.KMS
	k.Rotation, a.View = nil, keyrotor.ViewNotEligible
	switch w.rnd.IntN(5) {
	case 0, 1:
		k.Spec, k.Usage = "RSA_4096", "SIGN_VERIFY"
		a.Eligibility = keyrotor.Eligibility{Ability: keyrotor.Manual, Class: "asymmetric signing key", Reason: "KMS does not rotate asymmetric keys", Instead: "a new key; publish its public key before the switch"}
	case 2:
		k.Origin = "EXTERNAL"
		a.Eligibility = keyrotor.Eligibility{Ability: keyrotor.OnDemand, Class: "imported key material", Reason: "KMS cannot make new material for an imported key", Instead: "import new material, then rotate on demand"}
	case 3:
		k.Spec, k.Usage = "HMAC_256", "GENERATE_VERIFY_MAC"
		a.Eligibility = keyrotor.Eligibility{Ability: keyrotor.Manual, Class: "HMAC", Reason: "KMS does not rotate HMAC keys", Instead: "a new key; old tags must stay verifiable"}
	case 4:
		k.State = "PendingDeletion"
		a.Eligibility = keyrotor.Eligibility{Ability: keyrotor.NoRotation, Class: "pending deletion or disabled", Reason: "the key is pending deletion", Instead: "nothing until it comes back"}
	}
}

func testRules() []keyrotor.RuleInfo {
	ref := func(framework, version, control, note string) keyrotor.Reference {
		return keyrotor.Reference{Framework: framework, Version: version, Control: control, Source: "the framework's own text", Date: "2026-11-02", Note: note}
	}
	return []keyrotor.RuleInfo{
		{ID: "kms-rotation-on", Pack: "builtin", Title: "automatic rotation is on where KMS offers it", Severity: keyrotor.High, References: []keyrotor.Reference{
			ref("CIS AWS Foundations", "5.0.0", "3.6", ""), ref("NIST 800-53", "r5", "SC-12", ""), ref("Security Hub", "2026-11", "KMS.4", "")}},
		{ID: "kms-material-within-cryptoperiod", Pack: "builtin", Title: "key material is younger than its cryptoperiod", Severity: keyrotor.High, References: []keyrotor.Reference{
			ref("PCI DSS", "4.0.1", "3.7.4", "interval: yours, 365 d"), ref("NIST 800-57", "r5", "5.3.6", "")}},
		{ID: "kms-period-within-cryptoperiod", Pack: "builtin", Title: "the rotation period fits the cryptoperiod", Severity: keyrotor.Medium, References: []keyrotor.Reference{
			ref("PCI DSS", "4.0.1", "3.7.4", "")}},
		{ID: "prod-keys-90d", Pack: "rules/own.yaml", Title: "production keys rotate at least every 90 days", Severity: keyrotor.Low},
	}
}

func testFindings(a keyrotor.Assessment, i int) []keyrotor.Finding {
	verdict := func(fails bool) keyrotor.Verdict {
		switch {
		case a.View == keyrotor.ViewNotEligible:
			return keyrotor.NotApplicable
		case a.View == keyrotor.ViewUnknown:
			return keyrotor.Unknown
		case fails && i%17 == 0:
			return keyrotor.Waived
		case fails:
			return keyrotor.Fail
		}
		return keyrotor.Pass
	}
	k := a.Asset.KMS
	old := testNow.Sub(k.Material.Since) > 365*24*time.Hour
	out := []keyrotor.Finding{
		{Rule: "kms-rotation-on", Severity: keyrotor.High, Verdict: verdict(a.View == keyrotor.ViewTarget), Message: "rotation is off"},
		{Rule: "kms-material-within-cryptoperiod", Severity: keyrotor.High, Verdict: verdict(old), Message: "the material is older than 365 d"},
		{Rule: "kms-period-within-cryptoperiod", Severity: keyrotor.Medium, Verdict: verdict(k.Rotation != nil && k.Rotation.PeriodDays > 365), Message: "the period is longer than 365 d"},
	}
	for n := range out {
		if out[n].Verdict == keyrotor.Waived {
			out[n].Waiver = &keyrotor.AppliedWaiver{Reason: "vendor reads raw ciphertext", Until: testNow.AddDate(0, 4, 0)}
		}
	}
	return out
}

func testPlaces(all []keyrotor.Assessment) ([]keyrotor.Place, []keyrotor.Gap) {
	var places []keyrotor.Place
	for i, name := range testNames {
		for _, region := range testRegions {
			p := keyrotor.Place{Account: testAccount(i), AccountName: name, Region: region, Status: keyrotor.PlaceRead}
			for _, a := range all {
				if a.Asset.Account == p.Account && a.Asset.Region == region {
					p.Listed++
					p.Described++
					if a.View == keyrotor.ViewAWSManaged {
						p.AWSManaged++
					} else {
						p.Customer++
					}
				}
			}
			places = append(places, p)
		}
	}
	refused := keyrotor.Place{Account: "210987654321", AccountName: "legacy-hr", Region: "eu-west-1", Status: keyrotor.PlaceGap}
	gaps := []keyrotor.Gap{
		{Account: refused.Account, Region: refused.Region, Call: "kms:ListKeys", Code: "AccessDeniedException", Cause: keyrotor.CauseSCP, Message: "explicit deny in a service control policy"},
		{Account: testAccount(11), Region: "us-east-1", Call: "sts:AssumeRole", Code: "AccessDenied", Cause: keyrotor.CauseTrust, Message: "not authorized to perform sts:AssumeRole",
			Expected: &keyrotor.ExpectedGap{Reason: "joins the organization in January", Approver: "ciso@example.com", Until: testNow.AddDate(0, 2, 0)}},
	}
	return append(places, refused), gaps
}

func testPopulation(all []keyrotor.Assessment, places []keyrotor.Place, gaps []keyrotor.Gap) keyrotor.Population {
	p := keyrotor.Population{
		Run: "20261121T101502Z-5f3c", Started: testNow.Add(-3 * time.Minute), Ended: testNow.Add(-3*time.Minute + 1200*time.Millisecond),
		Identity: "arn:aws:sts::999988887777:assumed-role/keyrotor/alice", Version: "0.1.0", Organization: "o-a1b2c3d4e5",
		AccountsFrom: "organizations:ListAccounts", RegionsFrom: "account:ListRegions", Places: len(places), Read: len(places) - 1, Keys: len(all), Gaps: len(gaps), Expected: 1,
		Inactive: map[string]int{"SUSPENDED": 2}, Excluded: []string{"999900001111"}, Calls: map[string]int{"kms:DescribeKey": len(all), "kms:ListKeys": 72, "kms:GetKeyRotationStatus": 900},
	}
	for i, name := range testNames {
		p.Accounts = append(p.Accounts, keyrotor.Account{ID: testAccount(i), Name: name})
	}
	for _, a := range all {
		if a.View != keyrotor.ViewAWSManaged {
			p.Customer++
		}
	}
	return p
}

func (w *world) makePlan() {
	off, zero := false, 0
	w.plan = keyrotor.Plan{
		Schema: keyrotor.SchemaPlan, Version: 1, Run: "20261121T101502Z-5f3c", Digest: testDigest(3), Ticket: "SEC-1042",
		Author: keyrotor.Author{Identity: "arn:aws:sts::999988887777:assumed-role/keyrotor/carol", Principal: "carol@example.com"},
		Inputs: keyrotor.Inputs{Inventory: testDigest(1), InventoryTaken: testNow.Add(-3 * time.Minute), Rules: testDigest(7), Waivers: testDigest(8), Config: testDigest(9), Signers: testDigest(10)},
		Needs:  keyrotor.Needs{Approvals: 2, ValidHours: 168},
	}
	for _, a := range w.all {
		if a.View != keyrotor.ViewTarget {
			continue
		}
		id := keyrotor.ChangeID("c-" + a.Asset.ID[:8])
		target := a.Asset.Target()
		c := keyrotor.Change{
			ID: id, Recipe: "enable-rotation", Target: target, Why: a.Failed(), Seen: keyrotor.Seen{Owner: a.Asset.Owner},
			Steps: []keyrotor.Step{{Number: 1, Verb: keyrotor.EnableRotation, Target: target, Params: keyrotor.Params{PeriodDays: 365}, Before: keyrotor.Before{RotationOn: &off, OnDemand: &zero}}},
		}
		if len(w.plan.Changes)%20 == 5 {
			c.Seen.ManagedBy = &keyrotor.Manager{Tool: "cloudformation", Name: "payments-stack"}
			c.Template = "payments-stack: set EnableKeyRotation: true on PaymentsKey"
		}
		w.plan.Changes = append(w.plan.Changes, c)
	}
	for from, size, n := 0, 5, 1; from < len(w.plan.Changes); n++ {
		to := min(len(w.plan.Changes), from+size)
		wave := keyrotor.Wave{Number: n, Canary: n == 1}
		if wave.Canary {
			wave.About = "env other than prod"
		}
		for _, c := range w.plan.Changes[from:to] {
			wave.Changes = append(wave.Changes, c.ID)
		}
		w.plan.Waves = append(w.plan.Waves, wave)
		from, size = to, min(100, size*5)
	}
	n := len(w.plan.Changes)
	for i, some := range []int{27, n - 27} { // two places
		for _, b := range []keyrotor.CallBudget{
			{Call: "kms:DescribeKey", Count: some, Verify: some, PerSecond: 2000}, {Call: "kms:GetKeyRotationStatus", Count: 2 * some, Verify: some, PerSecond: 1000}, {Call: "kms:EnableKeyRotation", Count: some, PerSecond: 15},
		} {
			b.Account, b.Region = testAccount(i), "eu-west-1"
			w.plan.Budget = append(w.plan.Budget, b)
		}
	}
	w.plan.Cost = keyrotor.Cost{FirstMonthly: 100 * n, SecondMonthly: 100 * n, PricesAsOf: "2026-11"}
}

func testApprovals(p keyrotor.Plan) []keyrotor.Approval {
	var out []keyrotor.Approval
	for _, who := range []string{"alice@example.com", "bob@example.com"} {
		out = append(out, keyrotor.Approval{Principal: who, Statement: keyrotor.Statement{
			Plan: p.Digest, Changes: len(p.Changes), Expires: testNow.AddDate(0, 0, 7), LedgerHead: "13:YWJjZGVmZ2hpamtsbW5vcA=="}})
	}
	return out
}

func (w *world) outcomes() ([]keyrotor.Outcome, []keyrotor.Verification) {
	var outcomes []keyrotor.Outcome
	var checks []keyrotor.Verification
	wave := map[keyrotor.ChangeID]int{}
	for _, wv := range w.plan.Waves {
		for _, id := range wv.Changes {
			wave[id] = wv.Number
		}
	}
	for i, c := range w.plan.Changes {
		o := keyrotor.Outcome{Schema: keyrotor.SchemaOutcome, Version: 1, Run: w.plan.Run, Plan: w.plan.Digest, Change: c.ID, Recipe: c.Recipe, Target: c.Target, Wave: wave[c.ID], State: keyrotor.Succeeded, Started: testNow, Ended: testNow,
			Receipts: []keyrotor.Receipt{{Change: c.ID, Step: 1, Verb: keyrotor.EnableRotation, At: testNow, RequestIDs: []string{fmt.Sprintf("a1b2c3d4-0000-4000-8000-%012d", i)}}}}
		next := testNow.AddDate(1, 0, 0)
		v := keyrotor.Verification{Schema: keyrotor.SchemaVerification, Version: 1, Run: w.plan.Run, Change: c.ID, Target: c.Target, Verdict: keyrotor.Confirmed, Promised: "on, every 365 d", Found: "on, every 365 d", Next: &next, At: testNow, Looks: 1}
		switch i {
		case 7:
			o.State, o.Reason, o.Receipts = keyrotor.Unchanged, "somebody turned rotation on 3 minutes ago", nil
		case 11:
			o.State, o.Reason, o.Receipts = keyrotor.Skipped, "pending deletion since 09:58", nil
		case 40, 41, 42:
			o.State, o.Receipts = keyrotor.Failed, nil
			o.Error = &keyrotor.CallError{Call: "kms:EnableKeyRotation", Code: "AccessDeniedException", Message: "explicit deny in a service control policy", RequestID: "ffff0000-1111-4222-8333-444455556666"}
		case 43:
			o.State, o.Reason, o.Receipts = keyrotor.NotStarted, "its account was stopped after 3 failures", nil
		case 60:
			v.Verdict, v.Found, v.Next, v.Looks = keyrotor.Discrepant, "off", nil, 6
		}
		outcomes = append(outcomes, o)
		if o.State == keyrotor.Succeeded || o.State == keyrotor.Unchanged {
			checks = append(checks, v)
		}
	}
	return outcomes, checks
}

// firstOf returns the first assessment of a view.
func firstOf(r report.Run, v keyrotor.View) (found keyrotor.Assessment) {
	_ = r.Assessments(func(a keyrotor.Assessment) error {
		if a.View == v && found.Asset.ID == "" {
			found = a
		}
		return nil
	})
	return found
}

// assessments makes a stream of what is in memory.
func assessments(all []keyrotor.Assessment) report.Stream {
	return func(yield func(keyrotor.Assessment) error) error {
		for _, a := range all {
			if err := yield(a); err != nil {
				return err
			}
		}
		return nil
	}
}
