package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// gate stands before an account's role: whatever wants to enter an account that the
// configuration keeps keyrotor out of, a scan, a look or a change, gets no
// credentials there. It asks when a session is fetched and not when a client is made,
// for which account is the management account only AWS can tell.
type gate struct {
	estate *Estate
	session
	behind awssdk.CredentialsProvider
}

// codeNotConfigured is our word for an account that is not entered because the
// configuration says so.
const codeNotConfigured = "NotConfigured"

// Retrieve implements awssdk.CredentialsProvider.
func (g gate) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	if err := g.shut(ctx); err != nil {
		return awssdk.Credentials{}, err
	}
	return g.behind.Retrieve(ctx)
}

// shut is why the account is not entered, nil where it may be. While nobody says
// which account is the management account, any may be the one that is not to be
// entered: to read it is the smaller mistake, and the scan names it; to change it
// is none that could be taken back.
func (g gate) shut(ctx context.Context) error {
	own := g.account == g.estate.who.Account
	if !own && g.estate.cfg.Management == AccessGap {
		r, err := g.estate.loadRoster(ctx)
		if err != nil {
			return err
		}
		if r.unmanaged != nil && g.role == RoleApply {
			return notEntered("organization.management_account is gap, and which account that is was not told (" +
				r.unmanaged.Call + ": " + r.unmanaged.Code + "): none but keyrotor's own is changed until it is")
		}
	}
	switch {
	case g.estate.access(g.account) != AccessGap:
		return nil
	case own:
		return notEntered("organization.own_account is gap: the configuration does not let keyrotor into its own account " + g.account)
	}
	return notEntered("organization.management_account is gap: the configuration does not let keyrotor into the management account " + g.account)
}

// notEntered reads like AWS's refusal of the role, which it stands for: no call was made.
func notEntered(why string) error {
	return &smithy.OperationError{
		ServiceID: sts.ServiceID, OperationName: "AssumeRole",
		Err: &smithy.GenericAPIError{Code: codeNotConfigured, Message: why},
	}
}
