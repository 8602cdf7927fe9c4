package aws_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/aws"
	"github.com/keyrotor/keyrotor/internal/sandbox"
)

// behind puts a stranger between keyrotor and the sandbox that changes the
// answers of one operation.
func behind(t *testing.T, s *sandbox.Sandbox, operation string, change func(answer []byte) []byte) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mine := strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) || strings.HasSuffix(r.URL.Path, operation) ||
			bytes.HasPrefix(body, []byte("Action=")) && bytes.Contains(body, []byte(operation+"&"))
		var asked map[string]any
		if mine && json.Unmarshal(body, &asked) == nil {
			// The markers are the stranger's own.
			delete(asked, "Marker")
			delete(asked, "NextToken")
			body, _ = json.Marshal(asked)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answered := httptest.NewRecorder()
		s.ServeHTTP(answered, r)
		out := answered.Body.Bytes()
		if mine && answered.Code == http.StatusOK {
			out = change(out)
		}
		for name, values := range answered.Header() {
			if name != "Content-Length" && name != "X-Amz-Crc32" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answered.Code)
		_, _ = w.Write(out)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
}

func always(answer string) func([]byte) []byte {
	return func([]byte) []byte { return []byte(answer) }
}

// with sets members of a JSON answer; a nil value leaves the member out.
func with(members map[string]any) func([]byte) []byte {
	return func(answer []byte) []byte {
		var doc map[string]any
		if json.Unmarshal(answer, &doc) != nil {
			return answer
		}
		for name, value := range members {
			doc[name] = value
			if value == nil {
				delete(doc, name)
			}
		}
		out, _ := json.Marshal(doc)
		return out
	}
}

func TestAnAnswerWithoutItsMembersIsAGapAndNeverAValue(t *testing.T) {
	for operation, call := range map[string]string{
		"ListKeys": "kms:ListKeys", "ListAliases": "kms:ListAliases", "DescribeKey": "kms:DescribeKey",
		"GetKeyRotationStatus": "kms:GetKeyRotationStatus", "ListKeyRotations": "kms:ListKeyRotations",
		"ListResourceTags": "kms:ListResourceTags", "GetKeyPolicy": "kms:GetKeyPolicy",
		"GetKeyLastUsage": "kms:GetKeyLastUsage", "ListGrants": "kms:ListGrants", "ListAccounts": "organizations:ListAccounts",
	} {
		for name, answer := range map[string]string{"no body": "", "an empty object": "{}", "null": "null"} {
			t.Run(operation+" answers with "+name, func(t *testing.T) {
				behind(t, mixedWorld(t, nil), operation, always(answer))
				assets, places, gaps, _ := collect(t, open(t, aws.Config{With: []string{keyrotor.FactLastUse, keyrotor.FactGrants}}))
				i := slices.IndexFunc(gaps, func(g keyrotor.Gap) bool {
					// null is no object to the SDK, which says so of what it decodes itself.
					return g.Call == call && (g.Code == "IncompleteAnswer" || answer == "null" && g.Code == "Unreadable")
				})
				if i < 0 {
					t.Fatalf("no gap: %v", inventoryGroups(gaps))
				}
				for _, a := range assets {
					if a.KMS.AWSManaged() {
						continue
					}
					if operation == "GetKeyRotationStatus" && (a.KMS.Rotation != nil || !a.Refused(keyrotor.FactRotation)) {
						t.Errorf("rotation is taken for known: %+v", a.KMS.Rotation)
					}
				}
				for _, p := range places {
					if operation == "ListKeys" && p.Status == keyrotor.PlaceRead {
						t.Errorf("place %s/%s counts as read", p.Account, p.Region)
					}
				}
			})
		}
	}
}

func TestAListThatGoesOnWithoutSayingWhereIsNotAtItsEnd(t *testing.T) {
	behind(t, mixedWorld(t, nil), "ListKeys", with(map[string]any{"Truncated": true, "NextMarker": nil}))
	_, places, gaps, _ := collect(t, open(t, aws.Config{}))
	if g := gaps[slices.IndexFunc(gaps, func(g keyrotor.Gap) bool { return g.Call == "kms:ListKeys" })]; g.Code != "IncompleteAnswer" {
		t.Errorf("gap %+v", g)
	}
	if slices.ContainsFunc(places, func(p keyrotor.Place) bool { return p.Status == keyrotor.PlaceRead }) {
		t.Errorf("a place counts as read: %+v", places)
	}
}

func TestAListWithoutEntriesIsAnAnswer(t *testing.T) {
	behind(t, mixedWorld(t, nil), "ListResourceTags", with(map[string]any{"Tags": []any{}}))
	assets, _, gaps, _ := collect(t, open(t, aws.Config{}))
	if len(gaps) != 1 || len(assets) == 0 || assets[0].Tags == nil {
		t.Errorf("gaps %v, assets %+v", inventoryGroups(gaps), assets)
	}
}

