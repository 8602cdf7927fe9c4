package plan

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
)

// Command is what somebody may ask for without a failing rule.
type Command string

// Commands.
const (
	CommandEnable    Command = RecipeEnableRotation
	CommandSetPeriod Command = RecipeSetPeriod
	CommandRotateNow Command = RecipeRotateNow
	CommandTag       Command = RecipeTag
	CommandCreateKey Command = RecipeCreateKey
)

// CommandOptions are the parameters that a command has of its own.
type CommandOptions struct {
	Tags map[string]string // of CommandTag
	Key  NewKey            // of CommandCreateKey
}

// BuildCommand plans what was asked for, for the keys that Options.Choose names;
// create-key needs no choice, and no other command does without. Keys for which
// it cannot be done are left out with the reason in the plan's warnings; when
// nothing is left it is refused with these reasons.
func BuildCommand(kind Command, assessments iter.Seq2[keyrotor.Assessment, error], o Options, c CommandOptions) (keyrotor.Plan, error) {
	d, err := newDraft(o)
	if err != nil {
		return keyrotor.Plan{}, err
	}
	// A key that is yet to be made needs no inventory.
	if kind != CommandCreateKey || !o.Inputs.InventoryTaken.IsZero() {
		if err := d.freshEnough(); err != nil {
			return keyrotor.Plan{}, err
		}
	}
	if err := c.validate(kind, o); err != nil {
		return keyrotor.Plan{}, err
	}
	cmd := commanded{draft: d, kind: kind, CommandOptions: c, primaries: map[string]keyrotor.Assessment{}, planned: map[string]bool{}}
	for a, err := range assessments {
		if err != nil {
			return keyrotor.Plan{}, fmt.Errorf("plan %s: read assessments: %w", kind, err)
		}
		d.see(a)
		cmd.take(a)
	}
	cmd.routeReplicas()
	if kind == CommandCreateKey && !cmd.taken {
		made := createKey(c.Key, d.Options)
		made.Steps[0].Before.KeysThere = cmd.there
		d.plan.Changes = append(d.plan.Changes, made)
	}
	d.plan.Selection = o.Selection
	if len(d.plan.Changes) == 0 {
		why := d.left.lines()
		if len(why) == 0 {
			why = []string{"no key fits " + o.Selection}
		}
		return keyrotor.Plan{}, refuse("plan "+string(kind), why, "keyrotor explain KEY   says what can be done with it")
	}
	return d.finish()
}

// commanded is a draft of what a command asks for.
type commanded struct {
	*draft
	CommandOptions
	kind      Command
	primaries map[string]keyrotor.Assessment // ARN ▶ primary of a multi-Region key
	replicas  []keyrotor.Asset               // chosen, whose primary takes the change
	planned   map[string]bool                // ARNs that were taken
	taken     bool                           // the alias of the new key exists
	there     int                            // keys in the place of the new key
}

func (c *commanded) take(a keyrotor.Assessment) {
	k := a.Asset.KMS
	if c.kind == CommandCreateKey {
		if a.Asset.Account != c.Key.Account || a.Asset.Region != c.Key.Region {
			return
		}
		c.there++
		if k != nil && slices.Contains(k.Aliases, c.Key.Alias) {
			c.taken = true
			c.left.note(keyrotor.Target{}, c.Key.Alias+" exists and points to "+a.Asset.ID)
		}
		return
	}
	if k != nil && k.MultiRegionRole() == "PRIMARY" {
		c.primaries[a.Asset.ARN] = a
	}
	if !c.Choose(a.Asset) {
		return
	}
	switch {
	case k == nil:
		c.left.note(a.Asset.Target(), "not a KMS key")
	case k.AWSManaged():
		c.left.note(a.Asset.Target(), "AWS manages this key; nobody else can configure it")
	case guard.Undescribed(a.Asset) != "":
		c.left.note(a.Asset.Target(), guard.Undescribed(a.Asset))
	case k.MultiRegionRole() == "REPLICA" && c.kind != CommandTag:
		// Rotation is shared by the family and set on its primary, once. Tags
		// are each key's own.
		c.replicas = append(c.replicas, a.Asset)
	default:
		c.planFor(a)
	}
}

func (c *commanded) routeReplicas() {
	for _, r := range c.replicas {
		arn := r.KMS.MultiRegion.Primary
		primary, known := c.primaries[arn]
		switch {
		case !known:
			c.left.note(r.Target(), "a replica whose primary is not in the inventory: "+arn)
		case !c.planned[arn]:
			c.planFor(primary)
		}
	}
}

// planFor plans the command for one key.
func (c *commanded) planFor(a keyrotor.Assessment) {
	c.planned[a.Asset.ARN] = true
	r := a.Asset.KMS.Rotation
	why := []string{"plan " + string(c.kind)}
	switch c.kind {
	case CommandEnable:
		if r != nil && r.On {
			c.left.note(a.Asset.Target(), "rotation is on already")
			return
		}
		days, warning := c.period(a)
		c.add(enableRotation(a.Asset, days, c.EnvTag), why, warning)
	case CommandSetPeriod:
		c.setPeriod(a, why)
	case CommandRotateNow:
		c.add(rotateNow(a.Asset, c.EnvTag), why, "")
	case CommandTag:
		if a.Asset.KMS.Policy == nil {
			c.left.note(a.Asset.Target(), "its key policy was not read: a condition on these tags cannot be ruled out")
			return
		}
		c.add(tag(a.Asset, c.Tags, c.EnvTag), why, "")
	case CommandCreateKey: // there is no key yet to plan for
	}
}

// setPeriod plans the period that the command names, else the one that the rules
// ask for, else KMS's. Without a command no period is made longer: who wants that
// says how long.
func (c *commanded) setPeriod(a keyrotor.Assessment, why []string) {
	r := a.Asset.KMS.Rotation
	days, warning := c.period(a)
	switch {
	case r != nil && !r.On:
		// Of a key that cannot rotate it is no help to name what turns others on.
		cannot := enableRotation(a.Asset, days, c.EnvTag).speaksAgainst()
		c.left.note(a.Asset.Target(), cmp.Or(cannot, "rotation is off: there is no period to set; keyrotor plan proposes to turn it on"))
		return
	case r != nil && r.PeriodDays == days:
		c.left.note(a.Asset.Target(), fmt.Sprintf("the period is %d d already", days))
		return
	case r != nil && r.PeriodDays > 0 && r.PeriodDays < days && c.PeriodDays == 0:
		c.left.note(a.Asset.Target(), fmt.Sprintf("its period of %d d is shorter than %d d already; --period DAYS makes it longer", r.PeriodDays, days))
		return
	}
	c.add(setPeriod(a.Asset, days, c.EnvTag), why, warning)
}

func (c CommandOptions) validate(kind Command, o Options) error {
	switch kind {
	case CommandCreateKey:
		return c.Key.validate(o)
	case CommandTag:
		if why := WrongTags(c.Tags); len(why) > 0 {
			return refuse("plan tag", why, "keyrotor plan tag owner=TEAM")
		}
	case CommandEnable, CommandSetPeriod, CommandRotateNow:
	default:
		return refuse(fmt.Sprintf("plan %q", kind), []string{"there is no such command"}, "keyrotor plan --help")
	}
	if o.Choose == nil {
		return refuse("plan "+string(kind)+" without a choice of keys", nil, "name keys, or use --select")
	}
	return nil
}
