package ledger

// What a writer finds behind the last seal was left by a killed process, or put
// there by anybody who can write the folder; an entry of type found says how far it
// reaches. These entries are good for care and for nothing else:
// an intent among them may have had its effect, a file may be the one that they
// tell, and nothing is taken for done, agreed or ours on their word.

// marks tell which entries of a log were found so.
type marks [][2]int64 // from, to

// has reports whether the entry of this number was found.
func (m marks) has(seq int64) bool {
	for _, span := range m {
		if span[0] <= seq && seq < span[1] {
			return true
		}
	}
	return false
}

// marksOf reads the marks among the entries, of which a checkpoint covers as many
// as sealed. A mark that a later one found counts for nothing: it may be forged,
// and what it rightly tells the later one tells too. Nor can a mark that no
// checkpoint covers say anything of entries that one does.
func marksOf(found []Entry, sealed int64) marks {
	var m marks
	for i := len(found) - 1; i >= 0; i-- {
		e := found[i]
		if e.Type != TypeFound || e.Found < 1 || e.Found > e.Seq || m.has(e.Seq) {
			continue
		}
		from := e.Seq - e.Found
		if e.Seq >= sealed {
			from = max(from, sealed)
		}
		if from < e.Seq {
			m = append(m, [2]int64{from, e.Seq})
		}
	}
	return m
}

// FoundIn reads which entries of a log were not under a seal when they were taken
// up. A log that its writer has not taken up yet may hold more, which nobody has
// marked.
func FoundIn(entries func(func(Entry) error) error) (func(seq int64) bool, error) {
	var found []Entry
	err := entries(func(e Entry) error {
		if e.Type == TypeFound {
			found = append(found, e)
		}
		return nil
	})
	return marksOf(found, 0).has, err
}
