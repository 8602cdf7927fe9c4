package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// Seal puts the run so far under a signed checkpoint: the digests of the given
// artifacts (by path within the run's folder, with slashes) become entries, the
// tree is built and signed. Files sealed earlier stay sealed under their last
// digest. Add the head that it returns to the estate's log. Sealing again when
// nothing is new returns the same head.
func (r *Run) Seal(s Signer, artifacts map[string]keyrotor.Digest) (Head, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.flush()
	before, err := r.sealed()
	if err != nil {
		return Head{}, err
	}
	batch, err := r.artifactEntries(artifacts, before)
	if err != nil {
		return Head{}, err
	}
	if len(batch) > 0 || !before.closed(s.VerifierKey()) {
		batch = append(batch, &waiting{entry: Entry{Type: TypeSeal, At: r.now(), Text: s.VerifierKey()}})
		if err := r.write(batch); err != nil {
			return Head{}, err
		}
	}
	return r.publish(s)
}

// sealState is what the journal says of earlier seals.
type sealState struct {
	artifacts map[string]keyrotor.Digest
	last      Entry
}

// closed: the last entry is a seal by the same key, so nothing is new.
func (s sealState) closed(key string) bool { return s.last.Type == TypeSeal && s.last.Text == key }

func (r *Run) sealed() (sealState, error) {
	s := sealState{artifacts: map[string]keyrotor.Digest{}}
	err := r.entriesUpTo(r.size, func(e Entry) error {
		if e.Type == TypeArtifact {
			s.artifacts[e.Artifact] = e.Digest
		}
		s.last = e
		return nil
	})
	return s, err
}

// artifactEntries makes an entry for each artifact whose digest is news, and
// writes the short hashes of its lines, from which Verify tells where a file was
// changed.
func (r *Run) artifactEntries(artifacts map[string]keyrotor.Digest, before sealState) ([]*waiting, error) {
	var batch []*waiting
	for _, name := range slices.Sorted(maps.Keys(artifacts)) {
		if !fs.ValidPath(name) || name == "." || name == logDir || strings.HasPrefix(name, logDir+"/") {
			return nil, fmt.Errorf("seal: %q is not the path of an artifact", name)
		}
		lines, digest, err := hashLines(filepath.Join(r.dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		if digest != artifacts[name] {
			return nil, fmt.Errorf("seal: %s changed meanwhile: it has digest %s, not %s", name, digest.Short(), artifacts[name].Short())
		}
		if err := r.writeLines(name, lines); err != nil {
			return nil, err
		}
		if before.artifacts[name] != digest {
			batch = append(batch, &waiting{entry: Entry{Type: TypeArtifact, At: r.now(), Artifact: name, Digest: digest}})
		}
	}
	return batch, nil
}

func (r *Run) writeLines(name string, lines []byte) error {
	path := filepath.Join(r.dir, logDir, linesDir, filepath.FromSlash(name))
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, lines) {
		return nil
	}
	return writeFile(path, lines)
}

// publish builds the tree of all durable entries and puts it in place.
func (r *Run) publish(s Signer) (Head, error) {
	dir := filepath.Join(r.dir, logDir)
	old, oldRoot, err := readCheckpoint(dir)
	if err != nil {
		return Head{}, err
	}
	t := newTree()
	artifacts := map[string]keyrotor.Digest{}
	head := Head{Schema: keyrotor.SchemaRunHead, Version: keyrotor.SchemaVersion, Run: r.id, Key: s.VerifierKey(), Artifacts: artifacts}
	chain := ""
	err = r.entriesUpTo(r.size, func(e Entry) error {
		leaf, c, err := e.encode(t.size(), chain)
		if err != nil {
			return err
		}
		chain = c
		if e.Type == TypeArtifact {
			artifacts[e.Artifact] = e.Digest
		}
		head.At = e.At
		if err := t.add(leaf); err != nil {
			return err
		}
		return r.extends(t, old, oldRoot)
	})
	if err != nil {
		return Head{}, err
	}
	root, err := t.root()
	if err != nil {
		return Head{}, err
	}
	head.Size, head.Root = t.size(), base64.StdEncoding.EncodeToString(root[:])
	// Everything that the new tree needs is written, not only what is new: a
	// file lost or damaged since is mended from the journal.
	return head, t.publish(dir, runOrigin(r.id), 0, s)
}

// extends refuses to sign a history other than the one signed before.
func (r *Run) extends(t *tree, old int64, oldRoot string) error {
	if t.size() != old {
		return nil
	}
	root, err := t.root()
	if err != nil {
		return err
	}
	if base64.StdEncoding.EncodeToString(root[:]) == oldRoot {
		return nil
	}
	return &keyrotor.Problem{
		Err:  errors.New("seal: the journal is not the one that was sealed before"),
		Now:  "the record of this run is damaged; nothing was signed",
		Next: "keyrotor evidence verify " + r.dir,
	}
}

// DigestArtifacts returns the digests of all files in a run's folder, its log
// and hidden files apart: what to give to Seal.
func DigestArtifacts(dir string) (map[string]keyrotor.Digest, error) {
	artifacts := map[string]keyrotor.Digest{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		hidden := rel != "." && strings.HasPrefix(d.Name(), ".")
		if d.IsDir() {
			if rel == logDir || hidden {
				return fs.SkipDir
			}
			return nil
		}
		if hidden || !d.Type().IsRegular() {
			return nil
		}
		digest, err := digestFile(path)
		if err != nil {
			return err
		}
		artifacts[filepath.ToSlash(rel)] = digest
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("digest artifacts: %w", err)
	}
	return artifacts, nil
}

func digestFile(path string) (keyrotor.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return digestOf(io.Reader(f))
}
