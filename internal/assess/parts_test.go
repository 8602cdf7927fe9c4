package assess_test

import (
	"testing"

	"github.com/keyrotor/keyrotor"
)

// Every field of the language answers on a key of which everything was read.
func TestEveryFieldCanBeRead(t *testing.T) {
	t.Parallel()
	full := imported(func(a *keyrotor.Asset) {
		a.ManagedBy = &keyrotor.Manager{Tool: "terraform", Name: "payments", Resource: "Key"}
		k := a.KMS
		k.Description = "signs nothing"
		k.Rotation = &keyrotor.RotationFacts{Next: in(3), OnDemandStarted: in(-1)}
		k.MultiRegion = &keyrotor.MultiRegion{Role: "PRIMARY", Primary: "arn:p", Replicas: []string{"arn:r"}}
		k.Import.Pending, k.Import.AwaitsReplicas = "bb", true
		k.Grants = &keyrotor.GrantFacts{Count: 2, Grantees: []string{"arn:g"}}
		k.LastUse = &keyrotor.LastUse{At: ago(3), Operation: "Decrypt", TrackedSince: ago(200)}
		k.Policy = &keyrotor.PolicyFacts{Administrators: []string{"root"}, OtherAccounts: []string{"2"}, AccountPatterns: []string{"9*"}, Organizations: []string{"o-a"}, NetworkOnly: true, Outside: []string{"3"}, Services: []string{"logs"}}
	})
	for _, expr := range []string{
		`asset.managed_by.tool == "terraform" && asset.managed_by.name == "payments" && asset.managed_by.resource == "Key"`,
		`asset.description == "signs nothing" && asset.name == "alias/payments" && asset.ou == "o-a/r-b/ou-c/"`,
		`has(asset.rotation.next) && asset.rotation.next > now && has(asset.rotation.on_demand_started) && !asset.rotation.on`,
		`asset.multi_region.role == "PRIMARY" && asset.multi_region.primary == "arn:p" && asset.multi_region.replicas == ["arn:r"]`,
		`asset.import.expires && has(asset.import.valid_to) && asset.import.pending == "bb" && asset.import.awaits_replicas`,
		`asset.grants.count == 2 && asset.grants.grantees == ["arn:g"]`,
		`has(asset.last_use.at) && asset.last_use.operation == "Decrypt" && asset.last_use.tracked_since < asset.last_use.at`,
		`asset.policy.administrators == ["root"] && asset.policy.other_accounts == ["2"] && asset.policy.outside == ["3"] && asset.policy.services == ["logs"]`,
		`asset.policy.account_patterns == ["9*"] && asset.policy.organizations == ["o-a"] && asset.policy.network_only`,
		`asset.material.id == "aa" && asset.material.since == now - days(100) && asset.material.age == days(100)`,
		`asset.history.on_demand == 1 && asset.history.on_demand_left == 24 && !asset.history.due_missing && !has(asset.history.missed)`,
		`asset.eligibility.ability == "on-demand" && asset.eligibility.class == "imported key material"`,
		`type(asset) == keyrotor.Asset && type(asset.rotation) == keyrotor.Rotation && !(dyn(asset) == dyn(1))`,
	} {
		choose, err := choice(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if !choose(full) {
			t.Errorf("%s does not hold", expr)
		}
	}
}

func TestExpressionsCannotMakeAssets(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{`keyrotor.Asset{id: "x"} == asset`, `string(dyn(asset)) == "x"`, `dyn(asset).rotation.enabled == 1`, `days(9223372036854775807) > days(1)`} {
		choose, err := choice(expr)
		if err != nil {
			continue
		}
		if choose(healthy()) {
			t.Errorf("%s holds", expr)
		}
	}
}
