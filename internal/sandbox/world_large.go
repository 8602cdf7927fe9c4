package sandbox

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// The size of the large world: 50 accounts × 4 Regions × 500 keys.
const (
	largeAccounts = 50
	largePerPlace = 500
)

// largeWorld is for measuring: 100,000 keys, made one by one while they are
// loaded.
func largeWorld() WorldSpec {
	regions := []string{"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"}
	w := WorldSpec{Name: "large", Organization: "o-large0world", Management: Management}
	for n := range largeAccounts {
		a := AccountSpec{
			ID: fmt.Sprintf("7%011d", 20418836*(n+3)), Name: fmt.Sprintf("workload-%02d", n),
			OU: fmt.Sprintf("Workloads/Unit%d", n%5), Since: 1000, On: regions, Roles: memberRoles(),
		}
		if n == 0 {
			a.ID, a.Name, a.OU, a.Roles = Management, "management", "", nil
		}
		a.Keys = func(start time.Time) iter.Seq2[string, KeySeed] { return largeKeys(n, regions, start) }
		w.Accounts = append(w.Accounts, a)
	}
	return w
}

func largeKeys(account int, regions []string, start time.Time) iter.Seq2[string, KeySeed] {
	kinds := []func(*rand.Rand, time.Time, int) KeySeed{
		rotating, rotating, rotating, lateRotating, notRotating, notRotating, youngNotRotating, hmacKey, importedKey, disabledKey,
	}
	return func(yield func(string, KeySeed) bool) {
		r := rand.New(rand.NewPCG(uint64(account), 50))
		for _, region := range regions {
			for n := range largePerPlace {
				seed := kinds[n%len(kinds)](r, start, n)
				seed.Aliases = []string{fmt.Sprintf("alias/key-%04d", n)}
				seed.Tags = map[string]string{"env": []string{"prod", "dev"}[n%2], "owner": fmt.Sprintf("team-%d", n%7)}
				if !yield(region, seed) {
					return
				}
			}
		}
	}
}
