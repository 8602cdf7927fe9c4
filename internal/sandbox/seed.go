package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// KeySeed describes a key that a world holds from the start; the zero value is a
// fresh symmetric key. The words are AWS's own.
type KeySeed struct {
	Spec, Usage, Origin, Description string
	// State is "", Enabled, Disabled, PendingDeletion, PendingReplicaDeletion,
	// PendingImport, Creating, Updating or Unavailable.
	State       string
	Created     time.Time // zero: now
	MultiRegion bool
	Replicas    []string // Regions
	Aliases     []string // with or without alias/
	Tags        map[string]string
	Policy      string
	// RotationPeriodDays and RotationSince switch automatic rotation on; what
	// fell due since then has happened. One of them is enough.
	RotationPeriodDays int
	RotationSince      time.Time
	OnDemandAt         []time.Time // finished on-demand rotations
	// MissedRotations are the last automatic ones that fell due and never took
	// place, while the schedule ran on: a fault of the service.
	MissedRotations int
	DeletionDate    time.Time
	ImportExpires   time.Time // of imported material; zero: never
	CustomKeyStore  string
	AWSManaged      bool
	LastUsed        time.Time
	LastUsedOp      string
}

// SeedKey puts a key into an account and Region and returns its ARN.
func (s *Sandbox) SeedKey(account, region string, seed KeySeed) (arn string, err error) {
	now := s.clock.Now()
	if seed.Created.IsZero() {
		seed.Created = now
	}
	k, err := s.seededKey(seed)
	if err != nil {
		return "", fmt.Errorf("seed key in %s/%s: %w", account, region, err)
	}
	a := s.account(account)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.regionLocked(region)
	r.add(k)
	r.seedStore(k)
	k.seedRotations(seed)
	k.missRotations(seed.MissedRotations, now)
	if err := k.seedState(seed, now); err != nil {
		return "", fmt.Errorf("seed key in %s/%s: %w", account, region, err)
	}
	for _, name := range seed.Aliases {
		r.bind(aliasName(name), k, seed.Created)
	}
	for _, other := range seed.Replicas {
		replica := k.replicate(a.regionLocked(other), seed.Created)
		replica.imports = slices.Clone(k.imports)
	}
	return k.arn(), nil
}

func (s *Sandbox) seededKey(seed KeySeed) (*key, error) {
	spec := cmp.Or(types.KeySpec(seed.Spec), types.KeySpecSymmetricDefault)
	if !slices.Contains(spec.Values(), spec) {
		return nil, fmt.Errorf("unknown key spec %q", seed.Spec)
	}
	usage := cmp.Or(types.KeyUsageType(seed.Usage), usages(spec)[0])
	if !slices.Contains(usages(spec), usage) {
		return nil, fmt.Errorf("usage %s does not fit spec %s", usage, spec)
	}
	multi := seed.MultiRegion || len(seed.Replicas) > 0
	k := &key{
		id: s.keyID(multi), created: seed.Created, enabled: true, description: seed.Description,
		policy: seed.Policy, store: seed.CustomKeyStore,
		core: &core{
			spec: spec, usageType: usage, manager: types.KeyManagerTypeCustomer,
			origin: cmp.Or(types.OriginType(seed.Origin), types.OriginTypeAwsKms),
		},
	}
	if seed.AWSManaged {
		k.manager = types.KeyManagerTypeAws
	}
	for _, name := range slices.Sorted(maps.Keys(seed.Tags)) {
		k.tags = append(k.tags, types.Tag{TagKey: new(name), TagValue: new(seed.Tags[name])})
		k.tagged = true
	}
	s.fill(k)
	s.seedImport(k, seed)
	if !seed.LastUsed.IsZero() {
		k.used = &usageRecord{
			at: seed.LastUsed, requestID: s.uuid(), eventID: s.uuid(),
			operation: types.KeyLastUsageTrackingOperation(cmp.Or(seed.LastUsedOp, "Decrypt")),
		}
	}
	if multi {
		k.family = &family{primary: k, members: []*key{k}}
	}
	return k, nil
}

// seedImport gives an imported key its material, unless it is to wait for it.
func (s *Sandbox) seedImport(k *key, seed KeySeed) {
	if k.origin != types.OriginTypeExternal || seed.State == string(types.KeyStatePendingImport) {
		return
	}
	k.generation = []*generation{{secret: s.bytes(max(secretSize(k.spec), 32))}}
	k.imports = []imported{{present: true, expires: seed.ImportExpires}}
	for range seed.OnDemandAt {
		k.generation = append(k.generation, &generation{secret: s.bytes(32)})
		k.imports = append(k.imports, imported{present: true, expires: seed.ImportExpires})
	}
}

// seedRotations lets the rotations of the past happen, in their order.
func (k *key) seedRotations(seed KeySeed) {
	// AWS rotates its own keys every year.
	if seed.RotationPeriodDays > 0 || !seed.RotationSince.IsZero() || seed.AWSManaged {
		since := seed.RotationSince
		if since.IsZero() {
			since = seed.Created
		}
		k.rotation.on, k.rotation.period = true, int32(cmp.Or(seed.RotationPeriodDays, 365))
		k.rotation.next = since.Add(k.rotation.every())
	}
	for _, at := range slices.SortedFunc(slices.Values(seed.OnDemandAt), time.Time.Compare) {
		k.settle(at)
		k.rotate(at, types.RotationTypeOnDemand)
	}
}

// missRotations takes the last n automatic rotations back, and leaves the date of
// the next as it is.
func (k *key) missRotations(n int, now time.Time) {
	if n == 0 {
		return
	}
	k.settle(now)
	for ; n > 0 && k.current > 0 && k.generation[k.current].kind == types.RotationTypeAutomatic; n-- {
		k.generation = k.generation[:k.current]
		k.current--
	}
}

func (k *key) seedState(seed KeySeed, now time.Time) error {
	switch state := types.KeyState(seed.State); state {
	case "", types.KeyStateEnabled:
	case types.KeyStateDisabled:
		k.settle(now)
		k.enabled = false
	case types.KeyStatePendingDeletion:
		k.settle(now)
		k.deletion = seed.DeletionDate
		if k.deletion.IsZero() {
			k.deletion = now.Add(30 * day)
		}
		k.region.dies(k.deletion)
	case types.KeyStatePendingReplicaDeletion:
		k.settle(now)
		k.deletionWindow = 30
	case types.KeyStatePendingImport:
		if k.origin != types.OriginTypeExternal {
			return fmt.Errorf("state %s needs origin EXTERNAL", state)
		}
	case types.KeyStateCreating, types.KeyStateUpdating, types.KeyStateUnavailable:
		k.forced = state
	default:
		return fmt.Errorf("unknown key state %q", seed.State)
	}
	return nil
}
