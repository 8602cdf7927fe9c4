package sandbox

import (
	"iter"
	"math/rand/v2"
	"time"
)

// smallWorld is three accounts in two Regions with a key or two of every sort.
func smallWorld() WorldSpec {
	regions := []string{"us-east-1", "eu-west-1"}
	w := WorldSpec{Name: "small", Organization: "o-small0world", Management: Management, Accounts: []AccountSpec{
		{ID: Management, Name: "management", Since: 900, On: regions},
		{ID: "222222222222", Name: "production", OU: "Workloads/Production", Since: 800, On: regions, Roles: memberRoles()},
		{ID: "333333333333", Name: "development", OU: "Workloads/Development", Since: 700, On: regions, Roles: memberRoles()},
	}}
	for i := range w.Accounts {
		id := w.Accounts[i].ID
		w.Accounts[i].Keys = func(start time.Time) iter.Seq2[string, KeySeed] { return keysOf(smallKeys(start), id) }
	}
	return w
}

func smallKeys(start time.Time) []placed {
	r := rand.New(rand.NewPCG(3, 2))
	kinds := []variety{
		{3, rotating}, {1, lateRotating}, {1, slowRotating}, {1, fastRotating}, {1, multiRegion},
		{4, notRotating}, {1, youngNotRotating}, {1, handRotated}, {1, stackKey}, {1, terraformKey},
		{2, signing}, {1, asymmetricEncryption}, {1, hmacKey}, {2, importedKey}, {1, customStoreKey},
		{1, pendingDeletion}, {1, disabledKey},
	}
	places := []placed{
		{"222222222222", "us-east-1", KeySeed{}}, {"222222222222", "eu-west-1", KeySeed{}},
		{"333333333333", "us-east-1", KeySeed{}}, {"333333333333", "eu-west-1", KeySeed{}},
	}
	out := []placed{{Management, "us-east-1", KeySeed{Created: daysBefore(start, 600), Aliases: []string{"alias/billing"}}}}
	for _, k := range kinds {
		for n := range k.count {
			p := places[len(out)%len(places)]
			p.seed = k.make(r, start, n)
			if p.seed.MultiRegion {
				p.region, p.seed.Replicas = "us-east-1", []string{"eu-west-1"}
			}
			smallDress(&p, len(out))
			out = append(out, p)
		}
	}
	for _, seed := range awsManaged(4, daysBefore(start, 500)) {
		out = append(out, placed{"222222222222", "us-east-1", seed})
	}
	return out
}

func smallDress(p *placed, n int) {
	tags := map[string]string{"env": "prod", "owner": "platform"}
	if p.account == "333333333333" {
		tags["env"] = "dev"
	}
	for k, v := range p.seed.Tags {
		tags[k] = v
	}
	p.seed.Tags = tags
	p.seed.Aliases = []string{"alias/small-" + string(rune('a'+n%26))}
	if n == 0 || n == 8 {
		p.seed.Aliases = append(p.seed.Aliases, "alias/payments")
	}
	if n == 12 {
		p.seed.Policy = forAccount(policyShut, p.account)
	}
}
