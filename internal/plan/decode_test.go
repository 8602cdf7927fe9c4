package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/plan"
)

func encoded(t *testing.T, p keyrotor.Plan) string {
	t.Helper()
	text, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDecodeRefusesWhatTwoReadersReadDifferently(t *testing.T) {
	good := encoded(t, build(t, options(), key(1), key(2)))
	swap := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the plan", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"a variant of a field's name":             {swap(`"period_days": 365`, `"period_days": 365, "Period_Days": 90`), `plan.json:67:45: changes[0].steps[0].params.Period_Days: is a variant of "period_days"`},
		"an unknown field":                        {swap(`"recipe"`, `"hint": "x", "recipe"`), `changes\[0\].hint: is an unknown field`},
		"a field that is never written":           {swap(`"number": 1`, `"Token": "x", "number": 1`), `steps\[0\].Token: is an unknown field`},
		"a name twice":                            {swap(`"ticket": "OPS-7"`, `"ticket": "OPS-7", "ticket": "OPS-8"`), `plan.json:10:29: ticket: stands here twice`},
		"a name twice, once escaped":              {swap(`"ticket": "OPS-7"`, `"ticket": "OPS-7", "\u0074icket": "OPS-8"`), `ticket: stands here twice`},
		"a fraction":                              {swap(`"period_days": 365`, `"period_days": 365.0`), `365.0 is not an integer`},
		"an exponent":                             {swap(`"period_days": 365`, `"period_days": 3e2`), `3e2 is not an integer`},
		"an integer beyond 2^53":                  {swap(`"period_days": 365`, `"period_days": 9007199254740993`), `9007199254740993 is beyond 2\^53`},
		"an integer beyond all":                   {swap(`"period_days": 365`, `"period_days": 99999999999999999999`), `is beyond 2\^53`},
		"minus zero":                              {swap(`"period_days": 365`, `"period_days": -0`), `-0 is 0`},
		"null":                                    {swap(`"ticket": "OPS-7"`, `"ticket": null`), `ticket: is null`},
		"a number for a text":                     {swap(`"ticket": "OPS-7"`, `"ticket": 7`), `ticket: is a number, wanted is a text`},
		"a text for a number":                     {swap(`"version": 1`, `"version": "1"`), `version: is a text, wanted is an integer`},
		"a boolean for a list":                    {swap(`"changes": [`, `"changes": true, "x": [`), `changes: is a boolean, wanted is a list`},
		"an object for a text":                    {swap(`"ticket": "OPS-7"`, `"ticket": {}`), `ticket: is an object, wanted is a text`},
		"a time that is none":                     {swap(`"2026-11-21T09:15:02Z"`, `"yesterday"`), `inventory_taken: is "yesterday", wanted is a time`},
		"a time in another zone":                  {swap(`"2026-11-21T09:15:02Z"`, `"2026-11-21T10:15:02+01:00"`), `wanted is the same time as 2026-11-21T09:15:02Z`},
		"something behind the plan":               {good + "{}", `something follows after the end of the plan`},
		"bytes that are no text":                  {swap(`OPS-7`, "OPS-\xff"), `plan.json:10:17: is not valid UTF-8`},
		"no digest":                               {regexp.MustCompile(`,\s+"digest": "[^"]+"`).ReplaceAllString(good, ""), `lacks the field "digest"`},
		"a field left out that is always written": {swap(`"now_cents": 0,`, ``), `cost: lacks the field "now_cents"`},
		"an empty digest":                         {regexp.MustCompile(`"digest": "[^"]+"`).ReplaceAllString(good, `"digest": ""`), `the plan was changed after its digest was taken`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Decode("plan.json", []byte(tt.text))
			var refusal *keyrotor.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			want := tt.want
			if strings.HasPrefix(want, "plan.json:67") {
				want = regexp.QuoteMeta(want)
			}
			if !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDecodeSaysWhereABrokenFileBreaks(t *testing.T) {
	good := encoded(t, build(t, options(), key(1)))
	for name, tt := range map[string]struct{ text, want string }{
		"an empty file":     {"", "plan.json:1:1: the file ends in the middle of the plan"},
		"half a file":       {good[:len(good)/2], "the file ends in the middle of the plan"},
		"no JSON":           {"rotate: all", "plan.json:1:1: invalid character 'r'"},
		"a list":            {"[]", "is a list, wanted is an object"},
		"another version":   {strings.Replace(good, `"version": 1`, `"version": 2`, 1), `is "keyrotor.plan" version 2, wanted is "keyrotor.plan" version 1`},
		"a file of another": {`{"schema": "keyrotor.outcome", "version": 1}`, `is "keyrotor.outcome" version 1`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Decode("plan.json", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// A number of a million digits was echoed whole, a megabyte on a terminal.
func TestAMessageRepeatsLittleOfTheFile(t *testing.T) {
	long := strings.Repeat("9", 1<<20)
	const head = `{"schema": "keyrotor.plan", "version": 1, `
	for name, text := range map[string]string{
		"a number":             head + `"changes": ` + long + `}`,
		"a fraction":           head + `"period_days": 0.` + long + `}`,
		"a number in the head": `{"version": ` + long + `}`,
		"a time":               head + `"inputs": {"inventory_taken": "` + long + `"}}`,
		"a name":               head + `"` + long + `": 1}`,
		"a schema":             `{"schema": "` + long + `", "version": 1}`,
		"a digest":             strings.Replace(encoded(t, build(t, options(), key(1))), `"digest": "`, `"digest": "`+long, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Decode("plan.json", []byte(text))
			if err == nil {
				t.Fatal("it was read")
			}
			said := err.Error()
			var refusal *keyrotor.Refusal
			if errors.As(err, &refusal) {
				said += strings.Join(refusal.Why, "\n")
			}
			if len(said) > 1000 {
				t.Errorf("%d bytes: %.200s…", len(said), said)
			}
		})
	}
}

func TestAnAlteredPlanIsRefusedAndTheAlterationIsNamed(t *testing.T) {
	p := build(t, options(), key(1), key(2))
	text := strings.Replace(encoded(t, p), `"period_days": 365`, `"period_days": 2560`, 1)
	for name, tt := range map[string]struct {
		known []keyrotor.Plan
		want  string
	}{
		"without the plan as it was, by the change's id": {nil, "change 1 alias/key-1: its steps are not those that it was made with"},
		"with the plan as it was, by the field":          {[]keyrotor.Plan{p}, "change 1 alias/key-1: period 365 → 2560"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan.Decode("plan.json", []byte(text), tt.known...)
			var refusal *keyrotor.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), string(p.Digest)) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	t.Run("with the plan that it was chosen from", func(t *testing.T) {
		n, err := plan.Narrow(p, func(c keyrotor.Change) bool { return c.Target.Name == "alias/key-2" }, "x", guard.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(encoded(t, n), `"period_days": 365`, `"period_days": 2560`, 1)
		_, err = plan.Decode("plan.json", []byte(text), p)
		if err == nil || !strings.Contains(err.Error(), "change 1 alias/key-2: period 365 → 2560") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPlanThatContradictsItselfIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		alter func(*keyrotor.Plan)
		want  string
	}{
		"a change in no wave":       {func(p *keyrotor.Plan) { p.Waves = nil }, "stands in no wave"},
		"a change in two waves":     {func(p *keyrotor.Plan) { p.Waves[0].Changes = append(p.Waves[0].Changes, p.Waves[0].Changes[0]) }, "stands in an earlier wave"},
		"a wave of unknown changes": {func(p *keyrotor.Plan) { p.Waves[0].Changes[0] = "x" }, `wave 1 holds "x"`},
		"two changes of one id":     {func(p *keyrotor.Plan) { p.Changes[1].ID = p.Changes[0].ID }, "is empty or another change's"},
		"a change without steps":    {func(p *keyrotor.Plan) { p.Changes[0].Steps = nil }, "has no steps"},
		"steps out of order":        {func(p *keyrotor.Plan) { p.Changes[0].Steps[0].Number = 2 }, "step 1 has the number 2"},
		"waves out of order":        {func(p *keyrotor.Plan) { p.Waves[0].Number = 2 }, "wave 1 has the number 2"},
	} {
		t.Run(name, func(t *testing.T) {
			p := build(t, options(), key(1), key(2))
			tt.alter(&p)
			p.Digest = ""
			_, err := plan.Decode("plan.json", []byte(encoded(t, p)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestEveryAlteredLeafOfAPlanIsRefused(t *testing.T) {
	text := []byte(encoded(t, build(t, options(), estate()[3], estate()[5])))
	var tree any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	altered := 0
	alterLeaves(&tree, "", func(path string) {
		altered++
		bad, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Decode("plan.json", bad); err == nil {
			t.Errorf("%s was altered and nobody saw it", path)
		}
	})
	if altered < 100 {
		t.Errorf("only %d leaves were altered", altered)
	}
}

// alterLeaves changes one leaf after the other and puts it back.
func alterLeaves(v *any, path string, look func(path string)) {
	with := func(other any) {
		was := *v
		*v = other
		look(path)
		*v = was
	}
	switch x := (*v).(type) {
	case map[string]any:
		for k, e := range x {
			alterLeaves(&e, path+"/"+k, func(p string) {
				was := x[k]
				x[k] = e
				look(p)
				x[k] = was
			})
			was := x[k]
			delete(x, k)
			look(path + "/" + k + " removed")
			x[k] = was
		}
	case []any:
		for i := range x {
			alterLeaves(&x[i], fmt.Sprintf("%s/%d", path, i), look)
		}
		with(x[1:])
	case string:
		with(x + "x")
	case json.Number:
		with(json.Number("1" + x.String()))
	case bool:
		with(!x)
	}
}

func TestAPlanSurvivesItsFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		text, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := plan.Decode("plan.json", text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, back, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if lines := plan.Diff(p, back); len(lines) > 0 {
			t.Fatalf("differs: %q", lines)
		}
	})
}

func TestTheDigestDoesNotDependOnTheOrderOfNamesOrSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		text, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		names := make([]string, 0, len(members))
		for name := range members {
			names = append(names, name)
		}
		var shuffled bytes.Buffer
		for i, name := range rapid.Permutation(names).Draw(t, "order") {
			shuffled.WriteString([]string{"{\n", " , "}[min(i, 1)])
			fmt.Fprintf(&shuffled, "%q:%s", name, members[name])
		}
		shuffled.WriteString("}")
		back, err := plan.Decode("plan.json", shuffled.Bytes())
		if err != nil || back.Digest != p.Digest {
			t.Fatalf("got %s, %v, want %s", back.Digest, err, p.Digest)
		}
	})
}

func TestEncodeDoesNotWriteAPlanUnderAnothersDigest(t *testing.T) {
	p := build(t, options(), key(1))
	p.Ticket = "OPS-8"
	if _, err := plan.Encode(p); err == nil {
		t.Error("got no error")
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range []string{"enable", "overdue", "create-key", "tag"} {
		text, err := os.ReadFile("testdata/" + file + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"schema":"keyrotor.plan","version":1,"changes":[]}`))
	f.Add([]byte(`{"changes":[{"steps":[{"params":{"Period_days":1}}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := plan.Decode("plan.json", text)
		if err != nil {
			return
		}
		d, err := plan.Digest(p)
		if err != nil || d != p.Digest {
			t.Fatalf("taken with the digest %s, which is %s (%v)", p.Digest, d, err)
		}
		again, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := plan.Decode("plan.json", again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, back, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
