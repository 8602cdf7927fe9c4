package report

import (
	"strings"
	"time"

	"github.com/keyrotor/keyrotor"
)

// ages counts keys by the age of their present material.
type ages struct {
	now  time.Time
	bins []ageBin
}

// ageBin is one bar of the histogram, split by what the key does.
type ageBin struct {
	Name    string
	below   time.Duration
	On      int
	Off     int
	Cannot  int
	Scale   int // of the largest bin
	Overage bool
}

// Total is the length of the bar.
func (a ageBin) Total() int { return a.On + a.Off + a.Cannot }

// rotates is how well the keys of a bin do that are set to rotate: with material of
// more than a year they have not done so yet.
func (a ageBin) rotates() status {
	if a.Overage {
		return warn
	}
	return good
}

// parts are the widths of the bar's three parts, of 1,000.
func (a ageBin) parts() (on, off, cannot int) {
	if a.Scale == 0 {
		return 0, 0, 0
	}
	w := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(4, 1000*n/a.Scale)
	}
	return w(a.On), w(a.Off), w(a.Cannot)
}

func newAges(now time.Time) *ages {
	const forever = 1 << 62
	return &ages{now: now, bins: []ageBin{
		{Name: "up to 90 days", below: 90 * 24 * time.Hour},
		{Name: "90 days to 1 year", below: year},
		{Name: "1 to 2 years", below: 2 * year, Overage: true},
		{Name: "2 to 3 years", below: 3 * year, Overage: true},
		{Name: "3 to 5 years", below: 5 * year, Overage: true},
		{Name: "5 years and more", below: forever, Overage: true},
		{Name: "not known"},
	}}
}

func (a *ages) add(k keyrotor.Assessment, on, rotated bool) {
	bin := &a.bins[len(a.bins)-1]
	if rotated {
		bin = &a.bins[0]
	} else if k.Asset.KMS != nil {
		if since, known := k.Asset.KMS.MaterialSince(); known {
			age := a.now.Sub(since)
			for i := range a.bins[:len(a.bins)-1] {
				if age < a.bins[i].below {
					bin = &a.bins[i]
					break
				}
			}
		}
	}
	switch {
	case on:
		bin.On++
	case k.View == keyrotor.ViewNotEligible:
		bin.Cannot++
	default:
		bin.Off++
	}
}

// note closes the count and says what the bars show.
func (a *ages) note() string {
	most, over := 0, 0
	for _, b := range a.bins {
		most = max(most, b.Total())
		if b.Overage {
			over += b.Total()
		}
	}
	for i := range a.bins {
		a.bins[i].Scale = most
	}
	return plural(over, "key") + " with material older than a year. Age counts from the last finished rotation, else from the creation of the key."
}

// calendar counts the next automatic rotations by day.
type calendar struct {
	days  map[string]int
	first time.Time // first day of the present month
	later int
	past  int
	total int
}

const calendarMonths = 13

func newCalendar(now time.Time) *calendar {
	now = now.UTC()
	return &calendar{days: map[string]int{}, first: time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)}
}

// add counts the next rotation of a key that is on.
func (c *calendar) add(next time.Time) {
	if next.IsZero() {
		return
	}
	next = next.UTC()
	c.total++
	switch {
	case next.Before(c.first):
		c.past++
	case !next.Before(c.first.AddDate(0, calendarMonths, 0)):
		c.later++
	default:
		c.days[next.Format(time.DateOnly)]++
	}
}

// month is one leaf of the calendar, its weeks from Monday on.
type month struct {
	Name  string
	Keys  int
	Weeks [][]day
	busy  time.Time
	most  int
}

// day is one square, or the Blank ones before the first day of a month.
type day struct {
	Number int
	Blank  int
	Keys   int
	Ringed bool // the day of the assessment
}

// weekdays head the columns of a month.
func weekdays() []string {
	return []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
}

// class is the shade of a square, and its ring.
func (d day) class() string {
	shade := ""
	if d.Keys > 0 {
		shade = "d" + number(dayStep(d.Keys))
	}
	if d.Ringed {
		shade += " ring"
	}
	return strings.TrimSpace(shade)
}

func (c *calendar) months(now time.Time) ([]month, string) {
	if c.total == 0 {
		return nil, "No automatic rotation is scheduled."
	}
	var out []month
	for i := range calendarMonths {
		out = append(out, c.month(c.first.AddDate(0, i, 0), now))
	}
	note := plural(c.total, "rotation") + " ahead"
	if c.later > 0 {
		note += ", " + count(c.later) + " of them later than shown"
	}
	if c.past > 0 {
		note += "; " + count(c.past) + " were due in an earlier month"
	}
	note += ". KMS rotates on the day itself; nothing that uses a key has to change."
	return out, note + " In a square, the day stands above and the number of keys that rotate on it below, in bold; the ring is around " + now.UTC().Format("2 January 2006") + "."
}

func (c *calendar) month(first, now time.Time) month {
	m := month{Name: first.Format("January 2006")}
	var week []day
	if blank := (int(first.Weekday()) + 6) % 7; blank > 0 {
		week = []day{{Blank: blank}}
	}
	for d := first; d.Month() == first.Month(); d = d.AddDate(0, 0, 1) {
		n := c.days[d.Format(time.DateOnly)]
		m.Keys += n
		if n > m.most {
			m.most, m.busy = n, d
		}
		ringed := d.Format(time.DateOnly) == now.UTC().Format(time.DateOnly)
		week = append(week, day{Number: d.Day(), Keys: n, Ringed: ringed})
		if d.Weekday() == time.Sunday || d.AddDate(0, 0, 1).Day() == 1 {
			m.Weeks, week = append(m.Weeks, week), nil
		}
	}
	return m
}

// dayStep is the shade, 1 to 4, of so many rotations.
func dayStep(n int) int {
	switch {
	case n < 3:
		return 1
	case n < 10:
		return 2
	case n < 50:
		return 3
	}
	return 4
}

// table is the calendar in words.
func (c *calendar) table() tableView {
	v := tableView{
		ID: "months", Paper: 20, Caption: "Next automatic rotations by month",
		Columns: []column{{Title: "Month", Kind: words}, {Title: "Rotations", Kind: amount}, {Title: "Busiest day", Kind: words}},
	}
	if c.total == 0 {
		return v
	}
	for i := range calendarMonths {
		m := c.month(c.first.AddDate(0, i, 0), time.Time{})
		busiest := "–"
		if m.most > 0 {
			busiest = m.busy.Format("2 Jan 2006") + " (" + count(m.most) + ")"
		}
		v.Rows.add(cell{Text: m.Name, Sort: c.first.AddDate(0, i, 0).Format("2006-01")}, numberCell(m.Keys), textCell(busiest))
	}
	if c.later > 0 {
		v.Rows.add(cell{Text: "later", Sort: "9999"}, numberCell(c.later), textCell("–"))
	}
	return v
}
