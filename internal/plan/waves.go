package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keyrotor/keyrotor"
)

// env is how safe it is to try something on an asset first.
type env int

const (
	tryFirst   env = iota // a tag says dev, test, staging, …
	unknownEnv            // no tag, or a word nobody told us
	production
)

func envOf(r keyrotor.Rollout, value string) env {
	value = strings.ToLower(strings.TrimSpace(value))
	switch {
	case slices.Contains(r.Production, value):
		return production
	case slices.Contains([]string{
		"dev", "devel", "development", "test", "testing", "tst", "qa", "uat", "int", "integration", "ci",
		"stage", "staging", "stg", "sandbox", "sbx", "demo", "preview", "preprod", "pre-prod", "nonprod", "non-prod",
	}, value):
		return tryFirst
	}
	return unknownEnv
}

// Sizes of the waves after the canary. Each stretch of accounts grows anew, so
// that production is not met by the largest wave first.
const (
	firstWave  = 24
	secondWave = 100
	growth     = 4
	largest    = 1000
)

// waves puts changes in order and into waves: a canary of what is furthest from
// production, then accounts without production, then accounts that hold it. A
// wave holds one change of an asset at most, so that changes of a wave never
// wait for each other.
func waves(changes []keyrotor.Change, r keyrotor.Rollout) ([]keyrotor.Change, []keyrotor.Wave) {
	if len(changes) == 0 {
		return nil, nil
	}
	groups := sorted(changes, r)
	canary, rest := tried(groups, max(1, r.Canary))
	w := waver{}
	w.add(canaryWords(canary), true, canary)
	slices.SortFunc(rest, func(a, b group) int {
		return cmp.Or(cmp.Compare(late(a), late(b)), cmp.Compare(a.env, b.env), a.compare(b.place))
	})
	border := slices.IndexFunc(rest, func(g group) bool { return g.holdsProduction })
	if border < 0 {
		border = len(rest)
	}
	w.grow("accounts without production", rest[:border])
	w.grow("accounts that hold production", rest[border:])
	return w.changes, w.waves
}

// tried takes the canary from sorted groups. It is smaller rather than that it holds
// production, or the account on which all others depend, beside what is neither.
func tried(groups []group, most int) (canary, rest []group) {
	first := groups[0]
	fit := slices.DeleteFunc(slices.Clone(groups), func(g group) bool {
		return g.env == production && first.env != production || g.management && !first.management
	})
	try := spread{accounts: map[string]int{}, regions: map[string]int{}, taken: map[place]bool{}}
	for len(fit) > 0 && len(try.taken) < most {
		end := slices.IndexFunc(fit, func(g group) bool { return g.class() != fit[0].class() })
		if end < 0 {
			end = len(fit)
		}
		try.from(fit[:end], most-len(try.taken))
		fit = fit[end:]
	}
	for _, g := range groups {
		if try.taken[g.place] {
			canary = append(canary, g)
		} else {
			rest = append(rest, g)
		}
	}
	return canary, rest
}

// spread takes groups from as many accounts and Regions as there are: a canary of one
// place would not meet the policy that another account has, nor a Region's fault.
type spread struct {
	accounts, regions map[string]int // how often each was taken
	taken             map[place]bool
}

// from takes so many groups of one class: each time the first one of the place whose
// account was taken least, then whose Region was.
func (s *spread) from(class []group, most int) {
	if len(class) <= most {
		for _, g := range class {
			s.take(g)
		}
		return
	}
	// A class is sorted by place, so that each stretch of it is one.
	var places [][]group
	for i, g := range class {
		if i == 0 || g.account() != class[i-1].account() || g.region() != class[i-1].region() {
			places = append(places, nil)
		}
		places[len(places)-1] = append(places[len(places)-1], g)
	}
	for range most {
		at := 0
		for i := range places {
			a, b := places[i][0], places[at][0]
			if cmp.Or(cmp.Compare(s.accounts[a.account()], s.accounts[b.account()]), cmp.Compare(s.regions[a.region()], s.regions[b.region()])) < 0 {
				at = i
			}
		}
		s.take(places[at][0])
		if places[at] = places[at][1:]; len(places[at]) == 0 {
			places = slices.Delete(places, at, at+1)
		}
	}
}

