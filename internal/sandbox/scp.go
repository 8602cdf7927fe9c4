package sandbox

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// denials decides who may make a call at all: expired sessions, Regions that
// are off, service control policies and what a role allows, in the order in
// which AWS answers. Key policies are asked later, when the key is found. The
// state it reads belongs to the Sandbox.
type denials struct{}

// check returns the refusal that AWS would answer, nil when the call may go on.
func (*denials) check(c *call) *apiError {
	session, err := c.liveSession()
	switch {
	case err != nil:
		return err
	case c.Service == "sts" && c.Operation == "GetCallerIdentity":
		return nil // needs no permission
	case !c.s.regionOn(c.Account, c.Region) && (c.Service == "kms" || c.Service == "tag"):
		return badToken(c)
	case c.deniedByOrganization():
		return c.denied("with an explicit deny in a service control policy: " + c.policyARN())
	case session != nil && len(session.role.Allow) > 0 && !matchesAny(session.role.Allow, c.action()):
		return c.denied("because no identity-based policy allows the " + c.action() + " action")
	}
	return nil
}

// action is the call's name in IAM.
func (c *call) action() string { return c.Service + ":" + c.Operation }

// liveSession returns the session of a temporary access key, and refuses an
// expired or unknown one: silently taking it for another account would be worse.
func (c *call) liveSession() (*session, *apiError) {
	if !strings.HasPrefix(c.AccessKey, "ASIA") {
		return nil, nil
	}
	e, ok := c.s.sessionOf(c.AccessKey)
	switch {
	case !ok:
		return nil, badToken(c)
	case c.Now.Before(e.expires):
		return &e, nil
	case c.Protocol == protocolJSON || c.Protocol == protocolREST:
		return nil, errf("ExpiredTokenException", "The security token included in the request is expired")
	}
	return nil, &apiError{Code: "ExpiredToken", Message: "The security token included in the request is expired", Status: http.StatusForbidden}
}

// badToken is the answer to credentials that do not exist, or not in this Region.
func badToken(c *call) *apiError {
	const message = "The security token included in the request is invalid."
	if c.Protocol == protocolJSON || c.Protocol == protocolREST {
		return errf("UnrecognizedClientException", message)
	}
	return &apiError{Code: "InvalidClientTokenId", Message: message, Status: http.StatusForbidden}
}

// deniedByOrganization asks the account's service control policies. The
// management account is beyond them.
func (c *call) deniedByOrganization() bool {
	m, ok := c.s.member(c.Account)
	if !ok || c.Account == c.s.world.Management {
		return false
	}
	return slices.ContainsFunc(m.Deny, func(d Denial) bool {
		return matchesAny(d.Actions, c.action()) && (len(d.Regions) == 0 || slices.Contains(d.Regions, c.Region))
	})
}

// policyARN names the policy that denies, as messages do since January 2026.
func (c *call) policyARN() string {
	w := c.s.world
	return "arn:" + c.Partition + ":organizations::" + w.Management + ":policy/" + w.Organization +
		"/service_control_policy/p-" + shortID("scp/"+c.Account, w.Organization, 8)
}

// denied is an access-denied error in the words of the real service.
func (c *call) denied(because string) *apiError {
	e := &apiError{Code: "AccessDeniedException", Status: http.StatusBadRequest}
	if c.Protocol != protocolJSON {
		e.Code, e.Status = "AccessDenied", http.StatusForbidden
	}
	if c.Protocol == protocolEC2 {
		e.Code = "UnauthorizedOperation"
	}
	if c.Protocol == protocolREST {
		e.Code = "AccessDeniedException"
	}
	e.Message = "User: " + c.Principal + " is not authorized to perform: " + c.action() + " on resource: " + c.resource() + " " + because
	return e
}

// resource names what the call is about, as messages do: the key, or everything.
func (c *call) resource() string {
	name := ""
	if c.Service == "kms" {
		name = jsonText(c.Body, "KeyId")
	}
	switch {
	case name == "":
		return "*"
	case strings.HasPrefix(name, "arn:"):
		return name
	case strings.HasPrefix(name, "alias/"):
		return "arn:" + c.Partition + ":kms:" + c.Region + ":" + c.Account + ":" + name
	}
	return "arn:" + c.Partition + ":kms:" + c.Region + ":" + c.Account + ":key/" + name
}

// jsonText is the value of a member that holds plain text, found without
// decoding the whole body: it is looked for in every call.
func jsonText(body []byte, member string) string {
	quoted := []byte(`"` + member + `"`)
	for {
		i := bytes.Index(body, quoted)
		if i < 0 {
			return ""
		}
		escaped := i > 0 && body[i-1] == '\\'
		body = bytes.TrimLeft(body[i+len(quoted):], " \t\r\n")
		after, isMember := bytes.CutPrefix(body, []byte(":"))
		after, isText := bytes.CutPrefix(bytes.TrimLeft(after, " \t\r\n"), []byte(`"`))
		if escaped || !isMember || !isText {
			continue
		}
		if end := bytes.IndexByte(after, '"'); end >= 0 {
			return string(after[:end])
		}
		return ""
	}
}
