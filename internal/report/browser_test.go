package report_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/keyrotor/keyrotor/internal/report"
	"github.com/keyrotor/keyrotor/internal/testenv"
)

// tab is a page of a real browser with the report in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	errors   []string
	requests []string
}

// start runs a browser for the length of a test.
func start(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testenv.Chromium(t)), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancelAlloc)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// open writes the run as HTML and opens the file in a new tab.
func open(t *testing.T, browser context.Context, run report.Run) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.HTML(f, run); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	b.run(chromedp.Navigate("about:blank")) // the context of the first run is the tab's life
	b.ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Listen(b.ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	b.width(1280)
	b.run(chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String()))
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.errors = append(b.errors, string(e.Type))
	case *log.EventEntryAdded:
		b.errors = append(b.errors, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "blob:") {
			b.requests = append(b.requests, e.Request.URL)
		}
	}
}

func (b *tab) run(a chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, a); err != nil {
		b.t.Fatal(err)
	}
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// width makes the window so wide.
func (b *tab) width(px int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: px, Height: 900, DeviceScaleFactor: 1, Mobile: px < 500})
}

// scheme makes the browser light or dark.
func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// eval runs a script in the page and decodes its result.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// wait polls until a script says true.
func (b *tab) wait(script string) {
	b.t.Helper()
	for range 100 {
		if eval[bool](b, script) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("never true: %s", script)
}

func (b *tab) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errors) > 0 {
		b.t.Errorf("the console has errors: %q", b.errors)
	}
	if len(b.requests) > 1 {
		b.t.Errorf("the page made requests: %q", b.requests[1:])
	}
}

func TestReportInABrowser(t *testing.T) {
	browser := start(t)
	for name, test := range map[string]func(*testing.T, context.Context){
		"tables":        tablesWork,
		"csv":           csvHoldsTheWholeListAndNoFormula,
		"widths":        fitsEveryWidth,
		"sideways":      saysThatATableGoesOn,
		"one page":      drawsOnePage,
		"accessibility": isAccessible,
		"keyboard":      canBeUsedFromTheKeyboard,
		"no script":     isWholeWithoutScript,
		"print":         printsHeadsOnEverySheet,
		"calendar":      calendarIsReadEverywhere,
	} {
		t.Run(name, func(t *testing.T) { test(t, browser) })
	}
}

func tablesWork(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))

	t.Run("loads alone and without a complaint", func(t *testing.T) {
		b.wait(`document.documentElement.classList.contains("ready")`)
		b.clean()
	})
	t.Run("sorts by a column in both directions", func(t *testing.T) {
		first := `document.querySelector("#targets tbody tr td:nth-child(3)").textContent.trim()`
		click := `document.querySelectorAll("#targets thead button")[2].click(); true`
		eval[bool](b, click)
		if got, want := eval[string](b, first), "eu-central-1"; got != want {
			t.Errorf("ascending: got %s first, want %s", got, want)
		}
		eval[bool](b, click)
		if got, want := eval[string](b, first), "us-east-1"; got != want {
			t.Errorf("descending: got %s first, want %s", got, want)
		}
		if got, want := eval[string](b, `document.querySelectorAll("#targets thead th")[2].getAttribute("aria-sort")`), "descending"; got != want {
			t.Errorf("aria-sort: got %s, want %s", got, want)
		}
	})
	t.Run("filters by words over the whole list, not one page of it", func(t *testing.T) {
		filter(b, "#targets", "eu-west-1 data-lake")
		b.wait(`document.querySelector("#targets .range").textContent.includes("unfiltered")`)
		wrong := eval[int](b, `[...document.querySelectorAll("#targets tbody tr")].filter(r => !r.textContent.includes("eu-west-1") || !r.textContent.includes("data-lake")).length`)
		if rows := eval[int](b, `document.querySelectorAll("#targets tbody tr").length`); rows == 0 || wrong != 0 {
			t.Errorf("got %d rows, %d of them wrong", rows, wrong)
		}
		filter(b, "#targets", "")
	})
	t.Run("foreign text stays text", func(t *testing.T) {
		if n := eval[int](b, `document.querySelectorAll("main script").length`); n != 0 {
			t.Errorf("got %d scripts inside the report, want none", n)
		}
	})
}

func filter(b *tab, table, text string) {
	b.t.Helper()
	eval[bool](b, `(() => { const q = document.querySelector("`+table+` input[type=search]"); q.value = "`+text+`"; q.dispatchEvent(new Event("input")); return true })()`)
	b.wait(`(document.querySelector("` + table + ` .range").textContent.includes("unfiltered")) === ` + map[bool]string{true: "true", false: "false"}[text != ""])
}