func (s *spread) take(g group) {
	s.accounts[g.account()]++
	s.regions[g.region()]++
	s.taken[g.place] = true
}

// group is the changes of one asset, in order.
type group struct {
	place
	changes         []keyrotor.Change
	env             env
	holdsProduction bool
	management      bool
}

func sorted(changes []keyrotor.Change, r keyrotor.Rollout) []group {
	byAsset := map[place]*group{}
	for _, c := range changes {
		p := placeOf(c.Target)
		p[3] = cmp.Or(c.Target.ID, c.Target.Name) // an asset's id is enough; a new key has a name only
		g := byAsset[p]
		if g == nil {
			e := envOf(r, c.Seen.Env)
			g = &group{place: p, env: e, holdsProduction: e == production || slices.Contains(r.ProductionAccounts, c.Target.Account), management: r.Management != "" && r.Management == c.Target.Account}
			byAsset[p] = g
		}
		g.changes = append(g.changes, c)
	}
	var groups []group
	for _, g := range byAsset {
		slices.SortFunc(g.changes, func(a, b keyrotor.Change) int {
			return cmp.Or(cmp.Compare(turn(a), turn(b)), cmp.Compare(a.ID, b.ID))
		})
		groups = append(groups, *g)
	}
	// Assets that somebody tagged as safe come first, wherever they are: they
	// are the canary.
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.env, b.env), managing(a)-managing(b), cmp.Compare(late(a), late(b)), a.compare(b.place))
	})
	return groups
}

func (p place) account() string { return p[0] }
func (p place) region() string  { return p[1] }

// class is how safe it is to try a group: groups of one class are as good as each
// other, wherever they are.
func (g group) class() [3]int { return [3]int{int(g.env), managing(g), late(g)} }

// managing is 1 for the management account.
func managing(g group) int {
	if g.management {
		return 1
	}
	return 0
}

// late is 1 for accounts that hold production.
func late(g group) int {
	if g.holdsProduction {
		return 1
	}
	return 0
}

// turn orders the changes of one asset: switch on before rotating.
func turn(c keyrotor.Change) int {
	switch c.Recipe {
	case RecipeRotateOverdue, RecipeRotateNow:
		return 1
	}
	return 0
}

// waver writes waves.
type waver struct {
	changes []keyrotor.Change
	waves   []keyrotor.Wave
}

func (w *waver) grow(about string, groups []group) {
	size := firstWave
	for len(groups) > 0 {
		n := min(size, len(groups))
		w.add(about, false, groups[:n])
		groups = groups[n:]
		if size == firstWave {
			size = secondWave
		} else {
			size = min(size*growth, largest)
		}
	}
}

// add writes the first change of every asset as one wave, the second as the
// next, and so on.
func (w *waver) add(about string, canary bool, groups []group) {
	for i := 0; ; i++ {
		wave := keyrotor.Wave{Number: len(w.waves) + 1, Canary: canary, About: about}
		for _, g := range groups {
			if i < len(g.changes) {
				wave.Changes = append(wave.Changes, g.changes[i].ID)
				w.changes = append(w.changes, g.changes[i])
			}
		}
		if len(wave.Changes) == 0 {
			return
		}
		w.waves = append(w.waves, wave)
	}
}

func canaryWords(groups []group) string {
	safe := 0
	for _, g := range groups {
		switch g.env {
		case production:
			return "canary; production, for there is nothing else"
		case tryFirst:
			safe++
		case unknownEnv:
		}
	}
	if safe == 0 {
		return "canary; nothing here says an env that is not production"
	}
	if safe < len(groups) {
		return fmt.Sprintf("canary; %d of %d say an env other than production, the others say none", safe, len(groups))
	}
	return "canary; env other than production"
}
