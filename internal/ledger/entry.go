package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
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
	TypeFound    = "found"    // the Found entries right before it were not under a seal of who writes now
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
