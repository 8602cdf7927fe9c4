package assess_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/assess"
)

// An expression that failed on every key chose nothing, and nobody was told.
func TestAChoiceKnowsWhatItCouldNotDecide(t *testing.T) {
	t.Parallel()
	numbered := func(n int, change ...func(*keyrotor.Asset)) keyrotor.Asset {
		a := healthy(change...)
		a.ARN = fmt.Sprint(a.ARN, n)
		return a
	}
	untagged := func(a *keyrotor.Asset) { delete(a.Tags, "env") }
	unread := func(a *keyrotor.Asset) { a.Tags = nil }
	aws := func(a *keyrotor.Asset) { a.KMS.KeyManager, a.Tags = "AWS", nil }
	for expr, tt := range map[string]struct {
		keys  []keyrotor.Asset
		n     int
		all   bool
		first string
	}{
		`1/(asset.aliases.size()-1) == 1`:   {[]keyrotor.Asset{numbered(1), numbered(2), numbered(2)}, 2, true, "alias/payments: division by zero"},
		`asset.tags.env == "prod"`:          {[]keyrotor.Asset{numbered(1), numbered(2, untagged)}, 0, false, ""},
		`asset.tags["env"] == "prod"`:       {[]keyrotor.Asset{numbered(1, unread), numbered(2, aws)}, 1, true, "not read: tags"},
		`asset.tags.env.startsWith("p")`:    {[]keyrotor.Asset{numbered(1, unread), numbered(2)}, 1, false, "not read: tags"},
		`asset.last_use.operation == "x"`:   {[]keyrotor.Asset{numbered(1)}, 1, true, "not read: last-use"},
		`asset.name == "alias/payments"`:    {[]keyrotor.Asset{numbered(1, unread)}, 0, false, ""},
		`asset.rotation.period > days(100)`: {[]keyrotor.Asset{imported()}, 0, false, ""},
	} {
		c, err := assess.CompileChoice(expr, today())
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		for _, a := range tt.keys {
			c.Holds(a)
		}
		n, first, all := c.Undecided()
		if n != tt.n || all != tt.all || (tt.first == "") != (first == nil) || first != nil && !strings.Contains(first.Error(), tt.first) {
			t.Errorf("%s: %d undecided, all %t, first %v; want %d, %t, %q", expr, n, all, first, tt.n, tt.all, tt.first)
		}
	}
}
