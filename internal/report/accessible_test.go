package report_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// contrastScript finds text whose contrast against what is painted behind it
// is below WCAG AA: 4.5, or 3 for large text.
const contrastScript = `(() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const behind = (el) => { for (; el; el = el.parentElement) { const c = parse(getComputedStyle(el).backgroundColor); if (c[3] > 0.99) return c; } return matchMedia("(prefers-color-scheme: dark)").matches ? [15, 19, 24] : [255, 255, 255]; };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || el.closest("script, svg, .unseen, .skip") || !el.checkVisibility() || el.disabled) continue;
    const st = getComputedStyle(el);
    const [a, b] = [lum(parse(st.color)), lum(behind(el))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(st.fontSize), large = size >= 24 || (size >= 18.6 && Number(st.fontWeight) >= 600);
    if (ratio < (large ? 3 : 4.5)) bad.push(el.className + " " + ratio.toFixed(2) + " " + walk.currentNode.textContent.trim().slice(0, 30));
  }
  return [...new Set(bad)].slice(0, 20);
})()`

// structureScript lists what a screen reader would stumble over.
const structureScript = `(() => {
  const bad = [];
  for (const t of document.querySelectorAll("table")) {
    if (!t.caption || !t.caption.textContent.trim()) bad.push("table without caption");
    for (const h of t.querySelectorAll("th")) if (!h.scope) bad.push("header without scope: " + h.textContent);
  }
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) { if (ids.has(e.id)) bad.push("id twice: " + e.id); ids.add(e.id); }
  for (const e of document.querySelectorAll("[aria-labelledby]")) if (!document.getElementById(e.getAttribute("aria-labelledby"))) bad.push("label missing: " + e.getAttribute("aria-labelledby"));
  for (const a of document.querySelectorAll("a[href^='#']")) if (!document.querySelector(a.getAttribute("href"))) bad.push("dead link: " + a.getAttribute("href"));
  for (const e of document.querySelectorAll("button, input, select")) if (!(e.getAttribute("aria-label") || e.textContent.trim())) bad.push("control without a name");
  for (const s of document.querySelectorAll("svg")) if (!s.closest("[aria-hidden=true]") && !s.getAttribute("aria-label")) bad.push("drawing without words");
  if (document.querySelectorAll("h1").length !== 1) bad.push("not one h1");
  let level = 1;
  for (const h of document.querySelectorAll("h1, h2, h3")) { const n = Number(h.tagName[1]); if (n > level + 1) bad.push("heading skips a level: " + h.textContent); level = n; }
  if (!document.documentElement.lang) bad.push("no language");
  for (const e of document.querySelectorAll("[style], [onclick]")) bad.push("inline style or handler: " + e.tagName);
  return bad;
})()`

func isAccessible(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	if bad := eval[[]string](b, structureScript); len(bad) > 0 {
		t.Errorf("structure: %q", bad)
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		if got := eval[bool](b, `matchMedia("(prefers-color-scheme: `+scheme+`)").matches`); !got {
			t.Fatalf("the browser is not %s", scheme)
		}
		if bad := eval[[]string](b, contrastScript); len(bad) > 0 {
			t.Errorf("%s: too little contrast: %q", scheme, bad)
		}
	}
	if light, dark := background(b, "light"), background(b, "dark"); light == dark {
		t.Errorf("light and dark have the same background %s", light)
	}
}

func background(b *tab, scheme string) string {
	b.scheme(scheme)
	return eval[string](b, `getComputedStyle(document.body).backgroundColor`)
}

func canBeUsedFromTheKeyboard(t *testing.T, browser context.Context) {
	b := open(t, browser, realisticRun(1400))
	eval[bool](b, `document.querySelectorAll("#targets thead button")[0].focus(); true`)
	b.run(chromedp.KeyEvent(kb.Tab)) // a script that focuses shows no ring; a key does
	if got := eval[bool](b, `document.activeElement === document.querySelectorAll("#targets thead button")[1]`); !got {
		t.Fatalf("Tab led to %s, want the next column's button", eval[string](b, `document.activeElement.outerHTML.slice(0, 80)`))
	}
	style := eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`)
	width := eval[string](b, `getComputedStyle(document.activeElement).outlineWidth`)
	if style == "none" || style == "" || width == "0px" {
		t.Errorf("the focused control has the outline %q, %q wide: it cannot be seen", style, width)
	}
	const sorted = `String(document.querySelectorAll("#targets thead th")[1].getAttribute("aria-sort"))`
	before := eval[string](b, sorted)
	b.run(chromedp.KeyEvent(kb.Enter))
	first := eval[string](b, sorted)
	b.run(chromedp.KeyEvent(kb.Enter))
	if second := eval[string](b, sorted); first == before || second == first {
		t.Errorf("Enter on a column, twice: aria-sort went from %s to %s to %s", before, first, second)
	}
	if got := eval[int](b, `document.querySelectorAll(".scroll:not([tabindex])").length`); got != 0 {
		t.Errorf("%d regions scroll only with a mouse", got)
	}
	if got := eval[string](b, `document.querySelector("body > :first-child").className`); got != "skip" {
		t.Errorf("the page begins with %q, want the skip link", got)
	}
}