func TestListsThatNeverEndAreGaps(t *testing.T) {
	for _, operation := range []string{"ListKeys", "ListAliases", "ListResourceTags", "ListKeyRotations", "ListAccounts"} {
		t.Run(operation, func(t *testing.T) {
			behind(t, mixedWorld(t, nil), operation, with(map[string]any{"Truncated": true, "NextMarker": "again", "NextToken": "again"}))
			_, _, gaps, _ := collect(t, open(t, aws.Config{}))
			if !slices.ContainsFunc(gaps, func(g keyrotor.Gap) bool { return strings.HasSuffix(g.Call, ":"+operation) && g.Code == "EndlessList" }) {
				t.Errorf("no gap: %v", inventoryGroups(gaps))
			}
		})
	}
	t.Run("with a new marker every time", func(t *testing.T) {
		n := 0
		behind(t, mixedWorld(t, nil), "ListResourceTags", func(answer []byte) []byte {
			n++
			return with(map[string]any{"Truncated": true, "NextMarker": fmt.Sprint(n)})(answer)
		})
		_, _, gaps, _ := collect(t, open(t, aws.Config{}))
		if !slices.ContainsFunc(gaps, func(g keyrotor.Gap) bool { return g.Call == "kms:ListResourceTags" && g.Code == "EndlessList" }) {
			t.Errorf("no gap: %v", inventoryGroups(gaps))
		}
	})
}

// twice repeats the entries of every list of an answer.
func twice(answer []byte) []byte {
	var doc map[string]any
	if json.Unmarshal(answer, &doc) != nil {
		return answer
	}
	for name, value := range doc {
		if list, ok := value.([]any); ok {
			doc[name] = append(list, list...)
		}
	}
	out, _ := json.Marshal(doc)
	return out
}

func TestWhatIsListedTwiceCountsOnce(t *testing.T) {
	mixedWorld(t, nil)
	want, wantPlaces, wantGaps, _ := collect(t, open(t, aws.Config{}))
	for _, operation := range []string{"ListAccounts", "listRegions", "ListKeys", "ListAliases", "ListKeyRotations", "ListResourceTags"} {
		t.Run(operation, func(t *testing.T) {
			behind(t, mixedWorld(t, nil), operation, twice)
			assets, places, gaps, p := collect(t, open(t, aws.Config{}))
			if len(assets) != len(want) || len(places) != len(wantPlaces) || len(gaps) != len(wantGaps) || len(p.Accounts) != 3 || p.Inactive["SUSPENDED"] != 1 {
				t.Errorf("%d keys, %d places, %d gaps, population %+v; want %d, %d, %d", len(assets), len(places), len(gaps), p, len(want), len(wantPlaces), len(wantGaps))
			}
		})
	}
	behind(t, mixedWorld(t, nil), "ListAccounts", func(b []byte) []byte { return b })
	_, places, _, _ := collect(t, open(t, aws.Config{Accounts: []string{home, member, home, member}}))
	if len(places) != 4 {
		t.Errorf("accounts configured twice: %d places, want 4", len(places))
	}
}

func TestAnAccountThatIsListedInTwoWaysIsEnteredAndSaid(t *testing.T) {
	behind(t, mixedWorld(t, nil), "ListAccounts", func(answer []byte) []byte {
		var doc map[string][]map[string]any
		if json.Unmarshal(answer, &doc) != nil {
			return answer
		}
		for _, a := range doc["Accounts"] {
			if a["Id"] == member {
				other := map[string]any{"Id": member, "Name": "good", "State": "SUSPENDED"}
				doc["Accounts"] = append([]map[string]any{other}, doc["Accounts"]...)
				break
			}
		}
		out, _ := json.Marshal(doc)
		return out
	})
	e := open(t, aws.Config{})
	assets, _, gaps, p := collect(t, e)
	found, err := e.Doctor(t.Context(), aws.VisitSome)
	if c := find(t, found.Checks, home, aws.RoleOwn, "organizations:ListAccounts"); err != nil || c.Status != aws.CheckWarn || c.Fix == "" {
		t.Errorf("the doctor says %+v, %v", c, err)
	}
	if g := gapOf(t, gaps, member); g.Code != "ContradictoryAnswer" || !strings.Contains(g.Message, "listed twice") {
		t.Errorf("gap %+v", g)
	}
	if len(assets) != 1 || len(p.Accounts) != 3 {
		t.Errorf("%d keys, accounts %+v", len(assets), p.Accounts)
	}
}

