package sandbox

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Management is the management account of every built-in world.
const Management = "111111111111"

// Roles that members of the built-in worlds have. Neither is in the management
// account, as in an organization that rolled them out by a StackSet.
const (
	ScanRole  = "keyrotor-scan"
	ApplyRole = "keyrotor-apply"
)

// Worlds are the names that World knows.
func Worlds() []string { return []string{"empty", "small", "demo", "large"} }

// World returns a built-in world by its name.
func World(name string) (WorldSpec, error) {
	switch name {
	case "empty":
		return emptyWorld(), nil
	case "small":
		return smallWorld(), nil
	case "demo":
		return demoWorld(), nil
	case "large":
		return largeWorld(), nil
	}
	return WorldSpec{}, fmt.Errorf("no world %q: there are %s", name, strings.Join(Worlds(), ", "))
}

// Seeded is a source of randomness for Options.Rand that is the same for the same
// seed. With it a world has the same key ids every time.
func Seeded(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// emptyWorld is an organization of one account without a key.
func emptyWorld() WorldSpec {
	return WorldSpec{
		Name: "empty", Organization: "o-empty0world", Management: Management,
		Accounts: []AccountSpec{{ID: Management, Name: "only-account", Since: 400, On: defaultRegions()}},
	}
}

// memberRoles are the two roles of a member account, for these accounts to
// assume; none is the management account. The one that scans cannot write.
func memberRoles(trusts ...string) []RoleSpec {
	look := []string{
		"kms:DescribeKey", "kms:List*", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:GetKeyLastUsage",
		"tag:GetResources", "account:ListRegions", "ec2:DescribeRegions", "sts:GetCallerIdentity",
	}
	change := []string{
		"kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:RotateKeyOnDemand",
		"kms:CreateKey", "kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias", "kms:UpdateKeyDescription", "kms:PutKeyPolicy",
		"kms:TagResource", "kms:UntagResource", "kms:EnableKey", "kms:DisableKey", "kms:GetPublicKey",
		"kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
	}
	return []RoleSpec{
		{Name: ScanRole, Trusts: trusts, Allow: look},
		{Name: ApplyRole, Trusts: trusts, Allow: slices.Concat(look, change)},
	}
}

// placed is a key and where it goes.
type placed struct {
	account, region string
	seed            KeySeed
}

// keysOf yields the seeds of one account.
func keysOf(all []placed, account string) iter.Seq2[string, KeySeed] {
	return func(yield func(string, KeySeed) bool) {
		for _, p := range all {
			if p.account == account && !yield(p.region, p.seed) {
				return
			}
		}
	}
}

// daysBefore dates something back.
func daysBefore(start time.Time, days int) time.Time { return start.Add(-time.Duration(days) * day) }

// awsManaged are the keys that services make for themselves in an account; the
// first n of them.
func awsManaged(n int, created time.Time) []KeySeed {
	services := []string{"s3", "ebs", "rds", "secretsmanager", "lambda", "ssm", "dynamodb", "sns", "sqs", "kinesis", "backup", "acm"}
	out := make([]KeySeed, 0, n)
	for _, name := range services[:min(n, len(services))] {
		out = append(out, KeySeed{
			AWSManaged: true, Created: created, RotationSince: created, RotationPeriodDays: 365,
			Aliases:     []string{"alias/aws/" + name},
			Description: "Default key that protects my data when no other key is defined (" + name + ")",
		})
	}
	return out
}
