package apply

import "slices"

// queue is what of a wave has not been let in yet, in one lane for each account.
// A change for which its account has no room waits here, and not in one of the
// places for changes under way, where it would keep out those of other accounts.
type queue struct {
	lanes []*lane
}

// lane is the changes of an account, in the plan's order, but first those that
// an earlier turn began.
type lane struct {
	id      string
	account *account
	waiting []entrant
}

// entrant is a change of a wave, by its place there.
type entrant struct {
	at      int
	begun   bool   // by an earlier turn
	refused string // why it may not start, "" when it may
}

// join puts a change into its account's lane.
func (b *breaker) join(q *queue, account string, e entrant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(q.lanes, func(l *lane) bool { return l.id == account })
	if i < 0 {
		i = len(q.lanes)
		q.lanes = append(q.lanes, &lane{id: account, account: b.account(account)})
	}
	l := q.lanes[i]
	place := len(l.waiting)
	if first := slices.IndexFunc(l.waiting, func(o entrant) bool { return !o.begun }); e.begun && first >= 0 {
		place = first
	}
	l.waiting = slices.Insert(l.waiting, place, e)
}

// next waits until a change of the queue may start or is refused; false when
// there is none left. Whoever is given a change must leave.
func (b *breaker) next(q *queue) (entrant, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(q.lanes) > 0 {
		l, refused := b.choose(q)
		if l == nil {
			b.moved.Wait()
			continue
		}
		e := l.waiting[0]
		e.refused = refused
		if l.waiting = l.waiting[1:]; len(l.waiting) == 0 {
			q.lanes = slices.DeleteFunc(q.lanes, func(o *lane) bool { return o == l })
		}
		l.account.underWay++
		b.total.underWay++
		return e, true
	}
	return entrant{}, false
}

// choose finds the lane whose first change comes next: of those with the fewest
// changes under way the first in the plan, so that the accounts take turns and
// one place alone keeps to the plan. Nil when all have to wait.
func (b *breaker) choose(q *queue) (next *lane, refused string) {
	for _, l := range q.lanes {
		may, why := b.admits(l)
		if may && (next == nil || l.before(next)) {
			next, refused = l, why
		}
	}
	return next, refused
}

func (l *lane) before(o *lane) bool {
	if l.account.underWay != o.account.underWay {
		return l.account.underWay < o.account.underWay
	}
	return l.waiting[0].at < o.waiting[0].at
}

// admits reports whether the lane's first change need not wait, and why it is
// refused if it is. A change that an earlier turn began is let in at once, for
// half done is worse than failed; it counts all the same.
func (b *breaker) admits(l *lane) (may bool, refused string) {
	if l.waiting[0].begun {
		return true, ""
	}
	if refused = b.open(l.account, l.id); refused != "" {
		return true, refused
	}
	return l.account.room(b.perAccount) && b.total.room(b.perRun), ""
}
