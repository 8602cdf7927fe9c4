package main

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/sandbox"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// emulator is an AWS that somebody wrote, and where it differs from AWS.
type emulator struct {
	name  string
	start func(t *testing.T) (url string)
	// noPeriod: EnableKeyRotation forgets the period, and GetKeyRotationStatus
	// names neither period nor next date. Nobody can then confirm a period that
	// was asked for.
	noPeriod bool
}

func emulators() []emulator {
	return []emulator{
		{name: "sandbox", start: func(t *testing.T) string {
			server := httptest.NewServer(sandbox.New(sandbox.Options{}))
			t.Cleanup(server.Close)
			return server.URL
		}},
		{name: "moto", noPeriod: true, start: func(t *testing.T) string { return testenv.Moto(t) }},
	}
}

const (
	emulatedAccount = "123456789012"
	emulatedRegion  = "eu-west-1"
)

// TestTheWholeLoopOnEveryEmulator: the same commands, pointed at an AWS of our
// own making and at one that is not.
func TestTheWholeLoopOnEveryEmulator(t *testing.T) {
	for _, e := range emulators() {
		t.Run(e.name, func(t *testing.T) {
			url := e.start(t)
			r := newRig(t, url, emulatedAccount)
			r.write("keyrotor.yaml", rigConfig+"organization: {accounts: [\""+emulatedAccount+"\"]}\nregions: ["+emulatedRegion+"]\n")
			client := kmsClient(url)
			made := population(t, client)

			r.must(exitDone, "scan")
			checkViews(t, r, made)
			r.must(exitDone, "plan", "--reason", "the emulators")
			checkPlan(t, r, made)
			if out := r.must(exitRefused, "apply", "plan.json"); !strings.Contains(out, "is not approved") {
				t.Errorf("apply without a signature says\n%s", out)
			}
			r.approve()
			r.must(exitDone, "apply", "plan.json")
			for _, o := range r.outcomes() {
				if o.State != keyrotor.Succeeded {
					t.Errorf("%s ended %s (%s)", o.Target.Name, o.State, o.Reason)
				}
			}
			checkRotation(t, client, made, e)
			r.must(exitDone, "verify")
			r.must(exitDone, "report")
			if out := r.must(exitDone, "evidence", "verify", "state"); !strings.Contains(out, "whole: 1 run ") {
				t.Errorf("evidence verify says\n%s", out)
			}
			checkPeriod(t, r, made, e)
		})
	}
}

func kmsClient(url string) *kms.Client {
	return kms.New(kms.Options{
		BaseEndpoint: &url, Region: emulatedRegion, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(emulatedAccount, "test", ""),
	})
}

// keys are the key ids of an emulator, by what they are.
type keys struct{ off, alsoOff, on, signing, mac, disabled string }

func population(t *testing.T, client *kms.Client) keys {
	t.Helper()
	ctx := t.Context()
	create := func(alias string, in kms.CreateKeyInput) string {
		if in.KeyUsage == "" {
			in.KeyUsage = types.KeyUsageTypeEncryptDecrypt // AWS's default; moto describes a key without any
		}
		out, err := client.CreateKey(ctx, &in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: awssdk.String("alias/" + alias), TargetKeyId: out.KeyMetadata.KeyId}); err != nil {
			t.Fatal(err)
		}
		return *out.KeyMetadata.KeyId
	}
	k := keys{
		off:      create("orders", kms.CreateKeyInput{Tags: []types.Tag{{TagKey: awssdk.String("env"), TagValue: awssdk.String("dev")}}}),
		alsoOff:  create("payments", kms.CreateKeyInput{Description: awssdk.String("=1+1")}),
		on:       create("ledger", kms.CreateKeyInput{}),
		signing:  create("signing", kms.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify}),
		mac:      create("mac", kms.CreateKeyInput{KeySpec: types.KeySpecHmac256, KeyUsage: types.KeyUsageTypeGenerateVerifyMac}),
		disabled: create("disabled", kms.CreateKeyInput{}),
	}
	if _, err := client.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &k.on}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DisableKey(ctx, &kms.DisableKeyInput{KeyId: &k.disabled}); err != nil {
		t.Fatal(err)
	}
	return k
}

// checkViews: what is not eligible is not, whatever the emulator would accept.
func checkViews(t *testing.T, r *rig, made keys) {
	t.Helper()
	want := map[string]keyrotor.View{
		made.off: keyrotor.ViewTarget, made.alsoOff: keyrotor.ViewTarget, made.on: keyrotor.ViewRotating,
		made.signing: keyrotor.ViewNotEligible, made.mac: keyrotor.ViewNotEligible, made.disabled: keyrotor.ViewNotEligible,
	}
	seen := 0
	lines := json.NewDecoder(strings.NewReader(r.must(exitDone, "assess", "--output", "json")))
	for lines.More() {
		var line struct{ Body keyrotor.Assessment }
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		a := line.Body
		if view, ours := want[a.Asset.ID]; ours {
			seen++
			if a.View != view {
				t.Errorf("%s is %s, want %s", a.Asset.Name(), a.View, view)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d keys were assessed", seen, len(want))
	}
}

func checkPlan(t *testing.T, r *rig, made keys) {
	t.Helper()
	out := r.must(exitDone, "plan", "show", "plan.json", "--output", "json")
	var p keyrotor.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range p.Changes {
		got[c.Target.ID] = true
	}
	if len(got) != 2 || !got[made.off] || !got[made.alsoOff] {
		t.Errorf("the plan changes %v, want the two keys that do not rotate", got)
	}
}

// checkRotation asks the emulator itself, with no code of keyrotor between.
func checkRotation(t *testing.T, client *kms.Client, made keys, e emulator) {
	t.Helper()
	for id, on := range map[string]bool{made.off: true, made.alsoOff: true, made.on: true, made.disabled: false} {
		out, err := client.GetKeyRotationStatus(t.Context(), &kms.GetKeyRotationStatusInput{KeyId: &id})
		if err != nil {
			t.Fatal(err)
		}
		if out.KeyRotationEnabled != on {
			t.Errorf("key %s: rotation is %v, want %v", id, out.KeyRotationEnabled, on)
		}
		if on && !e.noPeriod && (out.RotationPeriodInDays == nil || *out.RotationPeriodInDays != 365) {
			t.Errorf("key %s: period %v, want 365", id, out.RotationPeriodInDays)
		}
		if e.noPeriod && out.RotationPeriodInDays != nil {
			t.Errorf("%s names a period now: this suite can ask more of it", e.name)
		}
	}
}

// checkPeriod asks for a period of 180 days of a key that rotates. Where nobody
// can see a period, the verification says so beside its verdict.
func checkPeriod(t *testing.T, r *rig, made keys, e emulator) {
	t.Helper()
	if e.noPeriod {
		if !strings.Contains(r.read("verification.jsonl"), "the endpoint reports no period") {
			t.Error("the verification does not say that no period was to be seen")
		}
		return
	}
	r.must(exitDone, "scan")
	r.must(exitDone, "plan", "set-period", "--period", "180", "--select", "asset.id == \""+made.on+"\"")
	r.approve()
	r.must(exitDone, "apply", "plan.json")
	if out := r.must(exitDone, "verify"); !strings.Contains(out, "1 of 1 confirmed") {
		t.Errorf("verify says\n%s", out)
	}
}
