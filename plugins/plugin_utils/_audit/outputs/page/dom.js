// Copyright (c) 2026 gpufleet.mlstack contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Elements and tables. Text reaches the page only as text nodes and attributes, never as markup.
const STEP = 100; // rows that are shown at first, and more at a time

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "onclick") element.addEventListener("click", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function chip(severity, text) {
  return h("span", { class: `chip ${severity || "fine"}` }, text || severity || "none known");
}

function worstChip(counts) {
  return chip(worstOf(counts), counts.malware ? "malware" : "");
}

function count(severity, number) {
  return number ? h("span", { class: `count ${severity}` }, String(number)) : "0";
}

function plural(number, word, words) {
  return `${number.toLocaleString("en")} ${number === 1 ? word : words || `${word}s`}`;
}

// Only what leads to a web page over https becomes a link.
function link(url, text) {
  if (!/^https:\/\/[^\s]+$/.test(url || "")) return text;
  return h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text);
}

// The first few of many, with the number of the others.
function some(items, show, most) {
  const nodes = items.slice(0, most).map((item) => h("li", {}, show(item)));
  const list = h("ul", { class: "names" }, nodes);
  if (items.length > most) {
    const rest = h("button", {
      onclick: () => { rest.parentNode.remove(); list.append(...items.slice(most).map((item) => h("li", {}, show(item)))); },
    }, `and ${(items.length - most).toLocaleString("en")} more`);
    list.append(h("li", {}, rest));
  }
  return list;
}

// A button that unfolds what `make` returns, made when it is first asked for, into the node that `place` returns.
function fold(text, make, place, told) {
  let made = null;
  const button = h("button", {
    class: "fold", type: "button", "aria-expanded": "false",
    onclick: () => {
      const open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(open));
      if (open && !made) { made = make(); place(made); }
      if (made) made.hidden = !open;
      if (told) told(open);
    },
  }, text);
  return button;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// A table of `columns` {label, sort(row), cell(row), num, down, lead, text} over `rows`. The first column unfolds `more(row)`.
class Table {
  constructor(columns, rows, { more, sorted, empty, key }) {
    Object.assign(this, { columns, rows, more, empty, key, by: sorted, down: columns[sorted].down !== false, most: STEP });
    this.node = h("div", { class: "sheet" });
  }

  show(rows) {
    this.rows = rows;
    this.most = STEP;
    this.render();
    return this.node;
  }

  all(onPaper) {
    this.most = Infinity;
    this.onPaper = onPaper;
    this.render();
    return this.node;
  }

  sortBy(index) {
    this.down = index === this.by ? !this.down : this.columns[index].down === true;
    this.by = index;
    this.render();
    const heading = this.node.querySelectorAll("thead button")[index];
    if (heading) heading.focus();
  }

  render() {
    const column = this.columns[this.by];
    const sign = this.down ? -1 : 1;
    const keyed = this.rows.map((row, place) => ({ row, place, key: column.sort(row) }));
    keyed.sort((a, b) => sign * compare(a.key, b.key) || a.place - b.place);
    const wanted = keyed.findIndex(({ row }) => !this.onPaper && this.key && isUnfolded(this.key(row)));
    if (wanted >= this.most) this.most = wanted + 1;
    const shown = keyed.slice(0, this.most).flatMap(({ row }) => this.row(row));
    const left = keyed.length - Math.min(this.most, keyed.length);
    this.node.replaceChildren(
      this.rows.length ? h("table", { class: "main" }, this.head(), h("tbody", {}, shown)) : h("p", { class: "empty" }, this.empty),
    );
    if (this.pending) { const button = this.pending; this.pending = null; button.click(); }
    if (left) {
      this.node.append(h("div", { class: "bar" },
        h("button", { type: "button", onclick: () => { this.most += STEP; this.render(); } }, `Show ${Math.min(STEP, left)} more`),
        h("button", { type: "button", onclick: () => this.all() }, `Show all ${keyed.length.toLocaleString("en")}`)));
    }
  }

  head() {
    const cells = this.columns.map((column, index) => h("th", {
      class: column.num ? "num" : null, scope: "col",
      "aria-sort": index === this.by ? (this.down ? "descending" : "ascending") : null,
    }, this.onPaper ? column.label : h("button", { type: "button", onclick: () => this.sortBy(index) }, column.label)));
    return h("thead", {}, h("tr", {}, cells));
  }

  row(row) {
    const line = h("tr", { class: "row" });
    this.columns.forEach((column, index) => {
      const value = column.cell(row);
      const classes = [column.num && "num", index === 0 && "lead", column.text && "text", value === "0" && "zero"];
      const cell = h("td", { class: classes.filter(Boolean).join(" ") || null, "data-label": index && !column.text ? column.label : null });
      cell.append(index === 0 && this.more ? this.foldOf(row, value, line) : value);
      line.append(cell);
    });
    return [line];
  }

  // What is unfolded has an address; a row that the address names is unfolded as soon as it is on the page.
  foldOf(row, value, line) {
    const button = fold(value, () => this.unfolded(row), (made) => line.after(made), (open) => unfoldedRow(this.key(row), open));
    if (!this.onPaper && isUnfolded(this.key(row))) this.pending = button;
    return button;
  }

  unfolded(row) {
    return h("tr", { class: "more" }, h("td", { colspan: String(this.columns.length) }, this.more(row)));
  }
}

// A small table inside something unfolded: `heads` and rows of cells.
function plainTable(heads, rows) {
  return h("table", {},
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map(({ cells, ignored }) => h("tr", { class: ignored ? "ignored" : null },
      cells.map((cell, index) => h("td", { "data-label": index ? heads[index] : null }, cell))))));
}
