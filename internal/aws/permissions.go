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

// The groups of calls that commands are made of. A call that the code makes and
// that stands in no group fails the tests, which record every call.
func permissionGroups() map[string][]Permission {
	scan := func(call string, on Resource, why string) Permission {
		return Permission{Role: RoleScan, Call: call, On: on, Why: why}
	}
	read := func(call string, on Resource, why string) Permission {
		return Permission{Role: RoleApply, Call: call, On: on, Why: why}
	}
	write := func(call string, on Resource, why string) Permission {
		return Permission{Role: RoleApply, Call: call, On: on, Why: why, Write: true}
	}
	return map[string][]Permission{
		"caller": {
			{Role: RoleOwn, Call: "sts:GetCallerIdentity", On: OnAnything, Why: "who runs this"},
			{Role: RoleOwn, Call: callAssumeRole, On: OnRoles, Why: "enter the accounts"},
		},
		"organization": {
			{Role: RoleOwn, Call: callOrganization, On: OnAnything, Why: "the organization and its management account"},
			{Role: RoleOwn, Call: callListAccounts, On: OnAnything, Why: "the accounts, their state and OU"},
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
		"fresh-look": {
			read("kms:DescribeKey", OnKeys, "the fresh look before a change"),
			read("kms:GetKeyRotationStatus", OnKeys, "is it so already"),
			read("kms:ListKeyRotations", OnKeys, "did an on-demand rotation happen"),
			read("kms:ListResourceTags", OnKeys, "tags before they change; a new key by its change tag"),
		},
		string(keyrotor.EnableRotation):  {write("kms:EnableKeyRotation", OnKeys, "switch rotation on")},
		string(keyrotor.SetPeriod):       {write("kms:EnableKeyRotation", OnKeys, "set the period")},
		string(keyrotor.DisableRotation): {write("kms:DisableKeyRotation", OnKeys, "undo what a run switched on")},
		string(keyrotor.RotateNow):       {write("kms:RotateKeyOnDemand", OnKeys, "rotate once")},
		string(keyrotor.CreateKey): {
			write("kms:CreateKey", OnAnything, "create a key"),
			write("kms:TagResource", OnKeys, "with its change tag from the first moment"),
			write("kms:CreateAlias", OnKeysAndAliases, "and a name"),
			write("kms:EnableKeyRotation", OnKeys, "and rotation"),
			read("kms:ListKeys", OnAnything, "find a key made before a crash, by its change tag"),
		},
		string(keyrotor.CreateAlias): {write("kms:CreateAlias", OnKeysAndAliases, "name a key")},
		string(keyrotor.TagKey): {
			read("kms:GetKeyPolicy", OnKeys, "does the key policy condition on the tags"),
			write("kms:TagResource", OnKeys, "set tags"),
		},
		string(keyrotor.UntagKey): {
			read("kms:GetKeyPolicy", OnKeys, "does the key policy condition on the tags"),
			write("kms:UntagResource", OnKeys, "undo tags that a run set"),
		},
	}
}

// commandGroups says which groups a command needs. Commands that only read
// local files (assess, approve, report, …) need nothing.
func commandGroups() map[string][]string {
	look := []string{"caller", "organization", "read-key"}
	scan := append([]string{"regions", "list-keys"}, look...)
	apply := []string{"caller", "fresh-look"}
	verbs := []keyrotor.Verb{
		keyrotor.EnableRotation, keyrotor.SetPeriod, keyrotor.DisableRotation, keyrotor.RotateNow,
		keyrotor.CreateKey, keyrotor.CreateAlias, keyrotor.TagKey, keyrotor.UntagKey,
	}
	all := slices.Clone(apply)
	commands := map[string][]string{
		"scan":    scan,
		"plan":    {"caller"},
		"verify":  look,
		"explain": scan,
		"doctor":  append(slices.Clone(scan), "fresh-look"),
		// Optional facts of scan, and the verbs of apply, can be chosen singly.
		keyrotor.FactLastUse: append(slices.Clone(scan), keyrotor.FactLastUse),
		keyrotor.FactGrants:  append(slices.Clone(scan), keyrotor.FactGrants),
		"undo": append(slices.Clone(apply), string(keyrotor.SetPeriod), string(keyrotor.DisableRotation),
			string(keyrotor.TagKey), string(keyrotor.UntagKey)),
	}
	for _, verb := range verbs {
		commands[string(verb)] = append(slices.Clone(apply), string(verb))
		all = append(all, string(verb))
	}
	commands["apply"] = all
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
