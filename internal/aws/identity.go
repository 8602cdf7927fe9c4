package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/keyrotor/keyrotor"
)

// Identity is who keyrotor is.
type Identity struct {
	ARN       string
	Account   string
	Partition string
}

// Identity is who keyrotor runs as.
func (e *Estate) Identity() Identity { return e.who }

// firstCallTimeout bounds one attempt of the first call of all. Whoever waits
// for a wrong endpoint or a silent proxy hears of it within half a minute.
const firstCallTimeout = 6 * time.Second

func (e *Estate) callerIdentity(ctx context.Context) (Identity, error) {
	cfg := e.own()
	if w, ok := cfg.HTTPClient.(*wire); ok {
		cfg.HTTPClient = w.within(firstCallTimeout)
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, err
	}
	who := Identity{ARN: awssdk.ToString(out.Arn), Account: awssdk.ToString(out.Account), Partition: partitionOf(e.base.Region)}
	if parsed, err := awsarn.Parse(who.ARN); err == nil {
		who.Partition = parsed.Partition
	}
	if who.Account == "" {
		return Identity{}, errors.New("the answer names no account")
	}
	return who, nil
}

// nothingDone is what holds when we do not even know who we are.
const nothingDone = "nothing was read or changed in AWS"

// whoAmI puts the refusal of the first call into three parts where its code
// says more than the top of the program can know.
func whoAmI(err error, region string) error {
	err = fmt.Errorf("who am I (sts:GetCallerIdentity in %s): %w", region, err)
	switch code := errorCode(err); {
	case code == "InvalidClientTokenId", code == "UnrecognizedClientException":
		return &keyrotor.Problem{
			Err: err, Now: nothingDone,
			Next: "see which credentials these are (aws sts get-caller-identity): the key may be deleted or switched off; those of AWS in China or GovCloud need home_region, such as cn-north-1 or us-gov-west-1",
		}
	case accessDenied(code) && failedCall("", err) == callAssumeRole:
		return &keyrotor.Problem{
			Err: err, Now: nothingDone,
			Next: "let the trust policy of the role in assume_from name these credentials (with its external id), or correct assume_from",
		}
	}
	return err
}

// holdCredentials fetches the own credentials, so that having none is said
// here and not as the failure of some call.
func holdCredentials(ctx context.Context, base awssdk.Config) error {
	if base.Credentials == nil {
		return nil // the calls go out unsigned: a test's endpoint
	}
	_, err := base.Credentials.Retrieve(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	p := &keyrotor.Problem{Now: nothingDone}
	if awssdk.IsCredentialsProvider(base.Credentials, (*ec2rolecreds.Provider)(nil)) {
		p.Err = errors.New("no AWS credentials: tried " + strings.Join(tried(base), ", "))
		p.Next = "sign in and name the profile (aws sso login --profile P, AWS_PROFILE=P), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; then\nkeyrotor doctor"
		return p
	}
	p.Err = fmt.Errorf("the AWS credentials of %s cannot be fetched: %w", profileOf(base), err)
	p.Next = "sign in again (aws sso login, or whatever renews these credentials), then the same command"
	return p
}

// tried is where the SDK looked for credentials, in its order, and why there
// were none; the instance metadata are its last resort.
func tried(base awssdk.Config) []string {
	metadata := "the instance metadata of EC2 (nobody answers, or no role)"
	for _, source := range base.ConfigSources {
		if env, ok := source.(config.EnvConfig); ok && env.EC2IMDSClientEnableState == imds.ClientDisabled {
			metadata = "the instance metadata of EC2 (turned off by AWS_EC2_METADATA_DISABLED)"
		}
	}
	return []string{
		"AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY (not set)", profileOf(base) + " (holds none)",
		"AWS_WEB_IDENTITY_TOKEN_FILE and AWS_CONTAINER_CREDENTIALS_… (not set)", metadata,
	}
}

// profileOf names the profile of the user's files that is in force.
func profileOf(base awssdk.Config) string {
	name := config.DefaultSharedConfigProfile
	for _, source := range base.ConfigSources {
		if env, ok := source.(config.EnvConfig); ok {
			name = cmp.Or(env.SharedConfigProfile, name)
		}
	}
	return "profile " + name
}

// notLoaded is the error of settings that the SDK cannot read.
func notLoaded(err error) error {
	next := "correct ~/.aws/config and ~/.aws/credentials (or AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE) there, then the same command"
	var profile config.SharedConfigProfileNotExistError
	if errors.As(err, &profile) {
		next = "set AWS_PROFILE to one that is there: aws configure list-profiles"
	}
	return &keyrotor.Problem{Err: fmt.Errorf("load the AWS settings: %w", err), Now: nothingDone, Next: next}
}
