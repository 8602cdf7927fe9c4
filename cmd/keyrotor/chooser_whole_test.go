package main

import (
	"strings"
	"testing"
)

func TestWhatSomebodySignedIsLookedThroughAndSignedWhole(t *testing.T) {
	for name, keys := range map[string][]string{
		"space leaves nothing out":                 {"space", "s", "y"},
		"a leaves nothing out":                     {"a", "s", "y"},
		"nor does a of what a filter shows":        {"/", "'env=prod'", "enter", "a", "s", "y"},
		"details and filter are there to look":     {"enter", "esc", "/", "'id-003'", "esc", "s", "y"},
		"signing it whole needs no choice of keys": {"s", "y"},
	} {
		t.Run(name, func(t *testing.T) {
			c := opened(10, 120, 35)
			c.whole = []string{"alice@example.com"}
			last := press(t, c, keys...)
			if got := len(c.result()); got != 10 || !c.confirmed || !quits(last) {
				t.Errorf("%d changes would be signed, confirmed %v; want all 10", got, c.confirmed)
			}
		})
	}
}

func TestTheListSaysThatSomebodySignedBeforeAnybodyChooses(t *testing.T) {
	for _, width := range []int{200, 120, 80, 60, 40} {
		c := opened(10, width, 35)
		c.whole = []string{"alice@example.com"}
		list := screen(c)
		if want := "whole, or left"; !strings.Contains(list, want) {
			t.Errorf("%d columns wide the list does not say %q:\n%s", width, want, list)
		}
		if strings.Contains(list, "space choose") {
			t.Errorf("%d columns wide the list offers a choice that nobody has:\n%s", width, list)
		}
		press(t, c, "s")
		if asked := screen(c); width >= 80 && !strings.Contains(asked, "alice@example.com signed it already") {
			t.Errorf("the question does not say who signed:\n%s", asked)
		}
	}
}

func TestWhoSignsSeesAllRulesThatAKeyFails(t *testing.T) {
	c := opened(3, 160, 40)
	for i := range c.plan.Changes {
		c.plan.Changes[i].Target.ARN = "arn:" + c.plan.Changes[i].Target.ID
	}
	c.fails = map[string][]string{"arn:id-000": {"kms-rotation-on (medium)", "kms-public-policy (critical)"}}
	if list := screen(c); !strings.Contains(list, "kms-public-policy (critical)") {
		t.Errorf("below the list nothing is said of a rule that the plan does not mend:\n%s", list)
	}
	press(t, c, "enter")
	if details := screen(c); !strings.Contains(details, "kms-rotation-on (medium), kms-public-policy (critical)") {
		t.Errorf("the details leave out a failing rule:\n%s", details)
	}
	press(t, c, "esc", "/", "'public-policy'", "enter")
	if len(c.shown) != 1 {
		t.Errorf("a filter for the rule shows %d rows, want 1", len(c.shown))
	}
	press(t, c, "esc", "down")
	if list := screen(c); !strings.Contains(list, "fails kms-rotation-on") {
		t.Errorf("a key of which nothing more is known shows what the plan says:\n%s", list)
	}
}
