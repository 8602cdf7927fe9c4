package sandbox

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// demoTooling is the account that security tools run in: a delegated
// administrator, whose roles in the other members trust it. From there the
// management account cannot be read.
const demoTooling = "318804571926"

// demoAccount is an account of the demo world and its share of the keys.
type demoAccount struct {
	AccountSpec
	env   string // what its keys' env tag says; "" varies
	share int
	teams []string
}

func demoAccounts() []demoAccount {
	regions := []string{"us-east-1", "eu-west-1", "eu-central-1"}
	account := func(id, name, ou, env string, share int, teams ...string) demoAccount {
		return demoAccount{env: env, share: share, teams: teams, AccountSpec: AccountSpec{
			ID: id, Name: name, OU: ou, Since: 1500 + share*60, On: regions, Roles: memberRoles(Management, demoTooling),
		}}
	}
	all := []demoAccount{
		account(Management, "acme-management", "", "prod", 2, "cloud-platform"),
		account("204417398812", "log-archive", "Security", "prod", 3, "security"),
		account(demoTooling, "security-tooling", "Security", "prod", 5, "security", "identity"),
		account("429913680034", "network", "Infrastructure", "prod", 5, "network"),
		account("530142277491", "shared-services", "Infrastructure", "", 9, "cloud-platform", "build"),
		account("641250388507", "payments-prod", "Workloads/Production", "prod", 16, "payments", "ledger", "fraud"),
		account("752369499618", "orders-prod", "Workloads/Production", "prod", 15, "orders", "fulfilment"),
		account("863478500729", "identity-prod", "Workloads/Production", "prod", 9, "identity"),
		account("974587611830", "analytics-prod", "Workloads/Production", "prod", 12, "data", "ml"),
		account("185696722941", "payments-staging", "Workloads/NonProduction", "staging", 8, "payments", "ledger"),
		account("111122223333", "payments-dev", "Workloads/NonProduction", "dev", 10, "payments", "fraud", "data"),
		account("210987654321", "acquired-shop", "Acquired", "", 4, "shop"),
		account("488923055274", "old-marketing", "Suspended", "", 0),
	}
	for i := range all {
		switch all[i].ID {
		case Management:
			all[i].Roles = nil // rolled out by a StackSet, which leaves it out
		case demoTooling:
			all[i].Roles = memberRoles(Management)
		case "210987654321":
			all[i].Deny = []Denial{{Actions: []string{"kms:ListKeys"}, Regions: []string{"eu-west-1"}}}
		case "204417398812":
			all[i].Deny = []Denial{{Actions: []string{"kms:EnableKeyRotation"}}}
		case "488923055274":
			all[i].State = "SUSPENDED"
		}
	}
	return all
}

// demoWorld is the organization of `keyrotor demo`: twelve accounts that
// answer, one suspended, three Regions, 1,400 keys that can be seen of which 1,012
// are customer managed, and the mess of eight years.
func demoWorld() WorldSpec {
	w := WorldSpec{Name: "demo", Organization: "o-acme4demo7", Management: Management, Delegated: []string{demoTooling}}
	accounts := demoAccounts()
	keys := onceFor(func(start time.Time) []placed { return demoKeys(accounts, start) })
	for _, a := range accounts {
		a.Keys = func(start time.Time) iter.Seq2[string, KeySeed] { return keysOf(keys(start), a.ID) }
		w.Accounts = append(w.Accounts, a.AccountSpec)
	}
	return w
}

// onceFor remembers what f made: each account takes its part of one list.
func onceFor(f func(time.Time) []placed) func(time.Time) []placed {
	var mu sync.Mutex
	var of time.Time
	var made []placed
	return func(start time.Time) []placed {
		mu.Lock()
		defer mu.Unlock()
		if made == nil || !of.Equal(start) {
			of, made = start, f(start)
		}
		return made
	}
}

