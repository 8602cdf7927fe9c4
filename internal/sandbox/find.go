package sandbox

import (
	"regexp"
	"strings"
	"time"
)

// How a call names its key, and what it may see of it.
type reach int

const (
	toManage  reach = iota // id or key ARN of the caller's own account
	toInspect              // the same, reading: may see the past
	toShare                // the same, changing, also of another account
	toAsk                  // the same, reading, also of another account
	toSee                  // reading, any name, also of another account
	toUse                  // cryptography: any name, also of another account
)

func (r reach) aliases() bool      { return r == toSee || r == toUse }
func (r reach) otherAccount() bool { return r >= toShare }
func (r reach) stale() bool        { return r == toInspect || r == toAsk || r == toSee }

var keyIDPattern = regexp.MustCompile(`^(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)

// place is where a key is to be looked for.
type place struct {
	account string
	id      string // a key id, or
	alias   string // an alias name
}

// with finds the key that a call names, brings it up to date, asks its policy
// and hands it over under the account's lock.
func (c *call) with(name *string, r reach, f func(k *key) error) error {
	return c.withAs(name, r, c.Operation, f)
}

// withAs is with for a call that needs another permission than its name.
func (c *call) withAs(name *string, r reach, operation string, f func(k *key) error) error {
	p, err := c.locate(name, r)
	if err != nil {
		return err
	}
	a := c.s.account(p.account)
	a.mu.Lock()
	defer a.mu.Unlock()
	region := a.regionLocked(c.Region)
	k, err := region.lookupAt(p, c.Now)
	if err != nil {
		return err
	}
	k.settle(c.Now)
	if r.stale() {
		if k = k.seen(c.Now); k == nil {
			return notFound(region.arn("key/" + p.id))
		}
		k.settle(c.Now)
	}
	if err := k.admits(c, operation); err != nil {
		return err
	}
	return f(k)
}

// locate reads a key name: id, key ARN, alias name, alias ARN.
func (c *call) locate(name *string, r reach) (place, error) {
	if name == nil {
		return place{}, required("keyId")
	}
	text := *name
	switch {
	case text == "":
		return place{}, errf("ValidationException", "1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(text) > 2048:
		return place{}, errf("ValidationException", "1 validation error detected: Value at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 2048")
	case strings.HasPrefix(text, "arn:"):
		return c.locateARN(text, r)
	case strings.HasPrefix(text, "alias/"):
		if !r.aliases() {
			return place{}, errf("NotFoundException", "Invalid keyId '%s'", text)
		}
		return place{account: c.Account, alias: text}, nil
	case !keyIDPattern.MatchString(text):
		return place{}, errf("NotFoundException", "Invalid keyId '%s'", text)
	}
	return place{account: c.Account, id: text}, nil
}

func (c *call) locateARN(text string, r reach) (place, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[2] != "kms" || !isAccountID(parts[4]) {
		return place{}, errf("InvalidArnException", "Invalid arn %s", text)
	}
	if parts[1] != c.Partition || parts[3] != c.Region {
		return place{}, errf("NotFoundException", "Invalid arn %s", parts[3])
	}
	p := place{account: parts[4]}
	kind, rest, _ := strings.Cut(parts[5], "/")
	switch {
	case kind == "key" && keyIDPattern.MatchString(rest):
		p.id = rest
	case kind == "alias" && r.aliases():
		p.alias = parts[5]
	default:
		return place{}, errf("InvalidArnException", "Invalid arn %s", text)
	}
	if p.account != c.Account && !r.otherAccount() {
		return place{}, denied(c, c.Operation, text)
	}
	return p, nil
}

// lookupAt finds a key that is still there at the time.
func (r *kmsRegion) lookupAt(p place, now time.Time) (*key, error) {
	r.sweep(now)
	k, err := r.lookup(p)
	if err != nil || k.family == nil {
		return k, err
	}
	// The last replica to go starts the window of the primary, which may be over too.
	for _, m := range k.family.members {
		m.region.sweep(now)
	}
	r.sweep(now)
	return r.lookup(p)
}

// lookup finds a key of the Region, by id or alias.
func (r *kmsRegion) lookup(p place) (*key, error) {
	if p.alias == "" {
		if k := r.keys[p.id]; k != nil {
			return k, nil
		}
		return nil, notFound(r.arn("key/" + p.id))
	}
	a := r.aliases[p.alias]
	if a == nil || a.target == nil {
		return nil, errf("NotFoundException", "Alias %s is not found.", r.arn(p.alias))
	}
	return a.target, nil
}

// sweep deletes the keys whose day has come.
func (r *kmsRegion) sweep(now time.Time) {
	if r.firstDeath.IsZero() || now.Before(r.firstDeath) {
		return
	}
	r.firstDeath = time.Time{}
	kept := make([]*key, 0, len(r.order))
	for _, k := range r.order {
		if k.deletion.IsZero() || now.Before(k.deletion) {
			kept = append(kept, k)
			r.dies(k.deletion)
			continue
		}
		r.bury(k)
	}
	r.order = kept
}

// dies notes a deletion date.
func (r *kmsRegion) dies(at time.Time) {
	if !at.IsZero() && (r.firstDeath.IsZero() || at.Before(r.firstDeath)) {
		r.firstDeath = at
	}
}

// bury removes a key with its aliases and grants. A primary that waited for its
// last replica begins its own window now.
func (r *kmsRegion) bury(k *key) {
	delete(r.keys, k.id)
	for _, name := range k.aliases {
		delete(r.aliases, name)
		r.sorted = nil
	}
	for _, g := range k.grants {
		delete(r.grants, g.id)
	}
	if k.family == nil {
		return
	}
	primary := k.family.primary
	k.leaveFamily()
	if primary != k && primary.deletionWindow > 0 && len(primary.family.members) == 1 {
		primary.deletion = k.deletion.Add(time.Duration(primary.deletionWindow) * day)
		primary.deletionWindow = 0
		primary.region.dies(primary.deletion)
	}
}

// leaveFamily takes a key out of its multi-Region family.
func (k *key) leaveFamily() {
	f := &family{primary: k.family.primary}
	for _, m := range k.family.members {
		if m != k {
			f.members = append(f.members, m)
		}
	}
	k.family = f // the core is shared: all members see it
}

func notFound(arn string) error {
	return errf("NotFoundException", "Key '%s' does not exist", arn)
}

// Patterns of the service's own model.
var (
	namePattern   = regexp.MustCompile(`^[a-zA-Z0-9:/_-]+$`)
	regionPattern = regexp.MustCompile(`^([a-z]+-){2,3}\d+$`)
)

// unlike says that a member does not match its pattern.
func unlike(value, member string, pattern *regexp.Regexp) error {
	return errf("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", value, member, pattern)
}

func required(member string) error {
	return errf("ValidationException", "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}
