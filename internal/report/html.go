package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
)

//go:embed assets/report.css
var reportCSS string

//go:embed assets/report.js
var reportJS string

// HTML writes the run as one file that needs no network: styles, script and
// data are inside, and its content security policy allows nothing else.
func HTML(w io.Writer, r Run) error {
	doc, err := newDocument(r)
	if err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	b := bufio.NewWriterSize(w, 1<<16)
	if err := htmlPage(doc).Render(context.Background(), b); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// policy is the content security policy: the one style and the one script by
// their hashes, and no request to anywhere.
func policy() string {
	return "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src " +
		hashSource(reportCSS) + "; script-src " + hashSource(reportJS)
}

func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
