package aws

import (
	"slices"
	"strings"
	"testing"
)

// TestTheScanRoleNamesTheCommandsThatReadWithIt: its description once named explain,
// which reads no AWS.
func TestTheScanRoleNamesTheCommandsThatReadWithIt(t *testing.T) {
	all, err := Permissions()
	if err != nil {
		t.Fatal(err)
	}
	about := templateRoles(all, TrustOptions{})[0].about
	for command, name := range map[string]string{"scan": "scan", "doctor": "doctor", "verify": "verify", "plan-undo": "plan --undo", "apply": "apply", "explain": "explain"} {
		needs, err := Permissions(command)
		if err != nil {
			t.Fatal(err)
		}
		reads := slices.ContainsFunc(needs, func(p Permission) bool { return p.Role == RoleScan })
		if said := strings.Contains(about, name); said != reads {
			t.Errorf("%s reads with the scan role: %t; the role says so: %t (%s)", command, reads, said, about)
		}
	}
}
