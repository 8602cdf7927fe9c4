package aws

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/keyrotor/keyrotor"
)

// refusal turns an error into a gap; the caller fills in whose it is.
func refusal(call string, err error) keyrotor.Gap {
	failed := failedCall(call, err)
	return keyrotor.Gap{
		Call:    failed,
		Code:    codeOf(err),
		Cause:   causeOf(failed, err),
		Message: errorMessage(err),
	}
}

// codeUnknown is what the SDK makes of an answer that names no code.
const codeUnknown = "UnknownError"

// codeOf is the service's error code, or a word of ours where there is none.
func codeOf(err error) string {
	switch code := errorCode(err); {
	case isThrottle(err) && (code == "" || code == codeUnknown):
		return "TooManyRequests" // the words of HTTP 429
	case code != "":
		return code
	case errors.Is(err, errPolicySyntax):
		return "MalformedPolicyDocument"
	case errors.Is(err, context.Canceled):
		return "Canceled"
	case noAnswer(err):
		return "NoAnswer"
	}
	return "Unreadable"
}

// failedCall is the call that really failed: while a KMS call is being signed,
// STS may refuse the role, and then the KMS call was never made.
func failedCall(call string, err error) string {
	for {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			return call
		}
		call = callName(op.ServiceID, op.OperationName)
		err = op.Err
	}
}

// accessDenied reports whether a code says that a permission is missing.
func accessDenied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "UnauthorizedException", "403":
		return true
	}
	return false
}

// badCredentials reports whether a code says that the credentials themselves
// are not good, whatever they would permit.
func badCredentials(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
		"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "RequestExpired", "InvalidToken", "AuthFailure":
		return true
	}
	return false
}

// causeOf says who has to mend a refusal. IAM names the kind of the deciding
// policy at the end of its messages ("with an explicit deny in a service
// control policy", "because no resource-based policy allows ..."); older
// answers name none, and then the kind of call decides.
func causeOf(call string, err error) keyrotor.GapCause {
	code := errorCode(err)
	switch {
	case isThrottle(err):
		return keyrotor.CauseThrottled
	case code == codeNotConfigured:
		return keyrotor.CauseNoRole
	case code == "RegionDisabledException", code == "OptInRequired", code == "UnrecognizedClientException" && !isSTS(call),
		code == "InvalidClientTokenId" && !isSTS(call):
		// Credentials that STS gave us a moment ago are unknown only where the
		// Region is not enabled for the account.
		return keyrotor.CauseRegionOff
	case accessDenied(code):
		return causeOfDenial(call, strings.ToLower(errorMessage(err)))
	case code == "" && noAnswer(err):
		return keyrotor.CauseNetwork
	}
	return keyrotor.CauseOther
}

func causeOfDenial(call, message string) keyrotor.GapCause {
	switch {
	case strings.Contains(message, "service control policy"), strings.Contains(message, "resource control policy"):
		return keyrotor.CauseSCP
	case isSTS(call):
		return keyrotor.CauseTrust
	case strings.Contains(message, "resource-based policy"):
		return keyrotor.CauseKeyPolicy
	case strings.Contains(message, "identity-based policy"), strings.Contains(message, "permissions boundary"),
		strings.Contains(message, "session policy"):
		return keyrotor.CauseIAM
	case onOneKey(call):
		// Without a reason in the message the key's policy is the likelier one:
		// a role that lacked the permission would have failed on all keys.
		return keyrotor.CauseKeyPolicy
	}
	return keyrotor.CauseIAM
}

func isSTS(call string) bool { return strings.HasPrefix(call, "sts:") }

// onOneKey reports whether a call is authorized by a single key's policy.
func onOneKey(call string) bool {
	switch call {
	case "kms:ListKeys", "kms:ListAliases", "kms:CreateKey":
		return false
	}
	return strings.HasPrefix(call, "kms:")
}
