// Package store keeps the artifacts of runs in a folder:
//
//	<state>/runs/<run-id>/
//	  inventory.jsonl eligibility.jsonl findings.jsonl plan.json plans/
//	  approvals/ outcomes.jsonl verification.jsonl summary.json report.html log/
//	<state>/ledger/
//
// A file is put in place whole or not at all, and durably: what a killed command
// leaves is the old file. What goes wrong with the disk comes back as a
// *keyrotor.Problem. The folders log and ledger are package ledger's, which also
// holds the lock that keeps a second writer off a run.
package store
