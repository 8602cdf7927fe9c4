package keyrotor

// Schemas of the files of a run, version 1 each; docs/evidence.md describes
// them field by field.
const (
	SchemaInventory    = "keyrotor.inventory"
	SchemaEligibility  = "keyrotor.eligibility"
	SchemaFinding      = "keyrotor.finding"
	SchemaSeenOn       = "keyrotor.seen-on"
	SchemaPlan         = "keyrotor.plan"
	SchemaApproval     = "keyrotor.approval"
	SchemaOutcome      = "keyrotor.outcome"
	SchemaVerification = "keyrotor.verification"
	SchemaSummary      = "keyrotor.summary"
	SchemaLedgerEntry  = "keyrotor.ledger-entry"
	SchemaRunHead      = "keyrotor.run-head"
)

// SchemaVersion is the version of all schemas above.
const SchemaVersion = 1
