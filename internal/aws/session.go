package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

// Identity is who keyrotor is.
type Identity struct {
	ARN       string
	Account   string
	Partition string
}

// Estate is the accounts that one configuration reaches. It is safe for
// concurrent use and holds one session per account and role, shared over all
// Regions, and one KMS client per session and Region.
type Estate struct {
	cfg  Config
	base awssdk.Config
	who  Identity
	// slots bound how many keys are being read, over all places.
	slots chan struct{}

	mu       sync.Mutex
	lanes    map[place]*lanes
	sessions map[session]awssdk.CredentialsProvider
	clients  map[client]*kms.Client

	rosterMu sync.Mutex
	roster   *roster

	// headroom is made by Walk and never touched, so that it takes address space
	// and no memory. The SDK makes some 32 KB of garbage a call over a live heap of a
	// few MB: by itself the collector would run every few hundred calls, and
	// take an eighth of the processor. It paces itself by the size of the heap,
	// of which this is part, and lets so much garbage gather before it runs.
	headroom []byte
}

const headroomSize = 64 << 20

type place struct{ account, region string }

type session struct {
	account string
	role    Role
}

type client struct {
	session
	region string
}

// refreshAhead is how long before they expire role credentials are renewed, so
// that no call is signed with credentials that die on the way.
const refreshAhead = 5 * time.Minute

// Open loads the SDK's default chain of credentials and settings, takes on
// Config.AssumeFrom if set, and asks STS who we are.
func Open(ctx context.Context, cfg Config) (*Estate, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	base, err := loadBase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return open(ctx, cfg, base)
}

func open(ctx context.Context, cfg Config, base awssdk.Config) (*Estate, error) {
	e := &Estate{
		cfg:      cfg,
		base:     base,
		slots:    make(chan struct{}, cfg.MaxConcurrency),
		lanes:    make(map[place]*lanes),
		sessions: make(map[session]awssdk.CredentialsProvider),
		clients:  make(map[client]*kms.Client),
	}
	if cfg.AssumeFrom != "" {
		e.base.Credentials = e.assume(cfg.AssumeFrom)
	}
	who, err := e.callerIdentity(ctx)
	if err != nil {
		return nil, fmt.Errorf("who am I (sts:GetCallerIdentity in %s): %w", e.base.Region, err)
	}
	e.who = who
	return e, nil
}

func loadBase(ctx context.Context, cfg Config) (awssdk.Config, error) {
	// The SDK's own client during loading: it is the one to which the SDK can
	// add a CA bundle (AWS_CA_BUNDLE).
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(awshttp.NewBuildableClient())}
	if cfg.HomeRegion != "" {
		options = append(options, config.WithRegion(cfg.HomeRegion))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return awssdk.Config{}, fmt.Errorf("load AWS configuration: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if built, ok := base.HTTPClient.(*awshttp.BuildableClient); ok {
		transport = built.GetTransport()
	}
	base.HTTPClient = newWire(transport, cfg.MaxConcurrency, cfg.CallTimeout)
	base.Region = cmp.Or(base.Region, firstRegion(cfg.Partition))
	base.Retryer = func() awssdk.Retryer { return retryer{} }
	base.RetryMaxAttempts = 0 // ours decides
	return base, nil
}

