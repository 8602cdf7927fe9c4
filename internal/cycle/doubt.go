package cycle

import (
	"fmt"

	"github.com/keyrotor/keyrotor/internal/ledger"
)

// Vouched refuses a file of a run that is not what its record says of it under a seal.
func Vouched(a Artifacts, sealed ledger.Sealed, name string) error {
	told, err := sealedDigest(sealed, name)
	if err != nil {
		return err
	}
	is, err := DigestOf(a, name)
	if err == nil && is != told {
		err = fmt.Errorf("run %s: its record does not vouch for %s", a.ID(), name)
	}
	return err
}

// Doubtful names the files of a run, of those asked for, that are not what its
// record says of them under a seal. While somebody writes the run nothing can be
// said, and nothing is.
func Doubtful(a Artifacts, sealed ledger.Sealed, names ...string) ([]string, error) {
	if whole, err := sealed.Journal.Sealed(); err != nil || !whole {
		return nil, err
	}
	told, err := sealedDigests(sealed)
	if err != nil {
		return nil, err
	}
	is, err := digestsOf(a, names...)
	if err != nil {
		return nil, err
	}
	var doubtful []string
	for _, name := range names {
		if is[name] != told[name] {
			doubtful = append(doubtful, name)
		}
	}
	return doubtful, nil
}
