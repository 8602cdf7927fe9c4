package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

var (
	clusterPattern   = regexp.MustCompile(`^cluster-[2-7a-zA-Z]{11,16}$`)
	endpointPattern  = regexp.MustCompile(`^https://[a-zA-Z0-9.-]+$`)
	proxyPathPattern = regexp.MustCompile(`^(/[a-zA-Z0-9/_-]+)?/kms/xks/v\d{1,2}$`)
	xksKeyPattern    = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,128}$`)
)

// withStores hands over the Region under the account's lock.
func (c *call) withStores(f func(r *kmsRegion) error) error {
	a := c.s.account(c.Account)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.regionLocked(c.Region)
	r.sweep(c.Now)
	return f(r)
}

func createCustomKeyStore(c *call, in *kms.CreateCustomKeyStoreInput) (*kms.CreateCustomKeyStoreOutput, error) {
	s := &keyStore{id: "cks-" + hex.EncodeToString(c.s.bytes(9))[:17], created: c.Now, kind: cmp.Or(in.CustomKeyStoreType, types.CustomKeyStoreTypeAwsCloudhsm)}
	if in.CustomKeyStoreName == nil {
		return nil, required("customKeyStoreName")
	}
	if err := cmp.Or(enum(s.kind, "customKeyStoreType", s.kind.Values()), tooLong(in.CustomKeyStoreName, "customKeyStoreName", 256)); err != nil {
		return nil, err
	}
	s.name = *in.CustomKeyStoreName
	fill := s.fillCluster
	if s.kind == types.CustomKeyStoreTypeExternalKeyStore {
		fill = s.fillProxy
	}
	if err := fill(in); err != nil {
		return nil, err
	}
	return &kms.CreateCustomKeyStoreOutput{CustomKeyStoreId: new(s.id)}, c.withStores(func(r *kmsRegion) error {
		if len(r.stores) >= storesPerRegion {
			return errf("LimitExceededException", "The number of custom key stores has reached its limit of %d.", storesPerRegion)
		}
		if err := r.clash(s); err != nil {
			return err
		}
		r.stores = append(r.stores, s)
		return nil
	})
}

func (s *keyStore) fillCluster(in *kms.CreateCustomKeyStoreInput) error {
	switch {
	case in.CloudHsmClusterId == nil || in.KeyStorePassword == nil || in.TrustAnchorCertificate == nil:
		return errf("ValidationException", "CloudHsmClusterId, KeyStorePassword and TrustAnchorCertificate are required for a custom key store of type %s.", s.kind)
	case !clusterPattern.MatchString(*in.CloudHsmClusterId):
		return errf("CloudHsmClusterNotFoundException", "The cluster %s does not exist.", *in.CloudHsmClusterId)
	}
	s.cluster, s.anchor = *in.CloudHsmClusterId, *in.TrustAnchorCertificate
	return s.tell(*in.KeyStorePassword, true)
}

// tell notes the password that KMS has for the cluster; first is the right one.
func (s *keyStore) tell(password string, first bool) error {
	if n := len(password); n < 7 || n > 32 {
		return errf("ValidationException", "1 validation error detected: Value at 'keyStorePassword' failed to satisfy constraint: Member must have length between 7 and 32")
	}
	s.password = sha256.Sum256([]byte(password))
	if first {
		s.right = s.password
	}
	return nil
}

func (s *keyStore) fillProxy(in *kms.CreateCustomKeyStoreInput) error {
	if in.XksProxyAuthenticationCredential == nil || in.XksProxyConnectivity == "" || in.XksProxyUriEndpoint == nil || in.XksProxyUriPath == nil {
		return errf("ValidationException", "XksProxyAuthenticationCredential, XksProxyConnectivity, XksProxyUriEndpoint and XksProxyUriPath are required for a custom key store of type %s.", s.kind)
	}
	s.proxy = &types.XksProxyConfigurationType{
		AccessKeyId: in.XksProxyAuthenticationCredential.AccessKeyId, Connectivity: in.XksProxyConnectivity,
		UriEndpoint: in.XksProxyUriEndpoint, UriPath: in.XksProxyUriPath,
		VpcEndpointServiceName: in.XksProxyVpcEndpointServiceName, VpcEndpointServiceOwner: in.XksProxyVpcEndpointServiceOwner,
	}
	return checkProxy(s.proxy)
}

func checkProxy(p *types.XksProxyConfigurationType) error {
	vpc := p.Connectivity == types.XksProxyConnectivityTypeVpcEndpointService
	switch {
	case enum(p.Connectivity, "xksProxyConnectivity", p.Connectivity.Values()) != nil:
		return enum(p.Connectivity, "xksProxyConnectivity", p.Connectivity.Values())
	case !endpointPattern.MatchString(deref(p.UriEndpoint)):
		return errf("ValidationException", "1 validation error detected: Value at 'xksProxyUriEndpoint' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", endpointPattern)
	case !proxyPathPattern.MatchString(deref(p.UriPath)):
		return errf("ValidationException", "1 validation error detected: Value at 'xksProxyUriPath' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", proxyPathPattern)
	case vpc != (p.VpcEndpointServiceName != nil):
		return errf("ValidationException", "XksProxyVpcEndpointServiceName is required for connectivity %s, and for no other.", types.XksProxyConnectivityTypeVpcEndpointService)
	}
	return nil
}

// clash refuses what two stores of a Region cannot share.
func (r *kmsRegion) clash(s *keyStore) error {
	for _, o := range r.stores {
		switch {
		case o == s || o.id == s.id:
		case o.name == s.name:
			return errf("CustomKeyStoreNameInUseException", "The name %s is used by custom key store %s.", s.name, o.id)
		case s.cluster != "" && o.cluster == s.cluster:
			return errf("CloudHsmClusterInUseException", "The cluster %s is used by custom key store %s.", s.cluster, o.id)
		case s.proxy != nil && o.proxy != nil:
			if err := clashOfProxies(s.proxy, o.proxy); err != nil {
				return err
			}
		}
	}
	return nil
}

// clashOfProxies: public endpoints may be shared by paths, those in a VPC may not.
func clashOfProxies(a, b *types.XksProxyConfigurationType) error {
	sameEndpoint := same(a.UriEndpoint, b.UriEndpoint)
	private := a.VpcEndpointServiceName != nil || b.VpcEndpointServiceName != nil
	switch {
	case a.VpcEndpointServiceName != nil && same(a.VpcEndpointServiceName, b.VpcEndpointServiceName):
		return errf("XksProxyVpcEndpointServiceInUseException", "")
	case sameEndpoint && private:
		return errf("XksProxyUriEndpointInUseException", "")
	case sameEndpoint && same(a.UriPath, b.UriPath):
		return errf("XksProxyUriInUseException", "")
	}
	return nil
}

func describeCustomKeyStores(c *call, in *kms.DescribeCustomKeyStoresInput) (*kms.DescribeCustomKeyStoresOutput, error) {
	limit, err := pageSize(in.Limit, 1000, 100)
	if err != nil {
		return nil, err
	}
	if in.CustomKeyStoreId != nil && in.CustomKeyStoreName != nil {
		return nil, errf("ValidationException", "You can specify CustomKeyStoreId or CustomKeyStoreName, but not both.")
	}
	out := &kms.DescribeCustomKeyStoresOutput{CustomKeyStores: []types.CustomKeyStoresListEntry{}}
	return out, c.withStores(func(r *kmsRegion) error {
		named := func(s *keyStore) bool {
			return (in.CustomKeyStoreId == nil || *in.CustomKeyStoreId == s.id) && (in.CustomKeyStoreName == nil || *in.CustomKeyStoreName == s.name)
		}
		found := slices.DeleteFunc(slices.Clone(r.stores), func(s *keyStore) bool { return !named(s) })
		if len(found) == 0 && (in.CustomKeyStoreId != nil || in.CustomKeyStoreName != nil) {
			return errf("CustomKeyStoreNotFoundException", "The custom key store does not exist.")
		}
		some, next, err := pageOf(found, limit, in.Marker)
		if err != nil {
			return err
		}
		for _, s := range some {
			out.CustomKeyStores = append(out.CustomKeyStores, s.entry(c.Now))
		}
		out.NextMarker, out.Truncated = next, next != nil
		return nil
	})
}

func connectCustomKeyStore(c *call, in *kms.ConnectCustomKeyStoreInput) (*kms.ConnectCustomKeyStoreOutput, error) {
	return &kms.ConnectCustomKeyStoreOutput{}, c.withStores(func(r *kmsRegion) error {
		s, err := r.storeNamed(in.CustomKeyStoreId)
		if err == nil {
			err = s.wants(c.Now, types.ConnectionStateTypeDisconnected, types.ConnectionStateTypeConnecting, types.ConnectionStateTypeConnected)
		}
		if err == nil && !s.connected {
			s.connected, s.settled = true, c.Now.Add(storeTakes)
		}
		return err
	})
}

func disconnectCustomKeyStore(c *call, in *kms.DisconnectCustomKeyStoreInput) (*kms.DisconnectCustomKeyStoreOutput, error) {
	return &kms.DisconnectCustomKeyStoreOutput{}, c.withStores(func(r *kmsRegion) error {
		s, err := r.storeNamed(in.CustomKeyStoreId)
		if err == nil {
			err = s.wants(c.Now, types.ConnectionStateTypeConnecting, types.ConnectionStateTypeConnected, types.ConnectionStateTypeFailed)
		}
		if err == nil {
			s.connected, s.settled = false, c.Now.Add(storeTakes)
		}
		return err
	})
}

func updateCustomKeyStore(c *call, in *kms.UpdateCustomKeyStoreInput) (*kms.UpdateCustomKeyStoreOutput, error) {
	return &kms.UpdateCustomKeyStoreOutput{}, c.withStores(func(r *kmsRegion) error {
		s, err := r.storeNamed(in.CustomKeyStoreId)
		if err != nil {
			return err
		}
		allowed := []types.ConnectionStateType{types.ConnectionStateTypeDisconnected}
		if onlyRenames(in) {
			allowed = append(allowed, types.ConnectionStateTypeConnected)
		}
		changed, err := s.updated(in)
		if err := cmp.Or(s.wants(c.Now, allowed...), err, r.clash(&changed)); err != nil {
			return err
		}
		*s = changed
		return nil
	})
}

func onlyRenames(in *kms.UpdateCustomKeyStoreInput) bool {
	return in.CloudHsmClusterId == nil && in.KeyStorePassword == nil && in.XksProxyAuthenticationCredential == nil && in.XksProxyConnectivity == "" &&
		in.XksProxyUriEndpoint == nil && in.XksProxyUriPath == nil && in.XksProxyVpcEndpointServiceName == nil && in.XksProxyVpcEndpointServiceOwner == nil
}

// updated is the store as an update leaves it. A second cluster id is another
// cluster: none here shares its backups with the first.
func (s *keyStore) updated(in *kms.UpdateCustomKeyStoreInput) (keyStore, error) {
	next := *s
	external := s.kind == types.CustomKeyStoreTypeExternalKeyStore
	next.name = cmp.Or(deref(in.NewCustomKeyStoreName), s.name)
	ofCluster := in.CloudHsmClusterId != nil || in.KeyStorePassword != nil
	switch {
	case external && ofCluster, !external && !ofCluster && !onlyRenames(in):
		return next, errf("ValidationException", "A parameter is not valid for a custom key store of type %s.", s.kind)
	case in.CloudHsmClusterId != nil && *in.CloudHsmClusterId != s.cluster:
		return next, errf("CloudHsmClusterNotRelatedException", "")
	case in.KeyStorePassword != nil:
		return next, next.tell(*in.KeyStorePassword, false)
	case !external:
		return next, nil
	}
	p := *s.proxy
	if in.XksProxyAuthenticationCredential != nil {
		p.AccessKeyId = in.XksProxyAuthenticationCredential.AccessKeyId
	}
	p.Connectivity = cmp.Or(in.XksProxyConnectivity, p.Connectivity)
	p.UriEndpoint, p.UriPath = cmp.Or(in.XksProxyUriEndpoint, p.UriEndpoint), cmp.Or(in.XksProxyUriPath, p.UriPath)
	p.VpcEndpointServiceName = cmp.Or(in.XksProxyVpcEndpointServiceName, p.VpcEndpointServiceName)
	p.VpcEndpointServiceOwner = cmp.Or(in.XksProxyVpcEndpointServiceOwner, p.VpcEndpointServiceOwner)
	if p.Connectivity == types.XksProxyConnectivityTypePublicEndpoint {
		p.VpcEndpointServiceName, p.VpcEndpointServiceOwner = nil, nil
	}
	next.proxy = &p
	return next, checkProxy(&p)
}

func deleteCustomKeyStore(c *call, in *kms.DeleteCustomKeyStoreInput) (*kms.DeleteCustomKeyStoreOutput, error) {
	return &kms.DeleteCustomKeyStoreOutput{}, c.withStores(func(r *kmsRegion) error {
		s, err := r.storeNamed(in.CustomKeyStoreId)
		if err == nil {
			err = s.wants(c.Now, types.ConnectionStateTypeDisconnected)
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(r.order, func(k *key) bool { return k.store == s.id }) {
			return errf("CustomKeyStoreHasCMKsException", "The custom key store %s contains KMS keys.", s.id)
		}
		r.stores = slices.DeleteFunc(slices.Clone(r.stores), func(o *keyStore) bool { return o == s })
		return nil
	})
}

// admit refuses a new key that does not belong into the store.
func (s *keyStore) admit(k *key, r *kmsRegion, c *call) error {
	if want := types.OriginType(s.kind); k.origin != want {
		return errf("UnsupportedOperationException", "Origin %s is not valid for the custom key store %s.", k.origin, s.id)
	}
	if err := s.wants(c.Now, types.ConnectionStateTypeConnected); err != nil {
		return err
	}
	for _, o := range r.order {
		if k.xksKey != "" && o.store == s.id && o.xksKey == k.xksKey {
			return errf("XksKeyAlreadyInUseException", "")
		}
	}
	return nil
}
