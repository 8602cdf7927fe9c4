package aws

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

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
	renewals map[*awssdk.CredentialsCache]*renewal

	rosterMu sync.Mutex
	roster   *roster
}

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
	if err := holdCredentials(ctx, base); err != nil {
		return nil, err
	}
	e := &Estate{
		cfg:      cfg,
		base:     base,
		slots:    make(chan struct{}, cfg.MaxConcurrency),
		lanes:    make(map[place]*lanes),
		sessions: make(map[session]awssdk.CredentialsProvider),
		clients:  make(map[client]*kms.Client),
		renewals: make(map[*awssdk.CredentialsCache]*renewal),
	}
	if cfg.AssumeFrom != "" {
		e.base.Credentials = renewing(e.assume(cfg.AssumeFrom))
	}
	who, err := e.callerIdentity(ctx)
	if err != nil {
		return nil, whoAmI(err, e.base.Region)
	}
	e.who = who
	return e, cfg.fits(who)
}

func loadBase(ctx context.Context, cfg Config) (awssdk.Config, error) {
	options := []func(*config.LoadOptions) error{
		// The SDK's own client during loading: it is the one to which the SDK can
		// add a CA bundle (AWS_CA_BUNDLE).
		config.WithHTTPClient(awshttp.NewBuildableClient()),
		// The SDK warns on standard error of things that its errors say once more.
		config.WithLogger(logging.Nop{}),
	}
	if cfg.HomeRegion != "" {
		options = append(options, config.WithRegion(cfg.HomeRegion))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return awssdk.Config{}, notLoaded(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if built, ok := base.HTTPClient.(*awshttp.BuildableClient); ok {
		transport = built.GetTransport()
	}
	base.HTTPClient = newWire(transport, cfg.MaxConcurrency, cfg.CallTimeout)
	base.Region = cmp.Or(base.Region, cfg.firstRegion())
	base.Retryer = func() awssdk.Retryer { return retryer{} }
	base.RetryMaxAttempts = 0 // ours decides
	return base, nil
}

// own is the SDK configuration of our own credentials in the home Region.
func (e *Estate) own() awssdk.Config { return e.metered(e.base, e.base.Region, ownLanes, RoleOwn) }

// session is the SDK configuration for an account and Region in a role.
func (e *Estate) session(account, region string, role Role) awssdk.Config {
	cfg := e.base
	cfg.Credentials = e.credentials(account, role)
	return e.metered(cfg, region, account, role)
}

func (e *Estate) metered(cfg awssdk.Config, region, account string, role Role) awssdk.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	m := &meter{lanes: e.lanesOf(place{account, region}), role: role, renew: e.renewalOf(cfg.Credentials)}
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
	return kept(e, e.sessions, key, func() awssdk.CredentialsProvider {
		return renewing(gate{e, key, e.assume(e.roleARN(account, role))})
	})
}

// kept is what the map holds under a key, made when it is first asked for. Making
// takes e.mu itself, so two may make it at once; the first stays.
func kept[K comparable, V any](e *Estate, all map[K]V, key K, build func() V) V {
	e.mu.Lock()
	known, there := all[key]
	e.mu.Unlock()
	if there {
		return known
	}
	made := build()
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, there = all[key]; there {
		return known
	}
	all[key] = made
	return made
}

// access says how an account is entered. Which account is the management account
// is not known before the roster is loaded: see gate.
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
	return stscreds.NewAssumeRoleProvider(sts.NewFromConfig(e.own()), role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = e.cfg.SessionName
		o.Duration = e.cfg.Duration
		if e.cfg.ExternalID != "" {
			o.ExternalID = awssdk.String(e.cfg.ExternalID)
		}
		if e.cfg.SourceIdentity != "" {
			o.SourceIdentity = awssdk.String(e.cfg.SourceIdentity)
		}
	})
}

// renewing keeps credentials until shortly before they expire.
func renewing(p awssdk.CredentialsProvider) awssdk.CredentialsProvider {
	return awssdk.NewCredentialsCache(p, func(o *awssdk.CredentialsCacheOptions) {
		o.ExpiryWindow = refreshAhead
		o.ExpiryWindowJitterFrac = 0.5
	})
}

// kms is the KMS client of an account, Region and role; all calls share it, for
// a client keeps its signing keys and its view of the clock.
func (e *Estate) kms(account, region string, role Role) *kms.Client {
	return kept(e, e.clients, client{session{account, role}, region}, func() *kms.Client {
		return kms.NewFromConfig(e.session(account, region, role), resolveOnce)
	})
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
