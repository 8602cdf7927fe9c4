package ledger

import "path"

// checkKept holds the record against a checkpoint that was kept elsewhere.
func (v *verifier) checkKept() {
	if v.kept == nil {
		return
	}
	const kept = "the checkpoint kept elsewhere"
	l, named, known := v.keptLog()
	if !known {
		v.fault(kept, 0, "it is of %q, and no such log is here", v.kept.origin)
		return
	}
	if len(v.keys) > 0 || named != "" {
		if err := v.kept.signedBy(v.allowedKeys(named)); err != nil {
			v.fault(kept, 0, "%v", err)
		}
	}
	switch {
	case len(l.leaves) < v.kept.size:
		v.fault(path.Join(l.dir, "checkpoint"), 0, "the log has %d entries, %s covers %d: the end was cut off", len(l.leaves), kept, v.kept.size)
	case merkleRoot(hashLeaves(l.leaves[:v.kept.size])) != v.kept.root:
		v.fault(path.Join(l.dir, "checkpoint"), 0, "the first %d entries are not those of %s: the log was rewritten, or this is a fork", v.kept.size, kept)
	}
}

// keptLog finds the log that the kept checkpoint is of, and the key that the
// record names for its entry at that size.
func (v *verifier) keptLog() (l logCheck, key string, known bool) {
	n := v.kept.size
	if v.kept.origin == estateOrigin && (v.estate.cp != nil || len(v.runs) > 0) {
		l = v.estate
		l.dir = estateDir
		if n <= len(v.heads) {
			key = v.heads[n-1].Key
		}
		return l, key, true
	}
	for id, r := range v.runs {
		if v.kept.origin != runOrigin(id) {
			continue
		}
		if n <= len(r.log.leaves) {
			if e, _, err := readEntry(r.log.leaves[n-1]); err == nil && e.Type == TypeSeal {
				key = e.Text
			}
		}
		return r.log, key, true
	}
	return l, "", false
}
