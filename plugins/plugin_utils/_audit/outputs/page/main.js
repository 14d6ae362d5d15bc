// Copyright (c) 2026 gpufleet.mlstack contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The page: summary, tabs, search, address and printing.
const tables = new Map(VIEWS.map((view) => [view, view.table(view)]));
const texts = new Map(VIEWS.map((view) => [view, new Map()]));

function matching(view) {
  const terms = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  const known = texts.get(view);
  return view.rows.filter((row) => {
    if (state.severity && (!view.counts || !view.counts(row)[state.severity])) return false;
    if (!terms.length) return true;
    if (!known.has(row)) known.set(row, view.text(row));
    return terms.every((term) => known.get(row).includes(term));
  });
}

function render() {
  const found = new Map(VIEWS.map((view) => [view, matching(view)]));
  at("tabs").replaceChildren(...VIEWS.map((view) => h("button", {
    class: "tab", type: "button", role: "tab", id: `tab-${view.id}`, "aria-selected": String(view === state.view), "aria-controls": "view",
    onclick: () => { state.view = view; state.open = ""; remember(); render(); },
  }, view.title, h("i", {}, number(found.get(view).length)))));
  const rows = found.get(state.view);
  const told = [`${number(rows.length)} of ${number(state.view.rows.length)}`];
  if (state.severity) told.push(` with severity ${state.severity}`);
  if (state.query) told.push(` for \u201c${state.query}\u201d`);
  const narrowed = state.severity || state.query;
  const table = tables.get(state.view);
  at("told").replaceChildren(...(narrowed ? [told.join(""), " ", h("button", {
    type: "button", onclick: () => { state.query = ""; state.severity = ""; at("search").value = ""; remember(); renderSummary(); render(); },
  }, "show all")] : ["A name unfolds.", h("span", { class: "desk" }, " A heading sorts.")]), order(table));
  at("view").replaceChildren(table.show(rows));
  at("view").setAttribute("aria-labelledby", `tab-${state.view.id}`);
}

// A phone shows cards without headings; there this sorts.
function order(table) {
  const choice = h("select", { id: "order", "aria-label": "Sort by" }, table.columns.map((column, index) => h("option", {
    value: String(index), selected: index === table.by,
  }, `by ${column.label.toLowerCase()}`)));
  choice.addEventListener("change", () => table.sortBy(Number(choice.value)));
  return choice;
}

function remember() {
  const parts = new URLSearchParams();
  if (state.query) parts.set("q", state.query);
  if (state.severity) parts.set("severity", state.severity);
  if (state.open) parts.set("open", state.open);
  const query = parts.toString();
  history.replaceState(null, "", `#${state.view.id}${query ? `?${query}` : ""}`);
}

function recall() {
  const [id, query] = location.hash.slice(1).split("?");
  const parts = new URLSearchParams(query || "");
  state.view = VIEWS.find((view) => view.id === id) || VIEWS[0];
  state.query = parts.get("q") || "";
  state.severity = SEVERITIES.includes(parts.get("severity")) ? parts.get("severity") : "";
  state.open = parts.get("open") || "";
  at("search").value = state.query;
}

function databaseText() {
  return data.databases.map((one) => {
    const age = one.age_days === null ? "of an unknown date" : `${one.date.slice(0, 10)}, ${plural(one.age_days, "day")} old when asked`;
    return `${one.source} (${age}${one.advisories ? `, ${plural(one.advisories, "advisory", "advisories")}` : ""})`;
  }).join("; ");
}

let waiting = 0;
at("search").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => { state.query = at("search").value.trim(); state.open = ""; remember(); render(); }, 80);
});
at("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  state.view = VIEWS[(VIEWS.indexOf(state.view) + step + VIEWS.length) % VIEWS.length];
  state.open = "";
  remember();
  render();
  at(`tab-${state.view.id}`).focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== at("search")) { event.preventDefault(); at("search").focus(); }
});
addEventListener("hashchange", () => { recall(); renderSummary(); render(); });
// Paper has no tabs: everything that matches, one view after the other.
addEventListener("beforeprint", () => {
  const parts = VIEWS.filter((view) => view.id !== "packages").flatMap((view) => {
    const rows = matching(view);
    return rows.length ? [h("h2", { class: "printed" }, view.title), view.table({ ...view, rows }).all(true)] : [];
  });
  at("view").replaceChildren(...parts);
});
addEventListener("afterprint", render);

at("made").textContent = `${data.made.slice(0, 16).replace("T", " ")} UTC \u00b7 advisories: ${databaseText() || "none"}`;
at("about").textContent = `Made by ${data.tool}. What is not listed is not proven safe: it is only in no advisory of the database above.`;
recall();
renderSummary();
render();
document.documentElement.dataset.ready = "yes";
