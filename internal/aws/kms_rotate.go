package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// RotateKeyOnDemand carries no token and counts against 25 for the key's life,
// so whether it happened is told by what the plan saw (Before):
//
//	a rotation is under way                                 ▶ *NotYet
//	more on-demand rotations than the plan counted          ▶ done
//	another material than the plan saw, made on demand      ▶ done
//
// A material that changed by an automatic rotation is not this step's doing.
func (s *act) rotatedNow(ctx context.Context) (bool, error) {
	before := s.step.Before
	if before.OnDemand == nil && before.MaterialID == "" {
		return false, s.refuse("the plan holds neither the count of on-demand rotations nor the material id; a repeat could not be told")
	}
	status, err := s.status(ctx)
	if err != nil {
		return false, err
	}
	if status.OnDemandRotationStartDate != nil {
		return false, s.notYet(underWayWait, "an on-demand rotation is under way")
	}
	count, newest, err := s.onDemandRotations(ctx)
	if err != nil {
		return false, err
	}
	if before.OnDemand != nil && count > *before.OnDemand {
		return true, nil
	}
	if before.MaterialID == "" || newest != kmstypes.RotationTypeOnDemand {
		return false, nil
	}
	out, err := s.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &s.key})
	if err != nil {
		return false, callError("kms:DescribeKey", err, nil)
	}
	if out.KeyMetadata == nil {
		return false, nil
	}
	now := awssdk.ToString(out.KeyMetadata.CurrentKeyMaterialId)
	return now != "" && now != before.MaterialID, nil
}

// onDemandRotations counts the finished on-demand rotations and names the type
// of the newest rotation of all.
func (s *act) onDemandRotations(ctx context.Context) (int, kmstypes.RotationType, error) {
	var entries []kmstypes.RotationsListEntry
	pages := kms.NewListKeyRotationsPaginator(s.client, &kms.ListKeyRotationsInput{KeyId: &s.key, Limit: awssdk.Int32(listRotationsLimit)})
	err := eachPage(ctx, pages, mostRotationPages, func(page *kms.ListKeyRotationsOutput) (*string, error) {
		entries = append(entries, page.Rotations...)
		return page.NextMarker, nil
	})
	if err != nil {
		return 0, "", callError("kms:ListKeyRotations", err, nil)
	}
	h := rotationHistory(entries)
	last, _ := h.Last()
	return h.OnDemand, kmstypes.RotationType(last.Type), nil
}

func (s *act) rotate(ctx context.Context) error {
	_, err := s.client.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: &s.key}, notTwice)
	if errorCode(err) == "ConflictException" {
		return s.notYet(conflictWait, "an automatic rotation is under way or due within 20 minutes")
	}
	return s.failed("kms:RotateKeyOnDemand", err)
}
