package main

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/guard"
	"github.com/keyrotor/keyrotor/internal/report"
)

// chooser is the full-screen list: look through, filter, choose, confirm.
//
//	list ──enter──▶ details ──esc──▶ list
//	list ──/──▶ filter ──enter/esc──▶ list
//	list ──s──▶ confirm ──y──▶ done      (any other key ▶ list)
type chooser struct {
	plan      keyrotor.Plan
	style     report.Style
	signer    string              // "ssh-ed25519 alice@example.com", "" when it is not known yet
	whole     []string            // who has signed the plan, which nobody can narrow then
	fails     map[string][]string // all rules that a key fails, by its ARN
	rotating  []rotatingKey       // to be seen, not to be chosen
	chosen    map[keyrotor.ChangeID]bool
	limits    guard.Limits
	held      []string // what holds up apply, whatever is chosen
	effects   int      // width of the changes in words
	confirmed bool

	mode          mode
	filter        string
	shown         []int // indexes into plan.Changes, then len(Changes)+i for rotating
	cursor, top   int
	width, height int
}

type mode int

const (
	modeList mode = iota
	modeFilter
	modeDetails
	modeConfirm
)

func newChooser(pl keyrotor.Plan, rotating []rotatingKey, signer string, style report.Style) *chooser {
	c := &chooser{plan: pl, rotating: rotating, style: style, signer: signer, chosen: map[keyrotor.ChangeID]bool{}, effects: effectWidth(pl.Changes), width: 100, height: 30}
	for _, ch := range pl.Changes {
		c.chosen[ch.ID] = true
	}
	c.refilter()
	return c
}

// Init starts with nothing to wait for.
func (c *chooser) Init() tea.Cmd { return nil }

// Update takes one key or a new size.
func (c *chooser) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		c.width, c.height = m.Width, m.Height
		c.scroll()
	case tea.PasteMsg:
		if c.mode == modeFilter {
			c.filter += strings.ReplaceAll(m.Content, "\n", " ")
			c.refilter()
		}
	case tea.KeyPressMsg:
		return c, c.key(m)
	}
	return c, nil
}

func (c *chooser) key(k tea.KeyPressMsg) tea.Cmd {
	if k.String() == "ctrl+c" {
		return tea.Quit
	}
	switch c.mode {
	case modeFilter:
		c.filterKey(k)
	case modeDetails:
		c.mode = modeList
	case modeConfirm:
		if k.String() == "y" {
			c.confirmed = true
			return tea.Quit
		}
		c.mode = modeList
	default:
		return c.listKey(k)
	}
	return nil
}

func (c *chooser) listKey(k tea.KeyPressMsg) tea.Cmd {
	page := c.rows()
	switch k.String() {
	case "q":
		return tea.Quit
	case "esc":
		if c.filter == "" {
			return tea.Quit
		}
		c.filter = ""
		c.refilter()
	case "up", "k":
		c.cursor--
	case "down", "j":
		c.cursor++
	case "pgup", "ctrl+b":
		c.cursor -= page
	case "pgdown", "ctrl+f":
		c.cursor += page
	case "home", "g":
		c.cursor = 0
	case "end", "G":
		c.cursor = len(c.shown) - 1
	case "space", " ", "x":
		c.toggle()
		c.cursor++
	case "a":
		c.toggleShown()
	case "/":
		c.mode = modeFilter
	case "enter":
		if len(c.shown) > 0 {
			c.mode = modeDetails
		}
	case "s":
		if c.count() > 0 {
			c.mode = modeConfirm
		}
	}
	c.scroll()
	return nil
}

func (c *chooser) filterKey(k tea.KeyPressMsg) {
	switch k.String() {
	case "enter":
		c.mode = modeList
	case "esc":
		c.mode, c.filter = modeList, ""
	case "backspace":
		if r := []rune(c.filter); len(r) > 0 {
			c.filter = string(r[:len(r)-1])
		}
	default:
		c.filter += k.Text
	}
	c.refilter()
}

// toggle flips the change under the cursor; keys that rotate already cannot be
// chosen.
func (c *chooser) toggle() {
	if ch, ok := c.change(c.cursor); ok && len(c.whole) == 0 {
		c.chosen[ch.ID] = !c.chosen[ch.ID]
	}
}

// toggleShown chooses all that the filter shows, or none when all are chosen.
func (c *chooser) toggleShown() {
	if len(c.whole) > 0 {
		return
	}
	all := true
	for i := range c.shown {
		if ch, ok := c.change(i); ok && !c.chosen[ch.ID] {
			all = false
		}
	}
	for i := range c.shown {
		if ch, ok := c.change(i); ok {
			c.chosen[ch.ID] = !all
		}
	}
}

// change is the change in row i of what is shown.
func (c *chooser) change(i int) (keyrotor.Change, bool) {
	if i < 0 || i >= len(c.shown) || c.shown[i] >= len(c.plan.Changes) {
		return keyrotor.Change{}, false
	}
	return c.plan.Changes[c.shown[i]], true
}

// count is how many changes are chosen.
func (c *chooser) count() int {
	n := 0
	for _, on := range c.chosen {
		if on {
			n++
		}
	}
	return n
}

func (c *chooser) result() map[keyrotor.ChangeID]bool {
	ids := map[keyrotor.ChangeID]bool{}
	for id, on := range c.chosen {
		if on {
			ids[id] = true
		}
	}
	return ids
}

func (c *chooser) refilter() {
	c.shown = c.shown[:0]
	for i, ch := range c.plan.Changes {
		if matches(c.filter, filterText(ch.Target, ch.Seen, c.failed(ch))) {
			c.shown = append(c.shown, i)
		}
	}
	for i, key := range c.rotating {
		if matches(c.filter, key.text) {
			c.shown = append(c.shown, len(c.plan.Changes)+i)
		}
	}
	c.cursor = 0
	c.scroll()
}

func (c *chooser) scroll() {
	c.cursor = max(0, min(c.cursor, len(c.shown)-1))
	if c.cursor < c.top {
		c.top = c.cursor
	}
	if c.cursor >= c.top+c.rows() {
		c.top = c.cursor - c.rows() + 1
	}
	c.top = max(0, min(c.top, max(0, len(c.shown)-c.rows())))
}

// title is the line that says what a signature would cover.
func (c *chooser) title() string {
	n, all := c.count(), count(len(c.plan.Changes), "change")
	plan := "plan " + c.plan.Digest.Short()
	if len(c.whole) > 0 {
		by := report.Clean(strings.Join(c.whole, ", "))
		return c.fit(
			fmt.Sprintf("%s · %s · signed by %s: to be signed whole, or left", plan, all, by),
			fmt.Sprintf("%s · signed by %s: signed whole, or left", all, by),
			fmt.Sprintf("%s · signed whole, or left", all),
		)
	}
	if n == len(c.plan.Changes) {
		return fmt.Sprintf("choose from %s · %s · all chosen", plan, all)
	}
	return c.fit(
		fmt.Sprintf("choose from %s · %s · %s chosen: a new digest before anyone signs", plan, all, thousands(n)),
		fmt.Sprintf("%s · %s · %s chosen: a new digest", plan, all, thousands(n)),
	)
}
