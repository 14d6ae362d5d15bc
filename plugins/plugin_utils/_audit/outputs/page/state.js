// Copyright (c) 2026 gpufleet.mlstack contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The state of the fleet: one sentence, the numbers, how they were before, and what to know of them.
const OLD_AFTER_DAYS = 14;
const MOST_REASONS = 3;
const at = (id) => document.getElementById(id);
const state = { view: VIEWS[0], query: "", severity: "", open: "" };

function isUnfolded(key) {
  return Boolean(key) && state.open === key;
}

function unfoldedRow(key, open) {
  if (open) state.open = key;
  else if (state.open === key) state.open = "";
  remember();
}

// All that an operator needs to know first, also on a telephone at night.
function sentence(affected, unheard) {
  const open = flaws.filter((flaw) => flaw.open);
  const counts = emptyCounts();
  open.forEach((flaw) => tally(counts, flaw));
  const parts = [];
  if (affected) {
    const worst = counts.malware ? `${plural(counts.malware, "package")} of malware` : `${counts[worstOf(counts)]} ${worstOf(counts)}`;
    parts.push(`${number(affected)} of ${plural(hosts.length, "host")} ${affected === 1 ? "has" : "have"} known flaws (${worst})`);
  } else if (hosts.length > unheard) parts.push(`No known flaw on ${number(hosts.length - unheard)} of ${plural(hosts.length, "host")}`);
  if (unheard) parts.push(`nothing is known of ${plural(unheard, "host")}`);
  const untold = data.problems.filter((problem) => !problem.ignored && UNTOLD.has(problem.kind)).length;
  if (untold && !unheard) parts.push(`of some packages nothing is known`);
  if (todo.length) parts.push(`${todoText(todo[0])} ends ${plural(todo[0].ends.length, "flaw")} on ${plural(todo[0].hosts.length, "host")}`);
  const bad = affected || unheard || data.verdict.reasons.length;
  return h("p", { class: `state ${bad ? "bad" : untold || !hosts.length ? "" : "good"}` }, parts.length ? `${parts.join("; ")}.` : "Nothing was audited.");
}

const UNTOLD = new Set(["no advisories", "not answered", "not audited", "undecided", "unknown package", "broken metadata", "unpinned"]);

function rest(reasons) {
  if (!reasons.length) return "";
  const list = h("ul", {});
  const more = h("details", {}, h("summary", {}, `and ${number(reasons.length)} more`), list);
  more.addEventListener("toggle", () => { if (!list.children.length) list.append(...reasons.map((reason) => h("li", {}, reason))); });
  return more;
}

function trend() {
  if (data.trend.length < 2) return "";
  const [before, now] = data.trend.slice(-2);
  const change = (key, words) => {
    const difference = now[key] - before[key];
    return difference ? `${number(Math.abs(difference))} ${difference > 0 ? "more" : "fewer"} ${words}` : "";
  };
  const changes = [change("affected", "hosts with flaws"), change("critical", "critical"), change("high", "high"), change("medium", "medium")].filter(Boolean);
  const heads = ["Audit", "Hosts", "With flaws", "Critical", "High", "Medium", "Unknown", "Low"];
  const keys = ["hosts", "affected", "critical", "high", "medium", "unknown", "low"];
  const table = plainTable(heads, data.trend.slice(-12).reverse().map((run) => ({ cells: [run.made.slice(0, 10), ...keys.map((key) => number(run[key] || 0))] })));
  return h("details", { class: "trend" }, h("summary", {}, `Since ${before.made.slice(0, 10)}: ${changes.length ? changes.join(", ") : "nothing changed"}.`), table);
}

function tile(value, text, tone) {
  return h("div", { class: `tile ${tone}${value ? "" : " zero"}` }, h("b", {}, number(value)), h("span", {}, text));
}

function severityTile(severity) {
  const value = flaws.filter((flaw) => flaw.open && flaw.severity === severity).length;
  return h("button", {
    class: `tile ${severity}${value ? "" : " zero"}`, type: "button", "aria-pressed": String(state.severity === severity),
    title: severity === "unknown" ? "The sources give no severity for these" : null,
    onclick: () => {
      state.severity = state.severity === severity ? "" : severity;
      if (!state.view.counts) state.view = VIEWS[0];
      remember(); renderSummary(); render();
    },
  }, h("b", {}, number(value)), h("span", {}, severity === "unknown" ? "unknown severity" : severity));
}

function renderSummary() {
  const affected = hosts.filter((host) => worstOf(host.counts)).length;
  const unheard = hosts.filter((host) => host.failed).length;
  const notes = [];
  const verdict = data.verdict;
  if (verdict.reasons.length) {
    const first = verdict.reasons.slice(0, MOST_REASONS).map((reason) => h("li", {}, reason));
    notes.push(h("div", { class: "note bad" }, h("strong", {}, "The policy is not met."), h("ul", {}, first), rest(verdict.reasons.slice(MOST_REASONS))));
  } else if (verdict.checked) notes.push(h("div", { class: "note good" }, h("strong", {}, "The policy is met.")));
  if (unheard) notes.push(h("div", { class: "note warn" }, `${plural(unheard, "host")} could not be audited: nothing is known of ${unheard === 1 ? "it" : "them"}.`));
  data.databases.filter((one) => one.age_days >= OLD_AFTER_DAYS).forEach((one) => notes.push(h("div", { class: "note warn" },
    `The newest advisory of ${one.source} is ${plural(one.age_days, "day")} old. Flaws that became known since are not in here.`)));
  data.notes.forEach((text) => notes.push(h("div", { class: "note warn" }, text)));
  at("summary").replaceChildren(sentence(affected, unheard), h("div", { class: "tiles" },
    tile(hosts.length, hosts.length === 1 ? "host" : "hosts", ""), tile(affected, "with a known flaw", affected ? "high" : "fine"),
    ...SEVERITIES.map(severityTile), tile(names.length, "packages", "")), trend(), ...notes);
}
