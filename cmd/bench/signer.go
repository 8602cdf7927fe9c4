package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/approve"
)

// approver is who signs plans here.
const approver = "bench@example.com"

// signer is an approver's key, made for one run of bench.
type signer struct {
	ssh.Signer
	private []byte // OpenSSH format
}

func newSigner() (signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return signer{}, err
	}
	block, err := ssh.MarshalPrivateKey(private, approver)
	if err != nil {
		return signer{}, err
	}
	s, err := ssh.NewSignerFromKey(private)
	return signer{s, pem.EncodeToMemory(block)}, err
}

// allowed is an allowed_signers file that names the key.
func (s signer) allowed() []byte {
	return fmt.Appendf(nil, "%s %s", approver, ssh.MarshalAuthorizedKey(s.PublicKey()))
}

// approve signs a plan.
func (s signer) approve(p keyrotor.Plan) (keyrotor.Approval, error) {
	return approve.Sign(keyrotor.Statement{
		Plan: p.Digest, Changes: len(p.Changes), Expires: time.Now().Add(time.Hour), LedgerHead: "0:",
	}, approver, s, rand.Reader)
}
