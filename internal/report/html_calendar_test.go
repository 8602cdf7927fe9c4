package report_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"github.com/keyrotor/keyrotor"
	"github.com/keyrotor/keyrotor/internal/report"
)

// rotatingOn is a run whose keys rotate next on days of December 2026, so many on each.
func rotatingOn(days map[int]int) report.Run {
	e := newEstate()
	for day, keys := range days {
		for range keys {
			next := time.Date(2026, time.December, day, 9, 0, 0, 0, time.UTC)
			e.key(keyrotor.ViewRotating, func(a *keyrotor.Assessment) { a.Asset.KMS.Rotation.Next = &next })
		}
	}
	return e.run
}

// The squares held a number and no day; the days stood where only a mouse gets.
func TestEachDayOfTheCalendarIsNamed(t *testing.T) {
	run := rotatingOn(map[int]int{1: 1, 24: 12})
	says(t, htmlText(t, run),
		"December 2026 13 rotations Mo Tu We Th Fr Sa Su 1 1 rotation 2 3 4",
		"23 24 12 rotations 25",
		"the ring is around 21 November 2026.",
	)
	var b bytes.Buffer
	if err := report.HTML(&b, run); err != nil {
		t.Fatal(err)
	}
	says(t, b.String(), `<th scope="col" aria-label="Monday">Mo</th>`)
	// It begins on a Tuesday: one day is blank before it.
	says(t, b.String(), `<tr><td colspan="1"></td><td class="d1">1 <b>1</b>`)
}

// unreadableSquares lists the days with rotations whose number or day is out of
// sight, cut off or too small to read.
const unreadableSquares = `(() => {
  const bad = [];
  for (const d of document.querySelectorAll(".month td b")) {
    const square = d.parentElement, size = (e) => parseFloat(getComputedStyle(e).fontSize);
    if (!square.checkVisibility() || !d.checkVisibility()) bad.push("hidden: " + square.textContent);
    if (d.scrollWidth > d.clientWidth || square.scrollHeight > square.clientHeight + 1) bad.push("cut off: " + square.textContent);
    if (size(square) < 8 || size(d) < 10) bad.push("small: " + size(square) + " and " + size(d));
  }
  return bad;
})()`

func calendarIsReadEverywhere(t *testing.T, browser context.Context) {
	b := open(t, browser, rotatingOn(map[int]int{1: 1, 8: 7, 16: 20, 24: 999, 25: 1200}))
	if bad := eval[[]string](b, structureScript); len(bad) > 0 {
		t.Errorf("structure: %q", bad)
	}
	if n := eval[int](b, `document.querySelectorAll("[aria-hidden=true] .month").length`); n != 0 {
		t.Errorf("%d months are hidden from those who listen", n)
	}
	eval[bool](b, `document.querySelectorAll("section").forEach((s) => { s.style.contentVisibility = "visible" }); true`)
	for _, width := range []int64{1280, 400, 320} {
		b.width(width)
		if bad := eval[[]string](b, unreadableSquares); len(bad) > 0 {
			t.Errorf("at %d px: %q", width, bad)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		if bad := eval[[]string](b, contrastScript); len(bad) > 0 {
			t.Errorf("%s: too little contrast: %q", scheme, bad)
		}
	}
	b.width(700) // a sheet of A4 between its margins
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	if bad := eval[[]string](b, unreadableSquares); len(bad) > 0 {
		t.Errorf("on paper: %q", bad)
	}
	if bad := eval[[]string](b, contrastScript); len(bad) > 0 {
		t.Errorf("on paper: too little contrast: %q", bad)
	}
}