func csvHoldsTheWholeListAndNoFormula(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	dir := t.TempDir()
	call(b, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
	eval[bool](b, `document.querySelector("#targets .csv").click(); true`)
	text := downloaded(t, filepath.Join(dir, "keyrotor-targets.csv"))
	lines := strings.Split(strings.TrimSpace(text), "\r\n")
	if got, want := strings.TrimPrefix(lines[0], "\ufeff"), "Key,Key id,Account,Account id,Region,Owner,Environment,Created,Age,Failing rules,In this run"; got != want {
		t.Errorf("head:\ngot  %s\nwant %s", got, want)
	}
	if len(lines) < 200 {
		t.Errorf("got %d lines, want the whole list", len(lines))
	}
	for _, l := range lines {
		for cell := range strings.SplitSeq(l, ",") {
			if strings.HasPrefix(strings.TrimPrefix(cell, `"`), "=") {
				t.Errorf("a formula: %s", l)
			}
		}
	}
	if !strings.Contains(text, `'=cmd`) {
		t.Error("the hostile owner is missing or without its apostrophe")
	}
	b.clean()
}

func downloaded(t *testing.T, file string) string {
	t.Helper()
	for range 200 {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			return string(text)
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("no file %s", filepath.Base(file))
	return ""
}

func fitsEveryWidth(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	// Sections off the screen are not laid out, and would hide what sticks out.
	eval[bool](b, `document.querySelectorAll("section").forEach((s) => { s.style.contentVisibility = "visible" }); true`)
	for _, width := range []int64{1280, 768, 390, 320} {
		b.width(width)
		if got := eval[int64](b, `document.documentElement.scrollWidth`); got > width {
			t.Errorf("at %d px the page is %d px wide", width, got)
		}
	}
}

// A phone shows the first columns of the heat matrix; that there are more, and
// whose row it is when they are in sight, must be seen.
func saysThatATableGoesOn(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	const area, cue = `document.querySelector("#coverage .scroll")`, `document.querySelector("#coverage .more")`
	eval[bool](b, `document.querySelectorAll("section").forEach((s) => { s.style.contentVisibility = "visible" }); true`)
	b.width(1280)
	b.wait(cue + `.hidden`)
	b.width(390)
	b.wait(`!` + cue + `.hidden && document.querySelector("#coverage .frame").classList.contains("beyond")`)
	if got := eval[string](b, cue+`.textContent`); !strings.Contains(got, "more column") {
		t.Errorf("the cue says %q, want how many columns are out of sight", got)
	}
	account := eval[float64](b, `document.querySelector("#coverage tbody th").getBoundingClientRect().left`)
	for range 5 {
		eval[bool](b, cue+`.click(); true`)
	}
	b.wait(cue + `.hidden && ` + area + `.scrollLeft > 0`) // at the end nothing is out of sight
	if got := eval[float64](b, `document.querySelector("#coverage tbody th").getBoundingClientRect().left`); got != account {
		t.Errorf("the accounts went from %v to %v, want them to stay in sight", account, got)
	}
}

// drawsOnePage: of however many rows, a table draws the ten that fit its page. How long
// that takes is logged, and not a matter of a test: other tests share the processor.
func drawsOnePage(t *testing.T, browser context.Context) {
	for name, keys := range map[string]int{"1,400 keys": 1400, "100,000 keys as embedded data": 100_000} {
		t.Run(name, func(t *testing.T) {
			if keys > 2000 && testing.Short() {
				t.Skip("large")
			}
			b := open(t, browser, realisticRun(keys))
			t.Logf("%.0f ms", loadTime(b))
			if rows := eval[int](b, `document.querySelectorAll("#rotating tbody tr").length`); rows != 10 {
				t.Errorf("got %d rows drawn, want 10", rows)
			}
			b.clean()
		})
	}
}

// loadTime is how many milliseconds the page took from its first byte until it
// was loaded.
func loadTime(b *tab) float64 {
	return eval[float64](b, `performance.getEntriesByType("navigation")[0].loadEventEnd - performance.getEntriesByType("navigation")[0].responseStart`)
}

func isWholeWithoutScript(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	shown := eval[string](b, `document.querySelector("#targets .range").textContent`)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.run(chromedp.Reload())
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})
	rows := eval[string](b, `"of " + document.querySelectorAll("#targets tbody tr").length`)
	if !strings.HasSuffix(shown, rows) {
		t.Errorf("without a script the table has %q, with one %q", rows, shown)
	}
}

func printsHeadsOnEverySheet(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	sheet := `(() => { dispatchEvent(new Event("beforeprint")); const out = document.querySelectorAll("#targets thead button").length + " buttons, " + document.querySelectorAll("#targets tbody tr").length + " rows"; dispatchEvent(new Event("afterprint")); return out })()`
	left := `(() => { dispatchEvent(new Event("beforeprint")); const out = document.querySelector("#targets .range").textContent + document.querySelectorAll("#places tbody tr").length + "/" + document.querySelector("#places .range").textContent; dispatchEvent(new Event("afterprint")); return out })()`
	if got, want := eval[string](b, left), "Rows 1–100 of 237 are printed; the rest stands in the HTML report on a screen, and in eligibility.jsonl of the run37/37 rows"; got != want {
		t.Errorf("on paper: got %s, want %s (paper says what it lacks)", got, want)
	}
	if got, want := eval[string](b, sheet), "0 buttons, 100 rows"; got != want {
		t.Errorf("on paper: got %s, want %s (a head with buttons is not repeated)", got, want)
	}
	if got := eval[int](b, `document.querySelectorAll("#targets thead button").length`); got == 0 {
		t.Error("after printing the table cannot be sorted")
	}
}
