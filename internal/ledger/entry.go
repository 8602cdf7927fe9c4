package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/keyrotor/keyrotor"
)

// Types of entries.
const (
	TypePlan     = "plan"     // Digest is the plan that is about to be applied
	TypeApproval = "approval" // an approval that counted
	TypeIntent   = "intent"   // a step is about to be done
	TypeRefused  = "refused"  // an intent was definitely not carried out
	TypeReceipt  = "receipt"  // a step was done
	TypeOutcome  = "outcome"  // a change ended its turn
	TypeNote     = "note"     // words for people
	TypeArtifact = "artifact" // a file of the run gets this digest, or is not there when it has none
	TypeSeal     = "seal"     // last entry under a checkpoint; Text is the verifier key
	TypeFound    = "found"    // the Found entries right before it were under no seal
)

// maxEntry bounds an encoded entry: an entry bundle gives its length two bytes.
const maxEntry = 1<<16 - 1

// Entry is one line of a run's journal and one leaf of its tree.
type Entry struct {
	Schema   string             `json:"schema"` // keyrotor.SchemaLedgerEntry
	Version  int                `json:"version"`
	Seq      int64              `json:"seq"` // index of the leaf, from 0
	At       time.Time          `json:"at"`
	Type     string             `json:"type"`
	Change   keyrotor.ChangeID  `json:"change,omitempty"`
	Step     int                `json:"step,omitempty"`
	Verb     keyrotor.Verb      `json:"verb,omitempty"`
	Token    string             `json:"token,omitempty"`
	Receipt  *keyrotor.Receipt  `json:"receipt,omitempty"`
	Outcome  *keyrotor.Outcome  `json:"outcome,omitempty"`
	Approval *keyrotor.Approval `json:"approval,omitempty"`
	Artifact string             `json:"artifact,omitempty"` // path within the run's folder, with slashes
	Digest   keyrotor.Digest    `json:"digest,omitempty"`
	Text     string             `json:"text,omitempty"`
	Found    int64              `json:"found,omitempty"`
	Head     string             `json:"head,omitempty"` // of a seal: the estate's log's size and root, as the writer saw it last
	// Chain is the base64 SHA-256 over the previous entry's chain (as it stands
	// in the file; empty for the first) followed by this entry's RFC 8785 form
	// without chain. It makes edits visible before any seal.
	Chain string `json:"chain,omitempty"`
}

// encode numbers, chains and writes an entry: the line of the journal, without
// its newline, in RFC 8785 form.
func (e Entry) encode(seq int64, prev string) (line []byte, chain string, err error) {
	e.Schema, e.Version = keyrotor.SchemaLedgerEntry, keyrotor.SchemaVersion
	e.Seq, e.Chain = seq, ""
	e.At = e.At.UTC()
	bare, err := canonical(e)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(append([]byte(prev), bare...))
	e.Chain = base64.StdEncoding.EncodeToString(sum[:])
	if line, err = canonical(e); err != nil {
		return nil, "", err
	}
	if len(line) > maxEntry {
		return nil, "", fmt.Errorf("entry of %d bytes is longer than the %d that a log entry may have", len(line), maxEntry)
	}
	return line, e.Chain, nil
}

// readEntry reads a line and rebuilds it without its chain value. It accepts the
// canonical spelling only.
func readEntry(line []byte) (e Entry, bare []byte, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return e, nil, errors.New("not a JSON object")
	}
	if !bytes.Equal(joinFields(fields), line) {
		return e, nil, errors.New("not in canonical form")
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, nil, errors.New("not a ledger entry")
	}
	if e.Schema != keyrotor.SchemaLedgerEntry || e.Version != keyrotor.SchemaVersion {
		return Entry{}, nil, fmt.Errorf("schema %q version %d is not known to this version", e.Schema, e.Version)
	}
	delete(fields, "chain")
	return e, joinFields(fields), nil
}

// joinFields writes an object whose values are canonical already. Names of
// fields are plain ASCII, so their byte order is RFC 8785's.
func joinFields(fields map[string]json.RawMessage) []byte {
	out := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, name...)
		out = append(out, '"', ':')
		out = append(out, fields[name]...)
	}
	return append(out, '}')
}

func chainOf(prev string, bare []byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(bare)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(raw)
}

// Head says what a run's log was when it was sealed: one leaf of the estate's
// tree.
type Head struct {
	Schema  string         `json:"schema"` // keyrotor.SchemaRunHead
	Version int            `json:"version"`
	Run     keyrotor.RunID `json:"run"`
	At      time.Time      `json:"at"`
	Size    int64          `json:"size"` // entries under the checkpoint
	Root    string         `json:"root"` // base64 of the root hash
	Key     string         `json:"key"`  // verifier key of who sealed
}

// Origins name the logs in their checkpoints.
const estateOrigin = "keyrotor/ledger"

func runOrigin(run keyrotor.RunID) string { return "keyrotor/runs/" + string(run) }
