package sandbox

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// session is what AssumeRole gave out.
type session struct {
	account, principal string
	role               RoleSpec
	roleID             string
	source             string // SourceIdentity
	expires            time.Time
}

// session names the account and principal of an access key that AssumeRole
// gave, expired or not: who it was must be known to refuse it.
func (s *Sandbox) session(accessKeyID string) (account, principalARN string, ok bool) {
	e, ok := s.sessionOf(accessKeyID)
	return e.account, e.principal, ok
}

func (s *Sandbox) sessionOf(accessKeyID string) (session, bool) {
	if !strings.HasPrefix(accessKeyID, "ASIA") {
		return session{}, false
	}
	s.sessionMu.RLock()
	defer s.sessionMu.RUnlock()
	e, ok := s.sessions[accessKeyID]
	return e, ok
}

// stsService answers the query protocol of STS.
func stsService(s *Sandbox, w http.ResponseWriter, _ *http.Request, c *call, _ []byte) {
	var out any
	var err *apiError
	switch c.Operation {
	case "GetCallerIdentity":
		out = s.callerIdentity(c)
	case "AssumeRole":
		out, err = s.assumeRole(c)
	default:
		err = errf("InvalidAction", "Could not find operation %s for version 2011-06-15", c.Operation)
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	writeQuery(w, c, stsNamespace, out)
}

// writeXML writes one answer of a query protocol.
func writeXML(w http.ResponseWriter, v any) {
	body, err := xml.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = w.Write(append([]byte(xml.Header), body...)) // held in memory, cannot fail
}

type responseMetadata struct {
	RequestID string `xml:"RequestId"`
}

func (s *Sandbox) callerIdentity(c *call) *sts.GetCallerIdentityOutput {
	user := "AIDA" + idLetters("user/"+c.Account, 17)
	if e, ok := s.sessionOf(c.AccessKey); ok {
		user = e.roleID + ":" + sessionName(e.principal)
	}
	return &sts.GetCallerIdentityOutput{Arn: new(c.Principal), UserId: new(user), Account: new(c.Account)}
}

// sessionName is the last part of an assumed role's ARN.
func sessionName(principal string) string { return principal[strings.LastIndexByte(principal, '/')+1:] }

// idLetters makes an id of IAM's alphabet that follows from name.
func idLetters(name string, n int) string {
	return strings.ToUpper(base32.StdEncoding.EncodeToString([]byte(shortID(name, "iam", 40))))[:n]
}

var (
	sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]*$`)
	externalIDPattern  = regexp.MustCompile(`^[\w+=,.@:/-]*$`)
)

// assumeRole hands out a session of a role, if it is there and trusts the caller.
func (s *Sandbox) assumeRole(c *call) (*sts.AssumeRoleOutput, *apiError) {
	seconds, err := assumeRoleInput(c)
	if err != nil {
		return nil, err
	}
	arn := c.Form.Get("RoleArn")
	account, name, err := parseRoleARN(arn)
	if err != nil {
		return nil, err
	}
	role, ok := s.trusted(c, account, name)
	if !ok {
		return nil, &apiError{
			Code: "AccessDenied", Status: http.StatusForbidden,
			Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.Principal, arn),
		}
	}
	if limit := s.sessionLimit(c, role); seconds > limit {
		if _, chained := s.sessionOf(c.AccessKey); chained {
			return nil, errf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
		}
		return nil, errf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return s.issue(c, account, name, role, time.Duration(seconds)*time.Second)
}

// assumeRoleInput checks the parameters as STS does and returns the duration.
func assumeRoleInput(c *call) (int, *apiError) {
	arn, name := c.Form.Get("RoleArn"), c.Form.Get("RoleSessionName")
	switch {
	case arn == "":
		return 0, invalid(arn, "roleArn", "Member must not be null")
	case len(arn) < 20:
		// Recorded: text that is no ARN at all is refused by value, not by length.
	case len(arn) > 2048:
		return 0, invalid(arn, "roleArn", "Member must have length less than or equal to 2048")
	}
	switch {
	case name == "":
		return 0, invalid(name, "roleSessionName", "Member must not be null")
	case !sessionNamePattern.MatchString(name):
		return 0, invalid(name, "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	case len(name) < 2:
		return 0, invalid(name, "roleSessionName", "Member must have length greater than or equal to 2")
	case len(name) > 64:
		return 0, invalid(name, "roleSessionName", "Member must have length less than or equal to 64")
	}
	for _, p := range []struct{ param, member string }{{"SourceIdentity", "sourceIdentity"}, {"ExternalId", "externalId"}} {
		v, given := c.Form.Get(p.param), c.Form.Has(p.param)
		if given && len(v) < 2 {
			return 0, invalid(v, p.member, "Member must have length greater than or equal to 2")
		}
		if !externalIDPattern.MatchString(v) {
			return 0, invalid(v, p.member, `Member must satisfy regular expression pattern: [\w+=,.@:\/-]*`)
		}
	}
	return durationSeconds(c.Form.Get("DurationSeconds"))
}

func durationSeconds(text string) (int, *apiError) {
	if text == "" {
		return 3600, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, errf("MalformedInput", "DurationSeconds is not a number")
	case n < 900:
		return 0, invalid(text, "durationSeconds", "Member must have value greater than or equal to 900")
	case n > 43200:
		return 0, invalid(text, "durationSeconds", "Member must have value less than or equal to 43200")
	}
	return n, nil
}

func invalid(value, member, constraint string) *apiError {
	return errf("ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

// parseRoleARN takes arn:partition:iam::account:role/path/name apart.
func parseRoleARN(arn string) (account, name string, _ *apiError) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return "", "", errf("ValidationError", "%s is invalid", arn)
	}
	resource, isRole := strings.CutPrefix(parts[5], "role/")
	if parts[2] != "iam" || !isAccountID(parts[4]) || !isRole || resource == "" {
		return "", "", errf("ValidationError", "%s is invalid", arn)
	}
	return parts[4], resource[strings.LastIndexByte(resource, '/')+1:], nil
}

// trusted finds a role and asks its trust policy. Outside a world there is no
// list of roles, and every account lets everybody in, as emulators do.
func (s *Sandbox) trusted(c *call, account, name string) (RoleSpec, bool) {
	if len(s.members) == 0 {
		return RoleSpec{Name: name, MaxSession: 43200}, true
	}
	role, ok := s.role(account, name)
	if !ok || s.members[account].state() != "ACTIVE" {
		return RoleSpec{}, false
	}
	trusts := role.Trusts
	if len(trusts) == 0 {
		trusts = []string{s.world.Management}
	}
	if role.ExternalID != "" && role.ExternalID != c.Form.Get("ExternalId") {
		return RoleSpec{}, false
	}
	return role, slices.Contains(trusts, c.Account)
}

// sessionLimit is the role's own limit, or an hour when one role assumes another.
func (s *Sandbox) sessionLimit(c *call, role RoleSpec) int {
	if _, chained := s.sessionOf(c.AccessKey); chained || role.MaxSession == 0 {
		return 3600
	}
	return role.MaxSession
}

// issue makes credentials and remembers them. Nobody checks the secret or the
// token, for the sandbox verifies no signatures; they have the length of real ones.
func (s *Sandbox) issue(c *call, account, name string, role RoleSpec, life time.Duration) (*sts.AssumeRoleOutput, *apiError) {
	var random [10 + 30 + 300]byte
	if _, err := s.rand.Read(random[:]); err != nil {
		return nil, &apiError{Code: "InternalFailure", Message: "no randomness", Status: http.StatusInternalServerError}
	}
	principal := "arn:" + c.Partition + ":sts::" + account + ":assumed-role/" + name + "/" + c.Form.Get("RoleSessionName")
	e := session{
		account: account, principal: principal, role: role,
		roleID:  roleID(account, name),
		source:  c.Form.Get("SourceIdentity"),
		expires: c.Now.Add(life),
	}
	id := "ASIA" + base32.StdEncoding.EncodeToString(random[:10])
	s.sessionMu.Lock()
	if s.sessions == nil {
		s.sessions = map[string]session{}
	}
	s.sessions[id] = e
	s.sessionMu.Unlock()
	out := &sts.AssumeRoleOutput{
		AssumedRoleUser: &types.AssumedRoleUser{Arn: new(principal), AssumedRoleId: new(e.roleID + ":" + sessionName(principal))},
		Credentials: &types.Credentials{
			AccessKeyId:     new(id),
			SecretAccessKey: new(base64.StdEncoding.EncodeToString(random[10:40])),
			SessionToken:    new(base64.StdEncoding.EncodeToString(random[40:])),
			// Told on the caller's own clock, which may be a year behind the
			// sandbox's: an SDK decides by it when to fetch new credentials.
			Expiration: new(time.Now().Add(life)),
		},
	}
	if e.source != "" {
		out.SourceIdentity = new(e.source)
	}
	return out, nil
}
