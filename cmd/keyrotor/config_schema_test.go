package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Editors hold keyrotor.yaml against the schema while it is written, and the loader
// judges it: what one takes and the other refuses has a reason that no schema can
// express, or is not worth one.
func TestTheSchemaAndTheLoaderAgreeOnConfigurations(t *testing.T) {
	schema := schemaOfConfig(t)
	const ( // what they say
		both    = "" // good
		neither = "refused by both"
	)
	for config, want := range map[string]string{
		`{}`: both,
		`organization: {accounts: ["000123456789"], exclude_accounts: ["111122223333"]}`: both,
		`organization: {accounts: ["1"]}`:                                                neither,
		`organization: {accounts: [""]}`:                                                 neither,
		`organization: {exclude_accounts: ["11112222333a"]}`:                             neither,
		`organization: {scan_role: security/keyrotor-scan}`:                              both,
		`organization: {scan_role: "arn:aws:iam::{account}:role/a/b"}`:                   both,
		`organization: {scan_role: ""}`:                                                  both,
		`organization: {apply_role: "arn:aws:iam::1:role/a"}`:                            neither,
		`organization: {apply_role: "a b"}`:                                              neither,
		`organization: {scan_role: "../x"}`:                                              "the schema passes it: parts of a path that lead elsewhere",
		`organization: {assume_from: "arn:aws-cn:iam::111122223333:role/hub"}`:           both,
		`organization: {assume_from: "arn:aws:iam::{account}:role/hub"}`:                 neither,
		`organization: {assume_from: hub}`:                                               neither,
		`organization: {external_id: "a:/b"}`:                                            both,
		`organization: {external_id: a}`:                                                 neither,
		`organization: {external_id: "a b"}`:                                             neither,
		`organization: {external_id: ` + strings.Repeat("x", 1224) + `}`:                 both,
		`organization: {external_id: ` + strings.Repeat("x", 1225) + `}`:                 neither,
		`organization: {session_name: "ops@x"}`:                                          both,
		`organization: {session_name: "ops team"}`:                                       neither,
		`organization: {session_name: ` + strings.Repeat("x", 43) + `}`:                  neither,
		`organization: {source_identity: x}`:                                             neither,
		`organization: {session_duration: 15m}`:                                          both,
		`organization: {session_duration: 1h30m}`:                                        "the schema passes it: bounds of a duration",
		`organization: {own_account: nobody}`:                                            neither,
		`organization: {management_account: own-credentials}`:                            neither,
		`home_region: us-gov-west-1`:                                                     both,
		`home_region: ""`:                                                                both,
		`home_region: Frankfurt`:                                                         neither,
		`regions: [eu-west-1, ap-southeast-4]`:                                           both,
		`regions: [eu-west]`:                                                             neither,
		`regions: [eu-west-1a]`:                                                          neither,
		`regions: [eu-west-1, cn-north-1]`:                                               "the schema passes it: Regions of two partitions",
		`with: [grants]`:                                                                 both,
		`with: [everything]`:                                                             neither,
		`rules: [builtin, own.yaml]`:                                                     both,
		`rules: []`:                                                                      neither,
		`rules: [builtin, builtin]`:                                                      neither,
		`cryptoperiod: 365d`:                                                             both,
		`cryptoperiod: 8760h`:                                                            both,
		`cryptoperiod: "0365d"`:                                                          both,
		`cryptoperiod: 0d`:                                                               neither,
		`cryptoperiod: 365`:                                                              neither,
		`cryptoperiod: a year`:                                                           neither,
		`cryptoperiod: 365d12h`:                                                          neither,
		`cryptoperiod: 36h`:                                                              "the schema passes it: a whole number of days",
		`cryptoperiod: 40000d`:                                                           "the schema passes it: bounds of a duration",
		`cryptoperiod: +365d`:                                                            "the loader takes it: a sign that nobody writes",
		`approval: {valid: 7d}`:                                                          both,
		`approval: {valid: 1h60m}`:                                                       both,
		`approval: {valid: "7 days"}`:                                                    neither,
		`approval: {valid: -1h}`:                                                         neither,
		`approval: {valid: 119m}`:                                                        "the schema passes it: a whole number of hours",
		`approval: {needed: 0}`:                                                          neither,
		`approval: {needed: 1.9}`:                                                        neither,
		`approval: {needed: "2"}`:                                                        neither,
		`approval: {needed: 1000}`:                                                       both,
		`approval: {needed: ~}`:                                                          "the loader takes it: a field without a value is left out",
		`apply: {patience: 1.5h}`:                                                        both,
		`apply: {patience: 2}`:                                                           neither,
		`apply: {canary: 0}`:                                                             neither,
		`apply: {max_per_run: 0}`:                                                        both,
		`apply: {canari: 5}`:                                                             neither,
		`scan: {concurrency: 513}`:                                                       neither,
		`apply: {freeze: [{from: 2026-12-24, to: "2027-01-02T00:00:00+01:00", reason: holidays}]}`:          both,
		`apply: {freeze: [{from: 2026-12-24 18:00:00, to: 2027-01-02T00:00:00.5Z, reason: holidays}]}`:      both,
		`apply: {freeze: [{from: 24.12.2026, to: 2027-01-02, reason: holidays}]}`:                           neither,
		`apply: {freeze: [{from: 2026-13-24, to: 2027-01-02, reason: holidays}]}`:                           neither,
		`apply: {freeze: [{from: 2026-12-24, to: 2027-01-02, reason: ""}]}`:                                 neither,
		`apply: {freeze: [{from: 2026-12-24, to: 2027-01-02}]}`:                                             neither,
		`apply: {freeze: [{from: 2027-01-02, to: 2026-12-24, reason: holidays}]}`:                           "the schema passes it: which of two times is the earlier",
		`expected_gaps: [{match: "true", reason: a, approver: b, until: 2027-02-28}]`:                       both,
		`expected_gaps: [{match: "gap.acount == 1", reason: a, approver: b, until: 2027-02-28}]`:            "the schema passes it: an expression",
		`expected_gaps: [{match: "true", reason: a, approver: b, until: 2027-02-30}]`:                       neither,
		`expected_gaps: [{match: "true", reason: a, approver: b, until: 2027-2-3}]`:                         neither,
		`expected_gaps: [{match: "true", reason: a, approver: b, until: "2027-02-28T00:00:00Z"}]`:           neither,
		`expected_gaps: [{match: "true", reason: "", approver: b, until: 2027-02-28}]`:                      neither,
		`expected_gaps: [{match: "true", approver: b, until: 2027-02-28}]`:                                  neither,
		`{approval: {signers: allowed_signers}, state: ./state, ledger_key: k, tags: {production: [live]}}`: both,
	} {
		faults, refused := judgements(t, schema, config)
		wantRefused := want == neither || strings.HasPrefix(want, "the schema passes it")
		wantFaults := want == neither || strings.HasPrefix(want, "the loader takes it")
		if (refused != nil) != wantRefused || (len(faults) > 0) != wantFaults {
			t.Errorf("%s\nloader: %v\nschema: %s\n  want: %s", config, refused, strings.Join(faults, "; "), want)
		}
	}
}

func TestTheExamplesOfTheConfigurationFitTheSchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docsDir, "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	schema, examples := schemaOfConfig(t), 0
	for block := range strings.SplitSeq(string(text), "```") {
		config, ok := strings.CutPrefix(block, "yaml\n")
		if !ok {
			continue
		}
		examples++
		if faults, refused := judgements(t, schema, config); refused != nil || len(faults) > 0 {
			t.Errorf("%s\nloader: %v\nschema: %s", config, refused, strings.Join(faults, "; "))
		}
	}
	if examples == 0 {
		t.Error("there are no examples")
	}
}

func schemaOfConfig(t *testing.T) shape {
	t.Helper()
	text, err := configSchema()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := parsed[shape](text)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// judgements are what the schema and the loader say of a configuration.
func judgements(t *testing.T, schema shape, config string) (faults []string, refused error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyrotor.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, refused = loadConfig(path)
	document, err := yaml.YAMLToJSON([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	value, err := parsed[any](document)
	if err != nil {
		t.Fatal(err)
	}
	return schema.faults(schema, ".", value), refused
}
