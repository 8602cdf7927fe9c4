// Package aws is the rim towards the estate's AWS: who we are (session), which
// accounts and Regions there are (org, regions), what is in them (KMS source
// and look), and the one place that changes anything (the KMS actor).
//
// Start reading at session.go. Reading uses the scan role, changing the apply
// role; no function takes a role as a parameter from outside, so scan, assess
// and verify cannot come to hold a permission to write.
//
// Every attempt of every call passes the meter (meter.go): it is paced by the
// documented quota of its account, Region and API, counted, and its request id
// kept. What is retried and what is never repeated stands in retry.go.
package aws