func TestAnAccountOfWhichNobodyNamesARegionIsAGap(t *testing.T) {
	behind(t, mixedWorld(t, nil), "Regions", func(answer []byte) []byte {
		if bytes.HasPrefix(answer, []byte("{")) {
			return []byte(`{"Regions":[]}`)
		}
		return []byte(`<DescribeRegionsResponse/>`)
	})
	_, _, gaps, _ := collect(t, open(t, aws.Config{}))
	if g := gapOf(t, gaps, member); g.Code != "IncompleteAnswer" {
		t.Errorf("gap %+v", g)
	}
}

func TestAnAnswerAboutAnotherKeyIsNotBelieved(t *testing.T) {
	for name, change := range map[string]func(answer []byte) []byte{
		"another id":        func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`"KeyId":"`), []byte(`"KeyId":"0`)) },
		"another partition": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("arn:aws:kms"), []byte("arn:aws-cn:kms")) },
		"another account":   func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(member+":key/"), []byte(home+":key/")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := mixedWorld(t, nil)
			assets, _, _, _ := collect(t, open(t, aws.Config{}))
			behind(t, s, "DescribeKey", change)
			e := open(t, aws.Config{})
			seen, _, gaps, _ := collect(t, e)
			if len(seen) != 1 || !seen[0].Refused(keyrotor.FactDescription) {
				t.Errorf("believed: %+v", seen)
			}
			if !slices.ContainsFunc(gaps, func(g keyrotor.Gap) bool { return g.Code == "ContradictoryAnswer" && g.Call == "kms:DescribeKey" }) {
				t.Errorf("no gap: %v", inventoryGroups(gaps))
			}
			if _, err := e.Look(t.Context(), assets[0].Target()); err == nil {
				t.Error("a look believes it")
			}
		})
	}
}

func TestApplyDoesNotTakeAnIncompleteAnswerForAnEffect(t *testing.T) {
	s := mixedWorld(t, nil)
	assets, _, _, _ := collect(t, open(t, aws.Config{}))
	target := assets[0].Target()
	off := keyrotor.Step{Number: 1, Verb: keyrotor.DisableRotation, Target: target}
	untag := keyrotor.Step{Number: 1, Verb: keyrotor.UntagKey, Target: target, Params: keyrotor.Params{TagKeys: []string{"x"}}}
	for operation, step := range map[string]keyrotor.Step{"GetKeyRotationStatus": off, "ListResourceTags": untag} {
		behind(t, s, operation, always("{}"))
		done, err := open(t, aws.Config{}).KMSActor().Check(t.Context(), step)
		if failed := (*keyrotor.CallFailed)(nil); done || !errors.As(err, &failed) || failed.Code != "IncompleteAnswer" {
			t.Errorf("%s: done %t, %v", step.Verb, done, err)
		}
	}
	behind(t, s, "CreateKey", always("{}"))
	create := keyrotor.Step{Number: 1, Verb: keyrotor.CreateKey, Token: "token", Target: keyrotor.Target{Kind: keyrotor.KindKMSKey, Account: target.Account, Region: target.Region}}
	_, err := open(t, aws.Config{}).KMSActor().Do(t.Context(), create)
	if doubt := (*keyrotor.InDoubt)(nil); !errors.As(err, &doubt) {
		t.Errorf("create-key answered with {}: %v, want doubt, for the key was made", err)
	}
}

// TestDatesThatKMSCannotGiveAreGapsAndNeverValues: milliseconds for seconds once
// came out as material of 272 years, and others as dates like any.
func TestDatesThatKMSCannotGiveAreGapsAndNeverValues(t *testing.T) {
	dated := regexp.MustCompile(`("(?:\w*Date|Timestamp)":) ?[0-9.eE+]+`)
	for _, date := range []string{"1700000000000", "1763700000000", "1e12", "9e15", "-1e11", "0"} {
		for operation, call := range map[string]string{"DescribeKey": "kms:DescribeKey", "GetKeyLastUsage": "kms:GetKeyLastUsage"} {
			t.Run(operation+" "+date, func(t *testing.T) {
				changed := atomic.Int64{}
				behind(t, mixedWorld(t, nil), operation, func(answer []byte) []byte {
					if dated.Match(answer) {
						changed.Add(1)
					}
					return dated.ReplaceAll(answer, []byte("${1}"+date))
				})
				assets, _, gaps, _ := collect(t, open(t, aws.Config{With: []string{keyrotor.FactLastUse}}))
				if changed.Load() == 0 {
					t.Fatal("no answer held a date")
				}
				for _, g := range gaps {
					if g.Call == call && g.Code == "ImpossibleDate" {
						changed.Add(-1)
					}
				}
				if changed.Load() != 0 {
					t.Errorf("%d dates more than gaps: %v", changed.Load(), inventoryGroups(gaps))
				}
				for _, a := range assets {
					if k := a.KMS; operation == "DescribeKey" && !k.Created.IsZero() {
						t.Errorf("%s was created %v", a.ARN, k.Created)
					}
				}
			})
		}
	}
}
