package aws

import "github.com/keyrotor/keyrotor"

// changes are the kinds of change that apply carries out, by the verbs of their
// steps. A change is named for its first.
func changes() map[string][]keyrotor.Verb {
	all := map[string][]keyrotor.Verb{
		string(keyrotor.CreateKey): {keyrotor.CreateKey, keyrotor.CreateAlias, keyrotor.EnableRotation},
	}
	for _, verb := range []keyrotor.Verb{
		keyrotor.EnableRotation, keyrotor.SetPeriod, keyrotor.DisableRotation, keyrotor.RotateNow, keyrotor.TagKey, keyrotor.UntagKey,
	} {
		all[string(verb)] = []keyrotor.Verb{verb}
	}
	return all
}

// changeCalls are what a change needs: apply's fresh look, is it so already, the
// act, and with the scan role the second look at the canary.
func changeCalls(verbs []keyrotor.Verb) []Permission {
	var all []Permission
	read := func(call, why string) {
		all = append(all, Permission{Role: RoleApply, Call: call, On: resourceOf(call), Why: why})
	}
	write := func(call, why string) {
		all = append(all, Permission{Role: RoleApply, Call: call, On: resourceOf(call), Why: why, Write: true})
	}
	for _, verb := range verbs {
		for _, call := range stepOf(verb).LookCalls() {
			read(call, "the fresh look before a change; is it so already")
		}
		switch verb {
		case keyrotor.EnableRotation, keyrotor.SetPeriod:
			write("kms:EnableKeyRotation", "switch rotation on, or set the period")
		case keyrotor.DisableRotation:
			write("kms:DisableKeyRotation", "undo what a run switched on")
		case keyrotor.RotateNow:
			write("kms:RotateKeyOnDemand", "rotate once")
		case keyrotor.CreateKey:
			read("kms:ListKeys", "find a key made before a crash")
			read("kms:ListResourceTags", "by its change tag")
			write("kms:CreateKey", "create a key")
			write("kms:TagResource", "with its change tag from the first moment")
		case keyrotor.CreateAlias:
			write("kms:CreateAlias", "name a key")
		case keyrotor.TagKey:
			write("kms:TagResource", "set tags")
		case keyrotor.UntagKey:
			write("kms:UntagResource", "undo tags that a run set")
		}
	}
	return append(all, secondLook(verbs)...)
}

// secondLook is what verify, and apply at its canary, ask with the scan role.
func secondLook(verbs []keyrotor.Verb) []Permission {
	var steps []keyrotor.Step
	for _, verb := range verbs {
		steps = append(steps, stepOf(verb))
	}
	var all []Permission
	for _, call := range keyrotor.PromiseCalls(steps) {
		all = append(all, Permission{Role: RoleScan, Call: call, On: resourceOf(call), Why: "is what was promised in effect"})
	}
	return all
}

// stepOf is a step of the verb at its most: on a key that is there, with tags.
func stepOf(verb keyrotor.Verb) keyrotor.Step {
	return keyrotor.Step{Verb: verb, Target: keyrotor.Target{ID: "key"}, Params: keyrotor.Params{Tags: map[string]string{"tag": "value"}}}
}

// resourceOf is what a call of KMS can be limited to.
func resourceOf(call string) Resource {
	switch call {
	case "kms:ListKeys", "kms:ListAliases", "kms:CreateKey":
		return OnAnything
	case "kms:CreateAlias":
		return OnKeysAndAliases
	}
	return OnKeys
}
