package assess

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// checkWords refuses what the YAML library takes in without a word, and not as it
// stands there: a key that is no text, such as true or 2, is a field to nobody; a
// number in another notation is another number, or another text (010 is 8, 1.10 is
// 1.1).
func (f *file) checkWords(data []byte) error {
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil //nolint:nilerr // the decoder says so, with the place
	}
	words := &words{file: f}
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			ast.Walk(words, doc.Body)
		}
	}
	if words.wrong != nil {
		return words.wrong
	}
	return nil
}

// words finds the first word of a file that is not read as it stands there.
type words struct {
	file  *file
	wrong *SourceError
}

// Visit implements ast.Visitor.
func (w *words) Visit(node ast.Node) ast.Visitor {
	if w.wrong != nil {
		return nil
	}
	switch n := node.(type) {
	case *ast.MappingValueNode:
		w.key(n.Key)
	case *ast.IntegerNode:
		w.number(n, n.Value)
	case *ast.FloatNode:
		w.number(n, n.Value)
	}
	return w
}

// key wants a text. That a text is no field of that name is the decoder's to say.
func (w *words) key(node ast.Node) {
	switch n := node.(type) {
	case *ast.MappingKeyNode:
		w.key(n.Value)
	case *ast.AnchorNode:
		w.key(n.Value)
	case *ast.BoolNode, *ast.NullNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		w.refuse(n, "unknown field %q; a name that looks like a number, true or null stands in quotes", n.GetToken().Value)
	}
}

func (w *words) number(n ast.Node, value any) {
	if text, read := n.GetToken().Value, fmt.Sprint(value); text != read {
		w.refuse(n, "%s would be read as %s: write a number in plain decimal digits, and a text in quotes", text, read)
	}
}

func (w *words) refuse(node ast.Node, format string, args ...any) {
	line, column := position(node.GetToken())
	w.wrong = w.file.errorAt(line, column, fmt.Sprintf(format, args...))
}
