package keyrotor

import "strings"

// Quota is a documented request rate per account and Region.
type Quota struct {
	PerSecond int
	Burst     int // 0: same as PerSecond
	// Source is the page of AWS that says so.
	Source string
}

// RequestQuota returns the documented default quota of a call such as
// "kms:EnableKeyRotation"; false for a call whose quota is not published.
func RequestQuota(call string) (Quota, bool) {
	q, ok := requestQuotas()[call]
	if !ok {
		return Quota{}, false
	}
	if q.Burst == 0 {
		q.Burst = q.PerSecond
	}
	q.Source = quotaSource(call)
	return q, true
}

func requestQuotas() map[string]Quota {
	return map[string]Quota{
		"kms:DescribeKey":               {PerSecond: 2000},
		"kms:ListResourceTags":          {PerSecond: 2000},
		"kms:GetPublicKey":              {PerSecond: 2000},
		"kms:GetKeyPolicy":              {PerSecond: 1000},
		"kms:GetKeyRotationStatus":      {PerSecond: 1000},
		"kms:ListKeys":                  {PerSecond: 500},
		"kms:ListAliases":               {PerSecond: 500},
		"kms:ListKeyRotations":          {PerSecond: 100},
		"kms:ListGrants":                {PerSecond: 100},
		"kms:ListKeyPolicies":           {PerSecond: 100},
		"kms:EnableKeyRotation":         {PerSecond: 15},
		"kms:PutKeyPolicy":              {PerSecond: 15},
		"kms:ImportKeyMaterial":         {PerSecond: 15},
		"kms:DeleteImportedKeyMaterial": {PerSecond: 15},
		"kms:ScheduleKeyDeletion":       {PerSecond: 15},
		"kms:DeleteAlias":               {PerSecond: 15},
		"kms:TagResource":               {PerSecond: 10},
		"kms:UntagResource":             {PerSecond: 5},
		"kms:DisableKeyRotation":        {PerSecond: 5},
		"kms:RotateKeyOnDemand":         {PerSecond: 5},
		"kms:GetKeyLastUsage":           {PerSecond: 5},
		"kms:CreateKey":                 {PerSecond: 5},
		"kms:CreateAlias":               {PerSecond: 5},
		"kms:UpdateAlias":               {PerSecond: 5},
		"kms:DisableKey":                {PerSecond: 5},
		"kms:EnableKey":                 {PerSecond: 5},
		"kms:ReplicateKey":              {PerSecond: 5},
		"kms:UpdatePrimaryRegion":       {PerSecond: 5},
		"kms:CancelKeyDeletion":         {PerSecond: 5},
		"kms:GetParametersForImport":    {PerSecond: 1},
		"kms:CreateGrant":               {PerSecond: 50},
		"kms:RetireGrant":               {PerSecond: 50},
		"kms:RevokeGrant":               {PerSecond: 50},

		"organizations:ListAccounts":    {PerSecond: 8, Burst: 12},
		"organizations:DescribeAccount": {PerSecond: 20, Burst: 30},

		"sts:AssumeRole":        {PerSecond: 600},
		"sts:GetCallerIdentity": {PerSecond: 600},
	}
}

// quotaSource is the page of AWS that documents the quota of a call, as it was
// in November 2026.
func quotaSource(call string) string {
	service, _, _ := strings.Cut(call, ":")
	return map[string]string{
		"kms":           "AWS KMS request quotas, https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html",
		"organizations": "Quotas for AWS Organizations, https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html",
		"sts":           "IAM and AWS STS quotas, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
	}[service]
}
