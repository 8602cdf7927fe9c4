package assess

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const rulesManual = "../../docs/rules.md"

// TestDocsListWhatThereIs compares the lists of docs/rules.md with the code;
// with -update it writes them.
func TestDocsListWhatThereIs(t *testing.T) {
	t.Parallel()
	s, err := newSchema()
	if err != nil {
		t.Fatal(err)
	}
	pack, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(rulesManual)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	for name, want := range map[string]string{"fields": fieldTables(s), "rules": ruleTable(pack)} {
		_, rest, begins := strings.Cut(doc, "<!-- "+name+" begin")
		_, rest, opened := strings.Cut(rest, "-->\n")
		got, _, ends := strings.Cut(rest, "<!-- "+name+" end -->")
		if !begins || !opened || !ends {
			t.Fatalf("docs/rules.md has no place for %s", name)
		}
		if flag.Lookup("update").Value.String() == "true" {
			doc = strings.Replace(doc, "-->\n"+got+"<!-- "+name+" end -->", "-->\n"+want+"<!-- "+name+" end -->", 1)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s of docs/rules.md (-code +docs), run with -update:\n%s", name, diff)
		}
	}
	if doc != string(raw) {
		if err := os.WriteFile(rulesManual, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func fieldTables(s *schema) string {
	prefix := map[string]string{s.objects[partAsset].name: "asset", s.objects[partGap].name: "gap"}
	for _, f := range s.objects[partAsset].fields {
		prefix[f.typ.TypeName()] = "asset." + f.name
	}
	var b strings.Builder
	for _, o := range s.objects {
		fmt.Fprintf(&b, "\n| `%s.` | type | |\n|---|---|---|\n", prefix[o.name])
		for _, f := range o.fields {
			if _, nested := s.byName[f.typ.TypeName()]; nested {
				fmt.Fprintf(&b, "| `%s` | below | %s |\n", f.name, f.doc)
				continue
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, typeName(f.typ), f.doc)
		}
	}
	return b.String() + "\n"
}

func ruleTable(p *Pack) string {
	var b strings.Builder
	b.WriteString("\n| rule | severity | requires | mapped by, among others |\n|---|---|---|---|\n")
	for _, r := range p.Rules() {
		var refs []string
		for _, ref := range r.References[:min(len(r.References), 5)] {
			refs = append(refs, fmt.Sprintf("%s %s %s", ref.Framework, ref.Version, ref.Control))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.ID, r.Severity, r.Title, strings.Join(refs, " · "))
	}
	return b.String() + "\n"
}
