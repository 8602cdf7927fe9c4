package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Tools whose templates own keys, as in Manager.Tool.
const (
	toolCloudFormation = "cloudformation"
	toolTerraform      = "terraform"
)

// template is the line to change where a template owns a key, and the warning
// of what happens otherwise.
func template(m *keyrotor.Manager, days int) (line, warning string) {
	if m == nil {
		return "", ""
	}
	owner := strings.TrimSpace(m.Tool + " " + m.Name)
	warning = owner + " owns this key: its next deployment may take this back unless the template says the same"
	switch m.Tool {
	case toolCloudFormation:
		props := fmt.Sprintf("Resources.%s.Properties.", cmp.Or(m.Resource, "<LogicalId>"))
		line = props + "EnableKeyRotation: true"
		if days != keyrotor.DefaultRotationPeriodDays {
			line += fmt.Sprintf("; %sRotationPeriodInDays: %d", props, days)
		}
	case toolTerraform:
		line = "enable_key_rotation = true"
		if days != keyrotor.DefaultRotationPeriodDays {
			line += fmt.Sprintf(", rotation_period_in_days = %d", days)
		}
		line += " in " + terraformResource(m)
	default:
		line = fmt.Sprintf("automatic rotation on, every %d d, in the template of %s", days, owner)
	}
	return line, warning
}

func tagTemplate(m *keyrotor.Manager, tags map[string]string) string {
	if m == nil {
		return ""
	}
	switch m.Tool {
	case toolCloudFormation:
		var lines []string
		for _, k := range sortedKeys(tags) {
			lines = append(lines, fmt.Sprintf("{Key: %s, Value: %s}", k, tags[k]))
		}
		return fmt.Sprintf("Resources.%s.Properties.Tags: %s", cmp.Or(m.Resource, "<LogicalId>"), strings.Join(lines, ", "))
	case toolTerraform:
		var lines []string
		for _, k := range sortedKeys(tags) {
			lines = append(lines, fmt.Sprintf("%s = %q", k, tags[k]))
		}
		return fmt.Sprintf("tags = { %s } in %s", strings.Join(lines, ", "), terraformResource(m))
	}
	return "the same tags in the template of " + strings.TrimSpace(m.Tool+" "+m.Name)
}

// terraformResource names the resource as well as tags tell it.
func terraformResource(m *keyrotor.Manager) string {
	if m.Resource == "" && m.Name != "" {
		return "resource aws_kms_key <name> of " + m.Name
	}
	return "resource aws_kms_key " + cmp.Or(m.Resource, "<name>")
}

// changeWarnings are the warnings that follow from the changes.
func changeWarnings(p keyrotor.Plan) []string {
	return slices.Concat(templateWarnings(p.Changes), longPeriods(p.Changes), nextDates(p.Changes, p.Inputs.InventoryTaken))
}

func templateWarnings(changes []keyrotor.Change) []string {
	owned := 0
	for _, c := range changes {
		if c.Seen.ManagedBy != nil && c.Template != "" {
			owned++
		}
	}
	switch owned {
	case 0:
		return nil
	case 1:
		return []string{"1 key belongs to a template: its change may be taken back by the next deployment unless its template says the same"}
	}
	return []string{fmt.Sprintf("%d keys belong to templates: their changes may be taken back by the next deployment unless the templates say the same", owned)}
}
