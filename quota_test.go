package keyrotor

import (
	"slices"
	"strings"
	"testing"
)

// The quota of UntagResource was taken to be that of TagResource.
func TestEveryQuotaNamesThePageThatSaysSo(t *testing.T) {
	for call := range requestQuotas() {
		q, ok := RequestQuota(call)
		if !ok || q.PerSecond < 1 || q.Burst < q.PerSecond || !strings.Contains(q.Source, "https://docs.aws.amazon.com/") {
			t.Errorf("%s: got %+v", call, q)
		}
	}
	for call, want := range map[string]int{"kms:TagResource": 10, "kms:UntagResource": 5} {
		if q, _ := RequestQuota(call); q.PerSecond != want {
			t.Errorf("%s: got %d a second, want %d", call, q.PerSecond, want)
		}
	}
	if q, ok := RequestQuota("kms:Moonlight"); ok || q != (Quota{}) {
		t.Errorf("a call that is none has the quota %+v", q)
	}
}

func TestEverySpecThatIsListedHasUsages(t *testing.T) {
	for _, spec := range KeySpecs() {
		usages, known := KeyUsages(spec)
		if !known || len(usages) == 0 || slices.Contains(usages, "") {
			t.Errorf("%s: got %q", spec, usages)
		}
	}
	if usages, known := KeyUsages("FOO"); known || usages != nil {
		t.Errorf("FOO: got %q", usages)
	}
}
