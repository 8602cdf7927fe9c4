package aws

import (
	"cmp"
	"context"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// ForeignEndpoint is an address that is asked in the place of AWS's own: a
// sandbox, an emulator, or whoever set a variable of the environment.
type ForeignEndpoint struct {
	URL  string // without user, password and query
	From string // what named it
}

// ForeignEndpoints are the addresses that the environment or the shared
// configuration put in the place of AWS's own, each once; none for AWS itself,
// also through a VPC endpoint.
func (e *Estate) ForeignEndpoints() []ForeignEndpoint {
	var all []ForeignEndpoint
	for _, s := range []struct {
		variable string
		base     *string
	}{
		{"KMS", kms.NewFromConfig(e.base).Options().BaseEndpoint},
		{"STS", sts.NewFromConfig(e.base).Options().BaseEndpoint},
		{"ORGANIZATIONS", organizations.NewFromConfig(e.base).Options().BaseEndpoint},
		{"ACCOUNT", account.NewFromConfig(e.base).Options().BaseEndpoint},
		{"EC2", ec2.NewFromConfig(e.base).Options().BaseEndpoint},
	} {
		at := awssdk.ToString(s.base)
		if at == "" || ownEndpoint(at) {
			continue
		}
		f := ForeignEndpoint{URL: plainURL(at), From: namedBy(s.variable, at)}
		if !slices.ContainsFunc(all, func(known ForeignEndpoint) bool { return known.URL == f.URL }) {
			all = append(all, f)
		}
	}
	return all
}

// Endpoints are the addresses alone, for the record.
func (e *Estate) Endpoints() []string {
	var all []string
	for _, f := range e.ForeignEndpoints() {
		all = append(all, f.URL)
	}
	return all
}

// awsHost is a host of one of the services that are asked, in the domain of one of
// AWS's partitions: not of a machine that anybody may have there.
var awsHost = regexp.MustCompile(`^([a-z0-9-]+\.)?(kms|sts|organizations|account|ec2)(-fips)?\.([a-z0-9-]+\.)?(vpce\.)?` +
	`(amazonaws\.com|amazonaws\.com\.cn|api\.aws|api\.amazonwebservices\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

func ownEndpoint(at string) bool {
	u, err := url.Parse(at)
	return err == nil && u.Scheme == "https" && awsHost.MatchString(strings.ToLower(u.Hostname()))
}

// plainURL leaves out of an address what may be a secret.
func plainURL(at string) string {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return "an address that is no URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}).String()
}

// namedBy is the variable that named the endpoint of a service, else the file.
func namedBy(service, at string) string {
	for _, name := range []string{"AWS_ENDPOINT_URL_" + service, "AWS_ENDPOINT_URL"} {
		if os.Getenv(name) == at {
			return name
		}
	}
	return "the shared AWS configuration"
}

// checkEndpoints warns of answers that are not AWS's own.
func (e *Estate) checkEndpoints() []DoctorCheck {
	var checks []DoctorCheck
	for _, f := range e.ForeignEndpoints() {
		checks = append(checks, DoctorCheck{
			Role: RoleOwn, Account: e.who.Account, Check: "endpoint", Status: CheckWarn,
			Detail: f.URL + " (" + f.From + ") is asked in place of AWS",
			Fix:    "to work on AWS itself, take it out of " + f.From,
		})
	}
	return checks
}

// resolveOnce makes a client resolve its endpoint once for all its calls, which the
// SDK does for each: all of a client's calls go to one Region, by the same settings,
// and the rules cost a scan 2 % of its processor time.
func resolveOnce(o *kms.Options) {
	resolver := cmp.Or[kms.EndpointResolverV2](o.EndpointResolverV2, kms.NewDefaultEndpointResolverV2())
	o.EndpointResolverV2 = &firstEndpoint{resolver: resolver}
}

// firstEndpoint remembers an endpoint and what it was resolved from.
type firstEndpoint struct {
	resolver kms.EndpointResolverV2
	known    atomic.Pointer[resolved]
}

type resolved struct {
	from     kms.EndpointParameters
	endpoint smithyendpoints.Endpoint
}

// ResolveEndpoint implements kms.EndpointResolverV2.
func (f *firstEndpoint) ResolveEndpoint(ctx context.Context, from kms.EndpointParameters) (smithyendpoints.Endpoint, error) {
	if known := f.known.Load(); known != nil && sameEndpoint(known.from, from) {
		return known.endpoint, nil
	}
	endpoint, err := f.resolver.ResolveEndpoint(ctx, from)
	if err == nil {
		f.known.Store(&resolved{from, endpoint})
	}
	return endpoint, err
}

func sameEndpoint(a, b kms.EndpointParameters) bool {
	return awssdk.ToString(a.Region) == awssdk.ToString(b.Region) &&
		awssdk.ToString(a.Endpoint) == awssdk.ToString(b.Endpoint) &&
		awssdk.ToBool(a.UseDualStack) == awssdk.ToBool(b.UseDualStack) &&
		awssdk.ToBool(a.UseFIPS) == awssdk.ToBool(b.UseFIPS)
}
