// Sorting, filtering, paging and CSV for the tables of the report. No network,
// no eval, no inline handlers: the page's policy would refuse them.
"use strict";
(() => {
  const SIZES = [10, 25, 100, 1000];
  const SHAPES = { good: "✓", bad: "✗", warn: "!", idle: "–" };
  const WORDS = { good: "good: ", bad: "needs action: ", warn: "attention: " };

  const el = (tag, attrs, ...children) => {
    const node = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs || {})) {
      if (k === "text") node.textContent = v;
      else if (v !== undefined && v !== "") node.setAttribute(k, v);
    }
    node.append(...children);
    return node;
  };
  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  // A row is {cells: [[text, sub, sort, mark, class]…], node}. Small tables are
  // read from the page; large ones from the data beside them, and a row's node
  // is made when it is first looked at.
  const fromPage = (table) =>
    [...table.tBodies[0].rows].map((node) => ({
      node,
      cells: [...node.cells].map((c) => [
        (c.querySelector(".v") || c).textContent,
        (c.querySelector("small") || { textContent: "" }).textContent,
        c.dataset.sort || "",
      ]),
    }));

  const fromData = (script) => {
    const columns = JSON.parse(script.textContent);
    const rows = new Array(columns[0].i.length);
    for (let r = 0; r < rows.length; r++) {
      rows[r] = { node: null, cells: columns.map((c) => c.c[c.i[r]]) };
    }
    return rows;
  };

  const draw = (row, kinds) => {
    if (row.node) return row.node;
    row.node = el("tr");
    row.cells.forEach(([text, sub, sort, mark, cls], i) => {
      const classes = [cls, kinds[i] === "num" && i > 0 ? "num" : ""].filter(Boolean).join(" ");
      const cell = el(i === 0 ? "th" : "td", { class: classes, scope: i === 0 ? "row" : "" });
      if (mark) {
        cell.append(el("span", { class: "sign " + mark, "aria-hidden": "true", text: SHAPES[mark] }));
        if (WORDS[mark]) cell.append(el("span", { class: "unseen", text: WORDS[mark] }));
      }
      cell.append(el("span", { class: "v", text }));
      if (sub) cell.append(el("small", { text: sub }));
      row.node.append(cell);
    });
    return row.node;
  };

  // A spreadsheet takes a cell that starts like this for a formula.
  const csvCell = (text) => {
    if (/^\s*[=+\-@\t\r＝＋－＠]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };

  class Table {
    constructor(box) {
      this.box = box;
      this.table = box.querySelector("table");
      this.body = this.table.tBodies[0];
      this.heads = [...this.table.tHead.rows[0].cells];
      this.kinds = this.heads.map((h) => h.dataset.kind);
      this.titles = this.heads.map((h) => h.textContent);
      this.subs = this.heads.map((h) => h.dataset.sub);
      const data = box.querySelector("script.rows");
      this.rows = data ? fromData(data) : fromPage(this.table);
      if (data) data.remove();
      this.shown = this.rows;
      this.page = 0;
      this.size = this.rows.length <= 25 ? 25 : SIZES[0];
      this.heads.forEach((h, i) => this.sortable(h, i));
      this.tools();
      this.show();
    }

    sortable(head, i) {
      const button = el("button", { type: "button", text: this.titles[i] });
      button.addEventListener("click", () => this.sort(i));
      head.replaceChildren(button);
      (this.buttons ||= [])[i] = button;
      head.setAttribute("aria-sort", "none");
    }

    key(row, i) {
      const [text, , sort] = row.cells[i];
      const k = sort || text;
      if (this.kinds[i] !== "num") return k.toLowerCase();
      const n = parseFloat(k.replaceAll(",", ""));
      return Number.isNaN(n) ? -Infinity : n;
    }

    sort(i) {
      const head = this.heads[i];
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const h of this.heads) h.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = this.rows.map((row) => ({ row, k: this.key(row, i) }));
      const sign = down ? -1 : 1;
      keyed.sort((a, b) => (a.k < b.k ? -sign : a.k > b.k ? sign : 0));
      this.rows = keyed.map((x) => x.row);
      this.filter();
      this.say("Sorted by " + this.titles[i] + (down ? ", descending" : ", ascending"));
    }

    filter() {
      const words = (this.query ? this.query.value : "").toLowerCase().split(/\s+/).filter(Boolean);
      this.shown = this.rows.filter((row) => {
        if (words.length === 0) return true;
        row.hay ||= row.cells.map((c) => c[0] + " " + (c[1] || "")).join(" ").toLowerCase();
        return words.every((w) => row.hay.includes(w));
      });
      this.page = 0;
      this.show();
    }

    tools() {
      const caption = this.table.caption.textContent;
      this.live = el("span", { class: "unseen", role: "status" });
      const bar = el("div", { class: "tools" });
      if (this.rows.length > 10) {
        this.query = el("input", { type: "search", placeholder: "Filter", "aria-label": "Filter: " + caption });
        let timer = 0;
        this.query.addEventListener("input", () => {
          clearTimeout(timer);
          timer = setTimeout(() => {
            this.filter();
            this.say(grouped(this.shown.length) + " rows");
          }, this.rows.length > 5000 ? 150 : 0);
        });
        bar.append(this.query);
      }
      this.range = el("span", { class: "range" });
      bar.append(this.range);
      if (this.rows.length > this.size) {
        this.back = this.button("‹", "Previous rows: " + caption, () => this.turn(-1));
        this.ahead = this.button("›", "Next rows: " + caption, () => this.turn(1));
        const size = el("select", { "aria-label": "Rows at a time: " + caption });
        for (const n of SIZES) size.append(el("option", { value: n, text: grouped(n) + " rows" }));
        size.addEventListener("change", () => {
          this.size = Number(size.value);
          this.page = 0;
          this.show();
        });
        bar.append(this.back, this.ahead, size);
      }
      bar.append(this.button("CSV", "Download as CSV: " + caption, () => this.download(), "csv"), this.live);
      this.box.prepend(bar);
    }

    button(text, label, act, cls) {
      const b = el("button", { type: "button", text, "aria-label": label, class: cls || "" });
      b.addEventListener("click", act);
      return b;
    }

    turn(by) {
      this.page += by;
      this.show();
      this.say(this.range.textContent);
    }

    // On paper nobody turns pages: what needs a person is printed further down
    // than the screen shows it. A head with buttons would not be repeated on
    // every sheet.
    paper(on) {
      this.heads.forEach((h, i) => h.replaceChildren(on ? this.titles[i] : this.buttons[i]));
      const most = Number(this.box.dataset.paper || 0);
      this.printing = on;
      if (on) this.kept = [this.page, this.size];
      [this.page, this.size] = on ? [0, Math.max(most, this.size)] : this.kept || [this.page, this.size];
      this.show();
    }

    show() {
      const from = this.page * this.size;
      const to = Math.min(this.shown.length, from + this.size);
      this.body.replaceChildren(...this.shown.slice(from, to).map((row) => draw(row, this.kinds)));
      const all = this.rows.length;
      let text = grouped(this.shown.length) + (this.shown.length === 1 ? " row" : " rows");
      if (to - from < this.shown.length) text = "Rows " + grouped(from + 1) + "–" + grouped(to) + " of " + grouped(this.shown.length);
      if (this.printing && to - from < this.shown.length) text += " are printed; " + this.box.dataset.rest;
      if (this.shown.length < all) text += " (of " + grouped(all) + " unfiltered)";
      this.range.textContent = text;
      if (this.back) {
        this.back.disabled = from === 0;
        this.ahead.disabled = to >= this.shown.length;
      }
    }

    // What is filtered away is not downloaded: the file holds what one sees,
    // all pages of it.
    csv() {
      const head = [];
      this.titles.forEach((t, i) => {
        head.push(t);
        if (this.subs[i]) head.push(this.subs[i]);
      });
      const lines = [head.map(csvCell).join(",")];
      for (const row of this.shown) {
        const out = [];
        row.cells.forEach(([text, sub, sort], i) => {
          out.push(csvCell(this.kinds[i] === "date" && sort ? sort : text));
          if (this.subs[i]) out.push(csvCell(sub || ""));
        });
        lines.push(out.join(","));
      }
      return lines.join("\r\n") + "\r\n";
    }

    download() {
      const url = URL.createObjectURL(new Blob(["\ufeff", this.csv()], { type: "text/csv;charset=utf-8" }));
      const a = el("a", { href: url, download: "keyrotor-" + this.box.dataset.name + ".csv" });
      document.body.append(a);
      a.click();
      a.remove();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }

    say(text) {
      this.live.textContent = text;
    }
  }

  // A table wider than the screen says so: how many columns are out of sight,
  // on a button that brings the next of them, and a shade on the edge.
  const sideways = (frame) => {
    const area = frame.querySelector(".scroll");
    const heads = [...area.querySelector("thead tr").cells];
    const button = el("button", { type: "button", class: "more", hidden: "hidden", "aria-label": "More columns: " + area.getAttribute("aria-label") });
    frame.before(button);
    const look = () => {
      const edge = area.getBoundingClientRect().right;
      const hidden = heads.filter((h) => h.getBoundingClientRect().right > edge + 2).length;
      const more = hidden > 0 && area.scrollLeft + area.clientWidth < area.scrollWidth - 2;
      frame.classList.toggle("beyond", more);
      button.hidden = !more;
      button.textContent = hidden + (hidden === 1 ? " more column →" : " more columns →");
      button.setAttribute("aria-label", button.textContent.slice(0, -2) + " to the right: " + area.getAttribute("aria-label"));
    };
    button.addEventListener("click", () => {
      const fixed = area.querySelector("tbody th")?.offsetWidth || 0;
      area.scrollBy({ left: Math.max(80, area.clientWidth - fixed - 24), behavior: "auto" });
      area.focus({ preventScroll: true });
    });
    area.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(area);
    new ResizeObserver(look).observe(area.querySelector("table"));
  };

  const tables = [...document.querySelectorAll(".data")].map((box) => new Table(box));
  document.querySelectorAll(".frame").forEach(sideways);
  addEventListener("beforeprint", () => tables.forEach((t) => t.paper(true)));
  addEventListener("afterprint", () => tables.forEach((t) => t.paper(false)));
  document.documentElement.classList.add("ready");
})();
