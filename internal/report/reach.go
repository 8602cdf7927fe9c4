package report

import (
	"github.com/keyrotor/keyrotor"
)

// elsewhere says that what was read is not of AWS, "" where it is.
func elsewhere(p keyrotor.Population) string {
	if len(p.Endpoints) == 0 {
		return ""
	}
	return "read from " + Clean(sentence(p.Endpoints)) + ", not from AWS's own endpoints"
}

// reach is how far a scan got into the accounts: one that refused us whole has no
// place in the inventory, so that the places that were read say nothing of it.
type reach struct {
	accounts int             // to be entered
	closed   []string        // of those, where nothing at all could be read
	foreseen map[string]bool // of the closed: approved by the configuration
}

// reachOf looks which accounts left no place behind that could be read.
func reachOf(r Run) reach {
	out := reach{accounts: len(r.Population.Accounts), foreseen: map[string]bool{}}
	if r.undoes() != "" {
		return out // it looked at keys by name
	}
	reached := map[string]bool{}
	for _, p := range r.Places {
		if p.Status != keyrotor.PlaceGap {
			reached[p.Account] = true
		}
	}
	for _, a := range r.Population.Accounts {
		if !reached[a.ID] {
			out.closed = append(out.closed, a.ID)
			out.foreseen[a.ID] = foreseenIn(r.Gaps, a.ID, "")
		}
	}
	return out
}

// foreseenIn reports whether what closed an account, or one Region of it, was
// approved.
func foreseenIn(gaps []keyrotor.Gap, account, region string) bool {
	known := false
	for _, g := range gaps {
		if g.Account != account || g.Asset != "" || g.Region != "" && region != "" && g.Region != region {
			continue
		}
		if g.Expected == nil {
			return false
		}
		known = true
	}
	return known
}

// words are "10 of 11 accounts", "" where all were read.
func (r reach) words() string {
	if len(r.closed) == 0 {
		return ""
	}
	return count(r.accounts-len(r.closed)) + " of " + plural(r.accounts, "account")
}

// names are the accounts that were not read, the first few by name.
func (r reach) names(name func(id string) string) string {
	const most = 3
	var names []string
	for _, id := range r.closed[:min(most, len(r.closed))] {
		word := name(id)
		if r.foreseen[id] {
			word += " (foreseen)"
		}
		names = append(names, word)
	}
	if rest := len(r.closed) - most; rest > 0 {
		names = append(names, count(rest)+" more")
	}
	return sentence(names)
}

// gapsText says how many gaps there are, where, and which of them were foreseen;
// "" where everything answered.
func gapsText(gaps []keyrotor.Gap, where string) string {
	open := len(unexpected(gaps))
	foreseen := len(gaps) - open
	switch {
	case foreseen == 0 && open == 0:
		return ""
	case foreseen == 0:
		return plural(open, "gap") + where
	case open == 0:
		return plural(foreseen, "gap") + where + oneOr(foreseen, ", foreseen", ", all foreseen") + " by the configuration"
	}
	return plural(open, "gap") + where + ", and " + count(foreseen) + " more foreseen by the configuration"
}

// gapSentence says what the figures lack, for the summary of a report.
func (b *builder) gapSentence() []string {
	text := gapsText(b.run.Gaps, " in the reading")
	if text == "" {
		return nil
	}
	text += ": the figures are without what refused us."
	r := reachOf(b.run)
	if words := r.words(); words != "" {
		text += " " + words + " were read, not " + Clean(r.names(b.accountName)) + "."
	}
	return []string{text}
}

func (b *builder) accountName(id string) string {
	if name := b.names[id]; name != "" {
		return name
	}
	return id
}
