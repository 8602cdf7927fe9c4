package sandbox

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

const iamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"

// iamService answers iam:CreateRole, so that a role can be added to a running
// sandbox; nothing else of IAM is here. Such a role may do everything.
func iamService(s *Sandbox, w http.ResponseWriter, _ *http.Request, c *call, _ []byte) {
	if c.Operation != "CreateRole" {
		c.fail(w, errf("InvalidAction", "Could not find operation %s for version 2010-05-08", c.Operation))
		return
	}
	out, err := s.createRole(c)
	if err != nil {
		c.fail(w, err)
		return
	}
	writeXML(w, out)
}

type createRoleAnswer struct {
	XMLName   xml.Name         `xml:"CreateRoleResponse"`
	Namespace string           `xml:"xmlns,attr"`
	Role      iamRole          `xml:"CreateRoleResult>Role"`
	Metadata  responseMetadata `xml:"ResponseMetadata"`
}

type iamRole struct {
	Path, RoleName, Arn string
	ID                  string `xml:"RoleId"`
	Created             string `xml:"CreateDate"`
	Trust               string `xml:"AssumeRolePolicyDocument"`
}

var (
	roleNamePattern = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	rolePathPattern = regexp.MustCompile(`^/([\w+=,.@/-]+/)?$`)
)

func (s *Sandbox) createRole(c *call) (*createRoleAnswer, *apiError) {
	name, trust, path := c.Form.Get("RoleName"), c.Form.Get("AssumeRolePolicyDocument"), c.Form.Get("Path")
	if path == "" {
		path = "/"
	}
	switch {
	case !roleNamePattern.MatchString(name):
		return nil, errf("ValidationError", "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	case !rolePathPattern.MatchString(path):
		return nil, errf("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	trusts, err := trustedAccounts(trust)
	if err != nil {
		return nil, errf("MalformedPolicyDocument", "This policy contains invalid Json")
	}
	role := RoleSpec{Name: name, Trusts: trusts, MaxSession: 3600}
	if !s.addRole(c.Account, role) {
		return nil, &apiError{Code: "EntityAlreadyExists", Message: "Role with name " + name + " already exists.", Status: http.StatusConflict}
	}
	return &createRoleAnswer{
		Namespace: iamNamespace, Metadata: responseMetadata{c.RequestID},
		Role: iamRole{
			Path: path, RoleName: name, ID: roleID(c.Account, name),
			Arn:     "arn:" + c.Partition + ":iam::" + c.Account + ":role" + path + name,
			Created: c.Now.Format(time.RFC3339), Trust: url.QueryEscape(trust),
		},
	}, nil
}

// trustedAccounts reads the accounts that a trust policy lets in.
func trustedAccounts(text string) ([]string, error) {
	var p keyPolicy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, err
	}
	var out []string
	for _, st := range p.Statement {
		for _, principal := range st.Principal {
			if st.Effect == "Allow" && len(st.Condition) == 0 {
				out = append(out, accountOf(principal))
			}
		}
	}
	return out, nil
}

// accountOf is the account of a principal: "111111111111", or the fifth part of
// its ARN.
func accountOf(principal string) string {
	if m := arnAccount.FindStringSubmatch(principal); m != nil {
		return m[1]
	}
	return principal
}

var arnAccount = regexp.MustCompile(`^arn:[\w-]+:(?:iam|sts)::(\d{12}):`)

// addRole enters a role, unless the account has one of that name.
func (s *Sandbox) addRole(account string, role RoleSpec) bool {
	s.sessionMu.Lock()
	defer s.sessionMu.Unlock()
	key := account + "/" + role.Name
	if _, taken := s.added[key]; taken {
		return false
	}
	if _, taken := s.members[account].role(role.Name); taken {
		return false
	}
	if s.added == nil {
		s.added = map[string]RoleSpec{}
	}
	s.added[key] = role
	return true
}

// role finds a role of the world, or one that was added since.
func (s *Sandbox) role(account, name string) (RoleSpec, bool) {
	if r, ok := s.members[account].role(name); ok {
		return r, true
	}
	s.sessionMu.RLock()
	defer s.sessionMu.RUnlock()
	r, ok := s.added[account+"/"+name]
	return r, ok
}

func (a AccountSpec) role(name string) (RoleSpec, bool) {
	for _, r := range a.Roles {
		if r.Name == name {
			return r, true
		}
	}
	return RoleSpec{}, false
}

func roleID(account, name string) string { return "AROA" + idLetters("role/"+account+"/"+name, 17) }
