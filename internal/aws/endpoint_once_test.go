package aws

import (
	"context"
	"errors"
	"net/url"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// asked resolves to the Region that it was asked for, and counts.
type asked struct {
	times int
	err   error
}

func (a *asked) ResolveEndpoint(_ context.Context, p kms.EndpointParameters) (smithyendpoints.Endpoint, error) {
	a.times++
	return smithyendpoints.Endpoint{URI: url.URL{Host: awssdk.ToString(p.Region)}}, a.err
}

func TestAnEndpointIsResolvedOnceUntilItIsAskedForAnother(t *testing.T) {
	resolver := &asked{}
	o := kms.Options{EndpointResolverV2: resolver}
	resolveOnce(&o)
	frankfurt := kms.EndpointParameters{Region: awssdk.String("eu-central-1"), UseFIPS: awssdk.Bool(false)}
	for name, c := range map[string]struct {
		change func(*kms.EndpointParameters)
		again  int
	}{
		"the same":    {func(p *kms.EndpointParameters) { p.Region = awssdk.String("eu-central-1") }, 0},
		"a Region":    {func(p *kms.EndpointParameters) { p.Region = awssdk.String("us-east-1") }, 1},
		"FIPS":        {func(p *kms.EndpointParameters) { p.UseFIPS = awssdk.Bool(true) }, 1},
		"dual stack":  {func(p *kms.EndpointParameters) { p.UseDualStack = awssdk.Bool(true) }, 1},
		"an endpoint": {func(p *kms.EndpointParameters) { p.Endpoint = awssdk.String("http://localhost") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := o.EndpointResolverV2.ResolveEndpoint(t.Context(), frankfurt); err != nil {
				t.Fatal(err)
			}
			before, p := resolver.times, frankfurt
			c.change(&p)
			got, err := o.EndpointResolverV2.ResolveEndpoint(t.Context(), p)
			if err != nil || got.URI.Host != *p.Region || resolver.times-before != c.again {
				t.Errorf("got %q, %v, asked %d times, want %q and %d", got.URI.Host, err, resolver.times-before, *p.Region, c.again)
			}
		})
	}
}

func TestAnEndpointThatCannotBeResolvedIsNotRemembered(t *testing.T) {
	resolver := &asked{err: errors.New("no such Region")}
	o := kms.Options{EndpointResolverV2: resolver}
	resolveOnce(&o)
	for want := 1; want <= 2; want++ {
		if _, err := o.EndpointResolverV2.ResolveEndpoint(t.Context(), kms.EndpointParameters{}); !errors.Is(err, resolver.err) || resolver.times != want {
			t.Errorf("got %v, asked %d times, want %v and %d", err, resolver.times, resolver.err, want)
		}
	}
}
