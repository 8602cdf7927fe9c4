package sandbox

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAnswersAreWrittenAsAWSWritesThem(t *testing.T) {
	out := &kms.DescribeKeyOutput{KeyMetadata: &types.KeyMetadata{
		KeyId:        new("k\"1"),
		CreationDate: new(time.UnixMilli(1763726400123).UTC()),
		Enabled:      false, // a plain boolean travels also when false
		KeyState:     types.KeyStateDisabled,
	}}
	got := string(encodeJSON(out))
	want := `{"KeyMetadata":{"KeyId":"k\"1","CreationDate":1763726400.123,"Enabled":false,"KeyState":"Disabled"}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := string(encodeJSON(&kms.EnableKeyOutput{})), `{}`; got != want {
		t.Errorf("empty answer: got %s, want %s", got, want)
	}
}

func TestRequestsAreRead(t *testing.T) {
	var got kms.ImportKeyMaterialInput
	body := `{"KeyId":"k","EncryptedKeyMaterial":"AQID","ValidTo":1763726400.5,"ImportType":"NEW_KEY_MATERIAL","Unknown":{"x":[1]}}`
	if err := decodeJSON([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := kms.ImportKeyMaterialInput{
		KeyId: new("k"), EncryptedKeyMaterial: []byte{1, 2, 3}, ImportType: types.ImportTypeNewKeyMaterial,
		ValidTo: new(time.UnixMilli(1763726400500).UTC()),
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(kms.ImportKeyMaterialInput{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestWrongTypesAreRefusedWithoutTheirValue(t *testing.T) {
	for body, want := range map[string]string{
		`{"KeyId":7}`:             "KeyId: a number is not a string",
		`[]`:                      "a list is not a structure",
		`{"Plaintext":"!secret"}`: "Plaintext: not base64",
	} {
		err := decodeJSON([]byte(body), &kms.EncryptInput{})
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

// FuzzCodec reads any body and, where that succeeds, writes and reads it again.
func FuzzCodec(f *testing.F) {
	f.Add([]byte(`{"KeyId":"k","Plaintext":"AQID","EncryptionContext":{"a":"b"},"GrantTokens":["x"],"DryRun":true}`))
	f.Add([]byte(`{"KeyId":null}`))
	f.Add([]byte(`{"EncryptionContext":{"\u0000":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var in, again kms.EncryptInput
		if decodeJSON(body, &in) != nil {
			return
		}
		text := encodeJSON(&in)
		if !json.Valid(text) {
			t.Fatalf("not JSON: %q", text)
		}
		if err := decodeJSON(text, &again); err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if d := cmp.Diff(in, again, cmpopts.IgnoreUnexported(kms.EncryptInput{}), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("(-in +again):\n%s", d)
		}
	})
}

// FuzzSealed reads any ciphertext: headers are read back as they were written, and
// nothing but what was sealed opens.
func FuzzSealed(f *testing.F) {
	m := material{keyID: "mrk-0123456789abcdef0123456789abcdef", secret: bytes.Repeat([]byte{3}, 32)}
	whole, err := m.seal(bytes.Repeat([]byte{1}, nonceSize), []byte("text"), "000000000012", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:40])
	f.Fuzz(func(t *testing.T, text []byte) {
		s, ok := unwrapHeader(text)
		if !ok {
			return
		}
		if !keyIDPattern.MatchString(s.keyID) || !isAccountID(s.account) {
			t.Fatalf("read key %q of account %q", s.keyID, s.account)
		}
		if _, err := s.open(m, nil); err == nil && !bytes.Equal(text, whole) {
			t.Error("a changed ciphertext opens")
		}
	})
}

// FuzzKeyPolicy reads any policy without falling over.
func FuzzKeyPolicy(f *testing.F) {
	f.Add(defaultPolicy("aws", "111111111111"))
	f.Add(`{"Statement":{"Effect":"Deny","Principal":"*","Action":"kms:*","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*",7,true]},"Null":{"kms:ViaService":false}}}}`)
	f.Add(`{"Statement":{"Principal":{"AWS":["*"],"Service":"s3.amazonaws.com"},"Action":["kms:[","kms:*"]}}`)
	s := New(Options{})
	f.Fuzz(func(t *testing.T, text string) {
		c := &call{s: s, Account: "111111111111", Partition: "aws", Principal: "arn:aws:sts::111111111111:assumed-role/r/s"}
		if err := c.checkPolicy(nil, text, true); err != nil {
			return
		}
		r := &kmsRegion{name: "us-east-1", account: &account{id: "111111111111"}}
		k := &key{id: "k", region: r, core: &core{}, policy: text}
		if err := k.admits(c, "DescribeKey"); err != nil && asAPIError(err).Code != "AccessDeniedException" {
			t.Errorf("got %v", err)
		}
	})
}
