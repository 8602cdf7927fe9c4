// Package approve binds people to a plan: it makes and checks signed
// statements over a plan's digest.
//
// A statement (plan digest, number of changes, expiry, ledger head) is signed
// in its RFC 8785 form with an approver's SSH key, in the format of
// "ssh-keygen -Y sign", so that anybody can check an approval without this
// program. Who may sign is read from an allowed-signers file, parsed as OpenSSH
// does. Enough different people must sign; several keys of one person count
// once.
//
// The package is pure: files, agents and clocks are its caller's.
package approve
