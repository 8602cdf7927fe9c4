// Package sandbox is an AWS endpoint in this process: STS, Organizations,
// Account, EC2 DescribeRegions, tagging and the whole of KMS, kept per account
// and Region, with real cryptography and a clock that can be moved.
//
// It exists to try keyrotor on, and to test it: it answers as AWS documents,
// with the right exception per call and state of a key. docs/sandbox.md says how
// to use it and where it differs from the real service. It verifies no
// signatures and must never be given a real secret to keep.
package sandbox
