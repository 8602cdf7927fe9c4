package cycle

import (
	"github.com/keyrotor/keyrotor/internal/ledger"
)

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
