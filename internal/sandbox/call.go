package sandbox

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one request after routing.
type call struct {
	Service   string // as in IAM actions: kms, sts, organizations, account, ec2, tag
	Operation string // as in the API: DescribeKey
	Account   string
	Region    string
	Partition string // aws, aws-cn, aws-us-gov
	Principal string // ARN of the caller
	AccessKey string
	Body      []byte
	Header    http.Header
	Form      url.Values // of query protocols, else nil
	RequestID string
	Now       time.Time
	Protocol  protocol

	s     *Sandbox
	fault *Fault // injected: strikes after the effect
	paid  string // the shared quota that the call has paid from
}

// protocol is the wire format of an answer.
type protocol int

const (
	protocolJSON  protocol = iota // AWS JSON 1.1: X-Amz-Target
	protocolQuery                 // form in, XML out: STS
	protocolEC2                   // the same with EC2's own envelope
	protocolREST                  // path and JSON: account
)

// service answers the calls of one service. It writes one answer to w.
type service func(s *Sandbox, w http.ResponseWriter, r *http.Request, c *call, body []byte)

// maxBody is more than any request of the services here may hold.
const maxBody = 4 << 20

// route reads who calls what: the service from the target or the credential
// scope, the account from the access key, the Region from the scope. The call
// is never nil, so that a refusal can be written too.
func (s *Sandbox) route(r *http.Request) (*call, []byte, *apiError) {
	c := &call{s: s, Header: r.Header, Now: s.clock.Now(), RequestID: requestID(), Region: "us-east-1"}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return c, nil, errf("SerializationException", "the request body could not be read")
	}
	c.Body = body
	scope := credentialScope(r)
	if scope.region != "" {
		c.Region = scope.region
	}
	c.Partition = partitionOf(c.Region)
	c.AccessKey = scope.accessKey
	s.identify(c)

	switch target := r.Header.Get("X-Amz-Target"); {
	case target != "":
		prefix, op, _ := strings.Cut(target, ".")
		c.Service, c.Operation = targetService(prefix), op
	case isForm(r):
		c.Form, _ = url.ParseQuery(string(body))
		c.Service, c.Operation, c.Protocol = scope.service, c.Form.Get("Action"), protocolQuery
		if c.Service == "ec2" {
			c.Protocol = protocolEC2
		}
	default:
		c.Service, c.Operation, c.Protocol = scope.service, restOperation(r.URL.Path), protocolREST
	}
	if c.Service == "tagging" {
		c.Service = "tag"
	}
	if s.services[c.Service] == nil {
		return c, nil, errf("UnknownOperationException", "")
	}
	return c, body, nil
}

// requestID is of no account in worlds, so it does not draw on their randomness.
func requestID() string {
	a, b := rand.Uint64(), rand.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// identify fills in account and principal from the access key.
func (s *Sandbox) identify(c *call) {
	if account, principal, ok := s.session(c.AccessKey); ok {
		c.Account, c.Principal = account, principal
		return
	}
	c.Account = s.opts.Home
	if isAccountID(c.AccessKey) {
		c.Account = c.AccessKey
	}
	c.Principal = "arn:" + c.Partition + ":iam::" + c.Account + ":user/sandbox"
}

type scope struct{ accessKey, region, service string }

// credentialScope reads "Credential=AKID/20261121/us-east-1/kms/aws4_request"
// from the Authorization header, else from a presigned query.
func credentialScope(r *http.Request) scope {
	text := r.Header.Get("Authorization")
	if _, after, ok := strings.Cut(text, "Credential="); ok {
		text, _, _ = strings.Cut(after, ",")
	} else {
		text = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.Split(strings.TrimSpace(text), "/")
	if len(parts) != 5 {
		return scope{}
	}
	return scope{accessKey: parts[0], region: parts[2], service: parts[3]}
}

// targetService names the service of an X-Amz-Target prefix.
func targetService(prefix string) string {
	switch {
	case prefix == "TrentService":
		return "kms"
	case strings.HasPrefix(prefix, "AWSOrganizations"):
		return "organizations"
	case strings.HasPrefix(prefix, "ResourceGroupsTaggingAPI"):
		return "tag"
	}
	return strings.ToLower(prefix)
}

// restOperation turns the path /listRegions into ListRegions.
func restOperation(path string) string {
	op := strings.Trim(path, "/")
	if op == "" {
		return ""
	}
	return strings.ToUpper(op[:1]) + op[1:]
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

func isAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
