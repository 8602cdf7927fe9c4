package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Codes of our own, for answers of status 200 that cannot be believed. They
// stand in gaps where a code of AWS would.
const (
	codeIncomplete    = "IncompleteAnswer"
	codeEndless       = "EndlessList"
	codeContradictory = "ContradictoryAnswer"
	codeImpossible    = "ImpossibleDate"
)

// unbelievable is an answer that says yes and lacks what a yes consists of, or
// contradicts itself. What it was asked for is not known; whether a change that
// it answers took effect is not known either.
type unbelievable struct{ code, message string }

// Error implements error.
func (u *unbelievable) Error() string { return u.code + ": " + u.message }

// ErrorCode implements smithy.APIError.
func (u *unbelievable) ErrorCode() string { return u.code }

// ErrorMessage implements smithy.APIError.
func (u *unbelievable) ErrorMessage() string { return u.message }

// ErrorFault implements smithy.APIError.
func (u *unbelievable) ErrorFault() smithy.ErrorFault { return smithy.FaultServer }

func isUnbelievable(err error) bool {
	var u *unbelievable
	return errors.As(err, &u)
}

// essential names the members without which the answer to a call is none, of calls
// whose decoded answer does not tell, or that are few: to decode an answer twice
// costs a scan a tenth of its rate. wholeResults looks at the others.
// "Keys.KeyId" is the member of each entry of a list. AWS sends them always, an
// empty list as []; the SDK makes zero values of what is absent, so that {}
// would read as "no keys here" or "rotation is off".
func essential(call string) []string {
	switch call {
	case "kms:CreateKey":
		return []string{"KeyMetadata.KeyId"}
	case "kms:GetKeyRotationStatus":
		return []string{"KeyRotationEnabled"}
	case "kms:GetKeyLastUsage":
		return []string{"TrackingStartDate", "KeyLastUsage"} // {} where it was never used
	case "kms:ListGrants":
		return []string{"Grants"}
	case callListAccounts:
		return []string{"Accounts.Id"}
	case callListRegions:
		return []string{"Regions.RegionName"}
	}
	return nil
}

// wholeAnswers holds each answer against essential before the SDK decodes it,
// because what it makes of an absent boolean cannot be told from false.
type wholeAnswers struct{}

// ID implements middleware.DeserializeMiddleware.
func (wholeAnswers) ID() string { return "keyrotor.WholeAnswers" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (wholeAnswers) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return out, metadata, err
	}
	if answer, ok := resp.Body.(*inMemory); ok && awsmiddleware.GetServiceID(ctx) == kms.ServiceID {
		if number := tooFar(answer.text); number != "" {
			return out, metadata, &unbelievable{codeImpossible, "the answer holds " + number + ", which is no date of KMS"}
		}
	}
	call := callName(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
	members := essential(call)
	if len(members) == 0 {
		return out, metadata, nil
	}
	body, err := readAnswer(resp)
	if err != nil {
		return out, metadata, fmt.Errorf("read answer: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return out, metadata, whole(body, members)
}

// readAnswer reads a body at one go where its length is told, and no more of it
// than of the others where it claims to be very long.
func readAnswer(resp *smithyhttp.Response) ([]byte, error) {
	if n := resp.ContentLength; n > 0 && n < 1<<20 {
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	return io.ReadAll(resp.Body)
}

// whole reports what an answer lacks. What is no JSON at all is left to the SDK,
// which says so.
func whole(body []byte, members []string) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return &unbelievable{codeIncomplete, "the answer is empty"}
	}
	var list struct {
		Truncated             bool
		NextMarker, NextToken string
	}
	paged := bytes.Contains(body, []byte(`"Truncated"`)) || bytes.Contains(body, []byte(`"NextToken"`))
	if paged && json.Unmarshal(body, &list) == nil && list.Truncated && list.NextMarker == "" {
		return &unbelievable{codeIncomplete, "the list goes on (Truncated), and the answer lacks NextMarker"}
	}
	for _, member := range members {
		path := strings.Split(member, ".")
		// A page of Organizations may be empty and name a successor; then it says
		// nothing of the end of the list, with [] as without.
		if list.NextToken != "" && lacks(body, path[:1]) {
			continue
		}
		if lacks(body, path) {
			return &unbelievable{codeIncomplete, "the answer lacks " + member}
		}
	}
	return nil
}

// lacks reports whether the member at path is absent or null in a value, or in
// some entry of a list.
func lacks(value json.RawMessage, path []string) bool {
	if value = bytes.TrimSpace(value); len(value) == 0 || string(value) == "null" {
		return true
	}
	if len(path) == 0 {
		return false
	}
	if value[0] == '[' {
		var entries []json.RawMessage
		if json.Unmarshal(value, &entries) != nil {
			return false
		}
		for _, entry := range entries {
			if lacks(entry, path) {
				return true
			}
		}
		return false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return false
	}
	return lacks(object[path[0]], path[1:])
}

// speaksOf reports why an answer cannot be about the key that was asked for: it
// names another one, or an ARN of another place. An alias names no key.
func (r *keyReader) speaksOf(id string, m *kmstypes.KeyMetadata) error {
	if m == nil {
		return &unbelievable{codeIncomplete, "the answer lacks KeyMetadata"}
	}
	got := awssdk.ToString(m.KeyId)
	asked, isKey := id, !strings.Contains(id, "/")
	if _, inARN, found := strings.Cut(id, ":key/"); found {
		asked, isKey = inARN, true
	}
	if isKey && got != asked {
		return &unbelievable{codeContradictory, fmt.Sprintf("asked for key %s, the answer is about %s", id, got)}
	}
	if arn := awssdk.ToString(m.Arn); arn != "" {
		want := fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", r.partition, r.at.Region, r.at.Account, got)
		if arn != want {
			return &unbelievable{codeContradictory, fmt.Sprintf("the answer names %s, where this key can only be %s", arn, want)}
		}
	}
	return nil
}