func firstRegion(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// firstCallTimeout bounds one attempt of the first call of all. Whoever waits
// for a wrong endpoint or a silent proxy hears of it within half a minute.
const firstCallTimeout = 6 * time.Second

func (e *Estate) callerIdentity(ctx context.Context) (Identity, error) {
	cfg := e.own()
	if w, ok := cfg.HTTPClient.(*wire); ok {
		cfg.HTTPClient = &wire{w.transport, min(w.timeout, firstCallTimeout)}
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, err
	}
	who := Identity{ARN: awssdk.ToString(out.Arn), Account: awssdk.ToString(out.Account), Partition: "aws"}
	if parsed, err := awsarn.Parse(who.ARN); err == nil {
		who.Partition = parsed.Partition
	}
	if want := e.cfg.Partition; want != "" && want != who.Partition {
		return Identity{}, fmt.Errorf("the credentials belong to partition %s, the configuration says %s", who.Partition, want)
	}
	if who.Account == "" {
		return Identity{}, errors.New("the answer names no account")
	}
	return who, nil
}

// Identity is who keyrotor runs as.
func (e *Estate) Identity() Identity { return e.who }

// own is the SDK configuration of our own credentials in the home Region.
func (e *Estate) own() awssdk.Config { return e.metered(e.base, e.base.Region, "own", RoleOwn) }

// session is the SDK configuration for an account and Region in a role.
func (e *Estate) session(account, region string, role Role) awssdk.Config {
	cfg := e.base
	cfg.Credentials = e.credentials(account, role)
	return e.metered(cfg, region, account, role)
}

func (e *Estate) metered(cfg awssdk.Config, region, account string, role Role) awssdk.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	m := &meter{lanes: e.lanesOf(place{account, region}), role: role}
	cfg.APIOptions = append(cfg.APIOptions, func(s *middleware.Stack) error { return m.install(s) })
	return cfg
}

func (e *Estate) lanesOf(p place) *lanes {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.lanes[p]
	if l == nil {
		l = &lanes{estate: e, by: make(map[operation]*lane)}
		e.lanes[p] = l
	}
	return l
}

// credentials are those of the account's role; made once and renewed by
// themselves. Our own account is entered with our own credentials unless the
// configuration says otherwise.
func (e *Estate) credentials(account string, role Role) awssdk.CredentialsProvider {
	if role == RoleOwn || e.access(account) == AccessOwn {
		return e.base.Credentials
	}
	key := session{account, role}
	e.mu.Lock()
	known := e.sessions[key]
	e.mu.Unlock()
	if known != nil {
		return known
	}
	made := e.assume(e.roleARN(account, role)) // takes e.mu itself
	e.mu.Lock()
	defer e.mu.Unlock()
	if known = e.sessions[key]; known == nil {
		known = made
		e.sessions[key] = made
	}
	return known
}

// access says how an account is entered.
func (e *Estate) access(account string) Access {
	switch {
	case account == e.who.Account:
		return cmp.Or(e.cfg.Own, AccessOwn)
	case account == e.knownManagement():
		return cmp.Or(e.cfg.Management, AccessRole)
	}
	return AccessRole
}

func (e *Estate) roleARN(account string, role Role) string {
	name := e.cfg.ScanRole
	if role == RoleApply {
		name = e.cfg.ApplyRole
	}
	if strings.HasPrefix(name, "arn:") {
		return strings.ReplaceAll(name, "{account}", account)
	}
	return "arn:" + e.who.Partition + ":iam::" + account + ":role/" + name
}

func (e *Estate) assume(role string) awssdk.CredentialsProvider {
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(e.own()), role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = e.cfg.SessionName
		o.Duration = e.cfg.Duration
		if e.cfg.ExternalID != "" {
			o.ExternalID = awssdk.String(e.cfg.ExternalID)
		}
		if e.cfg.SourceIdentity != "" {
			o.SourceIdentity = awssdk.String(e.cfg.SourceIdentity)
		}
	})
	return awssdk.NewCredentialsCache(provider, func(o *awssdk.CredentialsCacheOptions) {
		o.ExpiryWindow = refreshAhead
		o.ExpiryWindowJitterFrac = 0.5
	})
}

// kms is the KMS client of an account, Region and role; all calls share it, for
// a client keeps its signing keys and its view of the clock.
func (e *Estate) kms(account, region string, role Role) *kms.Client {
	key := client{session{account, role}, region}
	e.mu.Lock()
	known := e.clients[key]
	e.mu.Unlock()
	if known != nil {
		return known
	}
	made := kms.NewFromConfig(e.session(account, region, role))
	e.mu.Lock()
	defer e.mu.Unlock()
	if known = e.clients[key]; known == nil {
		known = made
		e.clients[key] = made
	}
	return known
}

// Calls is every call made so far, by role and then by call. Tests hold it
// against the table of permissions.
func (e *Estate) Calls() map[Role]map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make(map[Role]map[string]int)
	for _, l := range e.lanes {
		l.addTo(all)
	}
	return all
}