// demoKinds adds up to 996 seeds, which with the replicas of the 16 multi-Region
// keys make 1,012 customer managed keys.
func demoKinds() []variety {
	return []variety{
		// could rotate and does: 612
		{482, rotating}, {88, lateRotating}, {14, slowRotating}, {12, fastRotating}, {16, multiRegion},
		// could and does not: 252
		{176, notRotating}, {22, youngNotRotating}, {12, handRotated}, {22, stackKey}, {20, terraformKey},
		// cannot, as it is: 132, and 16 replicas
		{50, signing}, {6, asymmetricEncryption}, {22, hmacKey}, {32, importedKey}, {12, customStoreKey},
		{6, pendingDeletion}, {4, disabledKey},
	}
}

func demoKeys(accounts []demoAccount, start time.Time) []placed {
	r := rand.New(rand.NewPCG(2026, 11))
	var out []placed
	for _, k := range demoKinds() {
		for n := range k.count {
			a := accounts[demoShare(accounts, r)]
			p := placed{account: a.ID, region: demoRegion(a.ID, r), seed: k.make(r, start, n)}
			if p.seed.MultiRegion {
				p.seed.Replicas = []string{demoReplica(a.ID, p.region)}
			}
			demoDress(&p, a, r, start, len(out))
			out = append(out, p)
		}
	}
	demoNotables(out, start)
	out = append(out, demoHidden(start)...)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return append(out, demoAWSManaged(accounts, start)...)
}

// demoShare picks an account by its share.
func demoShare(accounts []demoAccount, r *rand.Rand) int {
	total := 0
	for _, a := range accounts {
		total += a.share
	}
	at := r.IntN(total)
	for i, a := range accounts {
		if at -= a.share; at < 0 {
			return i
		}
	}
	return 0
}

// demoRegion picks a Region, never the one that refuses to be listed: its keys
// are extra, for nobody can count them.
func demoRegion(account string, r *rand.Rand) string {
	n := r.IntN(100)
	switch {
	case n < 50:
		return "us-east-1"
	case n < 82 && account != "210987654321":
		return "eu-west-1"
	}
	return "eu-central-1"
}

// demoReplica is another Region than the key's, and one that can be listed.
func demoReplica(account, region string) string {
	switch {
	case region != "us-east-1":
		return "us-east-1"
	case account == "210987654321":
		return "eu-central-1"
	}
	return "eu-west-1"
}

// demoDress gives a key a name, tags, a description and traces of use, as
// carelessly as people do.
func demoDress(p *placed, a demoAccount, r *rand.Rand, start time.Time, n int) {
	team := a.teams[r.IntN(len(a.teams))]
	thing := []string{"data", "ledger", "uploads", "backups", "events", "queue", "db", "search", "cache", "exports", "logs", "sessions", "tokens", "reports", "images"}[r.IntN(15)]
	s := &p.seed
	if r.IntN(100) < 88 {
		s.Aliases = []string{fmt.Sprintf("alias/%s/%s-%s-%03d", team, thing, envOf(a, r), n)}
	}
	tags := map[string]string{"cost-centre": fmt.Sprintf("cc-%d", 100+len(team)*7)}
	for k, v := range s.Tags {
		tags[k] = v
	}
	if r.IntN(100) < 91 {
		tags["env"] = envOf(a, r)
	}
	if r.IntN(100) < 82 {
		tags["owner"] = team
	}
	s.Tags = tags
	s.Description = []string{"", "Key for " + thing, strings.ToUpper(team[:1]) + team[1:] + " " + thing, "do not delete!!", "Created by the platform team"}[r.IntN(5)]
	if r.IntN(100) < 70 && s.State == "" {
		s.LastUsed, s.LastUsedOp = between(r, start, 0, 180), "Decrypt"
	}
}

func envOf(a demoAccount, r *rand.Rand) string {
	if a.env != "" {
		return a.env
	}
	return []string{"prod", "dev", "test"}[r.IntN(3)]
}

func demoAWSManaged(accounts []demoAccount, start time.Time) []placed {
	var out []placed
	for i, a := range accounts {
		if a.share == 0 {
			continue
		}
		for _, region := range a.On {
			n := 11
			if i < 3 && region == "us-east-1" {
				n = 12
			}
			for _, seed := range awsManaged(n, daysBefore(start, 1400-i*31)) {
				out = append(out, placed{a.ID, region, seed})
			}
		}
	}
	return out
}
