package aws

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Permission is one IAM action that a role needs, and what for.
type Permission struct {
	Role Role
	Call string // "kms:DescribeKey", an IAM action
	// Write marks what changes something.
	Write bool
	// On is the sort of resource that the permission can be limited to.
	On Resource
	// Why is what the action is for, in a few words.
	Why string
}

// Resource is what an action can be limited to.
type Resource string

// Sorts of resources. OnKeysAndAliases needs the permission on both.
const (
	OnAnything       Resource = "*"
	OnKeys           Resource = "key/*"
	OnKeysAndAliases Resource = "key/* alias/*"
	OnRoles          Resource = "role"
)

// The groups of calls that commands are made of, beside those of changes. A test
// runs every command against a pretend AWS and compares what it called, role by
// role, with what stands here: what is missing fails, and so does what is too much.
func permissionGroups() map[string][]Permission {
	own := func(call string, on Resource, why string) Permission {
		return Permission{Role: RoleOwn, Call: call, On: on, Why: why}
	}
	scan := func(call string, on Resource, why string) Permission {
		return Permission{Role: RoleScan, Call: call, On: on, Why: why}
	}
	groups := map[string][]Permission{
		"caller": {
			own("sts:GetCallerIdentity", OnAnything, "who runs this"),
			own(callAssumeRole, OnRoles, "enter the accounts"),
		},
		"organization": {
			own(callOrganization, OnAnything, "the organization and its management account"),
			own(callListAccounts, OnAnything, "the accounts, their state and OU"),
		},
		"regions": {
			scan(callListRegions, OnAnything, "the Regions of the account"),
			scan(callDescribeRegions, OnAnything, "likewise, where account:ListRegions is refused"),
		},
		"list-keys": {
			scan("kms:ListKeys", OnAnything, "which keys there are"),
		},
		"read-key": {
			scan("kms:ListAliases", OnAnything, "their names"),
			scan("kms:DescribeKey", OnKeys, "state, spec, usage, origin, multi-Region role"),
			scan("kms:GetKeyRotationStatus", OnKeys, "rotation on or off, period, next date"),
			scan("kms:ListKeyRotations", OnKeys, "rotations done, age of the material, expiry of imported material"),
			scan("kms:ListResourceTags", OnKeys, "owner, environment, template"),
			scan("kms:GetKeyPolicy", OnKeys, "who administers the key, who outside may use it"),
		},
		keyrotor.FactLastUse: {
			scan("kms:GetKeyLastUsage", OnKeys, "--with last-use"),
		},
		keyrotor.FactGrants: {
			scan("kms:ListGrants", OnKeys, "--with grants"),
		},
		"try-apply": nil,
		"verify":    nil,
	}
	for _, call := range applyReads() {
		groups["try-apply"] = append(groups["try-apply"], Permission{Role: RoleApply, Call: call.name, On: resourceOf(call.name), Why: "can the apply role read"})
	}
	for name, verbs := range changes() {
		groups[name] = changeCalls(verbs)
		groups["verify"] = append(groups["verify"], secondLook(verbs)...)
	}
	return groups
}

// commandGroups says which groups a command needs. plan and explain read local
// files alone and need none, as do those that are not named here (assess, approve,
// report, …); plan --undo looks at the keys once more. The optional facts of scan,
// and the changes of apply, can be chosen singly.
func commandGroups() map[string][]string {
	enter := []string{"caller", "organization"}
	look := append(slices.Clone(enter), "read-key")
	scan := append([]string{"regions", "list-keys"}, look...)
	commands := map[string][]string{
		"scan":               scan,
		"plan":               nil,
		"plan-undo":          look,
		"verify":             append(slices.Clone(enter), "verify"),
		"explain":            nil,
		"doctor":             append(slices.Clone(scan), "try-apply"),
		keyrotor.FactLastUse: append(slices.Clone(scan), keyrotor.FactLastUse),
		keyrotor.FactGrants:  append(slices.Clone(scan), keyrotor.FactGrants),
		"undo": append(slices.Clone(look), string(keyrotor.SetPeriod), string(keyrotor.DisableRotation),
			string(keyrotor.TagKey), string(keyrotor.UntagKey)),
		"apply": slices.Clone(enter),
	}
	for _, name := range slices.Sorted(maps.Keys(changes())) {
		commands[name] = append(slices.Clone(enter), name)
		commands["apply"] = append(commands["apply"], name)
	}
	return commands
}

// PermissionCommands are the names that Permissions knows.
func PermissionCommands() []string { return slices.Sorted(maps.Keys(commandGroups())) }

// Permissions is what the commands need together, sorted by role and call; with
// no command named, scan, verify and apply.
func Permissions(commands ...string) ([]Permission, error) {
	if len(commands) == 0 {
		commands = []string{"scan", "verify", "apply"}
	}
	known, groups := commandGroups(), permissionGroups()
	seen := make(map[string]bool)
	var list []Permission
	for _, command := range commands {
		names, ok := known[command]
		if !ok {
			return nil, fmt.Errorf("aws: no permissions are recorded for %q; known: %s", command, strings.Join(PermissionCommands(), ", "))
		}
		for _, name := range names {
			for _, p := range groups[name] {
				if key := string(p.Role) + " " + p.Call; !seen[key] {
					seen[key] = true
					list = append(list, p)
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b Permission) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Call, b.Call)) })
	return list, nil
}
