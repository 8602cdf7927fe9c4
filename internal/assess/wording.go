package assess

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
)

// plainWords turns a message of the expression compiler into one for people:
// no list of everything the parser would have taken, no mangled operators, and
// for a misspelt field the one that was meant.
func (c *compiler) plainWords(message, line string, column int) string {
	if rest, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		return "syntax error: " + plainSyntax(rest)
	}
	if name, ok := quoted(message, "undefined field '"); ok {
		return c.noField(name, line, column)
	}
	operator := regexp.MustCompile(`^found no matching overload for '_(\S+)_' applied to '\((.+), (.+)\)'$`)
	if m := operator.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s cannot be used between %s and %s", m[1], m[2], m[3])
	}
	return message
}

func plainSyntax(message string) string {
	message, _, _ = strings.Cut(message, " expecting ")
	switch message {
	case "mismatched input '<EOF>'", "no viable alternative at input '<EOF>'":
		return "the expression ends too early"
	}
	return message
}

func quoted(message, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(message, prefix)
	if !ok {
		return "", false
	}
	name, _, closed := strings.Cut(rest, "'")
	return name, closed
}

// noField explains an unknown field. The path before the dot at column tells
// which part of the asset was asked.
func (c *compiler) noField(name, line string, column int) string {
	runes := []rune(line)
	before := string(runes[:min(column, len(runes))])
	path := regexp.MustCompile(`[a-z_.]+$`).FindString(before)
	o := c.resolve(path)
	if o == nil {
		return "no field '" + name + "' here"
	}
	message := path + " has no field '" + name + "'"
	best, distance := "", 3
	for _, f := range o.fields {
		if d := editDistance(f.name, name); d < distance {
			best, distance = f.name, d
		}
	}
	if best != "" {
		return message + " (did you mean '" + best + "'?)"
	}
	names := make([]string, 0, len(o.fields))
	for _, f := range o.fields {
		names = append(names, f.name)
	}
	return message + "; it has " + strings.Join(names, ", ")
}

// resolve follows a path such as asset.rotation through the schema.
func (c *compiler) resolve(path string) *object {
	steps := strings.Split(path, ".")
	var o *object
	switch steps[0] {
	case "asset":
		o = c.schema.objects[partAsset]
	case "gap":
		o = c.schema.objects[partGap]
	}
	for _, step := range steps[1:] {
		if o == nil {
			return nil
		}
		f, _ := c.schema.field(o.name, step)
		if f.typ == nil {
			return nil
		}
		o = c.schema.byName[f.typ.TypeName()]
	}
	return o
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// typeName is what people call a type.
func typeName(t *cel.Type) string {
	switch {
	case t.IsExactType(cel.DurationType):
		return "duration"
	case t.IsExactType(cel.TimestampType):
		return "timestamp"
	}
	return t.String()
}
