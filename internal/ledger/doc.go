// Package ledger keeps the record of what was intended, done and agreed, so
// that somebody who does not trust us can check it without us.
//
// Each run has a log of its own with one writer (<run>/log), and the estate has
// a log of the heads of runs (<state>/ledger):
//
//	<run>/log/journal.jsonl       every entry, synced before its effect
//	<run>/log/checkpoint          signed note over the tree of entries
//	<run>/log/tile/…              C2SP tlog-tiles of the same entries
//	<run>/log/lines/…             a short hash of each line of each artifact
//	<state>/ledger/checkpoint     signed note over the tree of run heads
//	<state>/ledger/tile/…
//
// An entry is appended to the journal, durably, before the effect that it
// announces (Run.Append), and a file's digest before the file is in place
// (Run.Record). Sealing (Run.Seal) builds the tree of all entries and signs it; the
// head that comes of it is added to the estate's log (Estate.Add) under a file
// lock, so that two machines never fork it. A log only grows: later seals add to it,
// and only to what a believed key sealed (Signer.Believed).
//
// Verify checks all that offline. It has its own trees, checkpoints and joins, and
// shares with the writing half the form of an entry and what a mark means.
package ledger
