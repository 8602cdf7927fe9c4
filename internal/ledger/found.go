package ledger

// What a writer finds behind the last seal by its own key was left by a killed
// process, or put there by anybody who can write the folder; an entry of type found
// says how far it reaches. These entries are good for care and for nothing else:
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
//
// A mark with a key in its text is of entries that another writer sealed: whole as
// a record, and no word of ours. They count where foreign is set.
func marksOf(found []Entry, sealed int64, foreign bool) marks {
	var m marks
	for i := len(found) - 1; i >= 0; i-- {
		e := found[i]
		if !foreign && e.Text != "" {
			continue
		}
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

// FoundIn reads which entries of a log were not under a seal of who took it up last.
// A log that its writer has not taken up yet may hold more, which nobody has marked.
func FoundIn(entries func(func(Entry) error) error) (func(seq int64) bool, error) {
	return foundIn(entries, true)
}

func foundIn(entries func(func(Entry) error) error, foreign bool) (func(seq int64) bool, error) {
	var found []Entry
	err := entries(func(e Entry) error {
		if e.Type == TypeFound {
			found = append(found, e)
		}
		return nil
	})
	return marksOf(found, 0, foreign).has, err
}
