// Copyright (c) 2026 gpufleet.mlstack contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The views: one table each, over hosts, packages, flaws, what is outdated and what else is wrong.
const number = (value) => value.toLocaleString("en");

function severityColumns(countsOf) {
  return SEVERITIES.map((severity) => ({
    label: severity[0].toUpperCase() + severity.slice(1), num: true, down: true,
    sort: (row) => countsOf(row)[severity], cell: (row) => count(severity, countsOf(row)[severity]),
  }));
}

function rankOf(flaw) {
  return (flaw.malware ? 500 : 0) + WORSE[flaw.severity] * 100 + (flaw.score || 0) * 9 + Math.min(flaw.hosts.length, 8) / 10 - (flaw.open ? 0 : 1000);
}

function haystack(parts) {
  return parts.filter(Boolean).join("\n").toLowerCase();
}

const setText = data.sets.map(() => null);
function textOfSet(index) {
  if (setText[index] === null) setText[index] = haystack(data.sets[index].map((at) => `${packages[at].name}==${packages[at].version}`));
  return setText[index];
}

function flawText(flaw) {
  return haystack([flaw.id, ...flaw.aliases, flaw.summary, flaw.severity, flaw.malware ? "malware" : "", ...flaw.names]);
}

function percent(value) {
  return value ? `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %` : "";
}

// Only where an audit before, or a mirror, tells it.
function knownColumns(rows, more) {
  const some = (test) => rows.some(test);
  return [
    some((row) => row.kev) && { label: "Exploited", down: true, sort: (row) => (row.kev ? 1 : 0), cell: (row) => (row.kev ? chip("critical", "exploited") : "") },
    some((row) => row.epss) && { label: "EPSS", num: true, down: true, sort: (row) => row.epss || 0, cell: (row) => percent(row.epss) },
    ...more,
    some((row) => row.due) && { label: "Due", down: false, sort: (row) => row.due || "9999", cell: (row) => dueText(row.due) },
  ].filter(Boolean);
}

function dueText(due) {
  return due && due < data.made.slice(0, 10) ? h("span", { class: "chip critical" }, `${due}, overdue`) : due || "";
}

function todoText(item) {
  return `${item.package} \u2192 ${item.fix}`;
}

const VIEWS = [
  {
    id: "todo", title: "To do", rows: todo, empty: todo.length ? "No update matches." : "No update is known that ends a flaw.",
    key: todoText,
    counts: (item) => item.counts,
    text: (item) => haystack([todoText(item), ...item.environments, ...item.hosts.map((host) => host.name), ...item.ends.map(flawText)]),
    table: (view) => new Table([
      { label: "Update", down: false, sort: (item) => item.package, cell: todoText },
      { label: "Worst", down: true, sort: (item) => (item.kev ? 1e26 : 0) + weight(item.counts) + item.hosts.length / 1e6, cell: (item) => worstChip(item.counts) },
      { label: "Ends flaws", num: true, down: true, sort: (item) => item.ends.length, cell: (item) => number(item.ends.length) },
      { label: "On hosts", num: true, down: true, sort: (item) => item.hosts.length, cell: (item) => number(item.hosts.length) },
      ...knownColumns(todo, []),
      { label: "By", text: true, sort: (item) => item.commands.join(), cell: (item) => (item.commands.length ? h("code", {}, item.commands[0]) : `in ${item.environments.slice(0, 3).join(", ")}`) },
    ], view.rows, { more: todoDetails, sorted: 1, empty: view.empty, key: view.key }),
  },
  {
    id: "hosts", title: "Hosts", rows: hosts, empty: "No host matches.", key: (host) => host.name,
    counts: (host) => host.counts,
    text: (host) => haystack([host.name, host.failed, ...host.environments.flatMap((environment) => [
      environment.name, environment.path, environment.failed, textOfSet(environment.set), ...environment.problems.map((problem) => problem.text)]),
    ...new Set(host.environments.flatMap((environment) => environment.packages.flatMap((item) => item.found.map(({ flaw }) => `${flaw.id} ${flaw.aliases.join(" ")}`))))]),
    table: (view) => new Table([
      { label: "Host", down: false, sort: (host) => host.name, cell: (host) => host.name },
      { label: "Worst", down: true, sort: (host) => (host.failed ? 1e25 : 0) + weight(host.counts) + (host.problems ? 0.5 : 0),
        cell: (host) => (host.failed ? chip("critical", "not audited") : worstChip(host.counts)) },
      ...severityColumns((host) => host.counts),
      { label: "Environments", num: true, down: true, sort: (host) => host.environments.length, cell: (host) => number(host.environments.length) },
      { label: "Packages", num: true, down: true, sort: (host) => host.packages, cell: (host) => number(host.packages) },
      { label: "Outdated", num: true, down: true, sort: (host) => host.outdated, cell: (host) => number(host.outdated) },
      { label: "Other findings", num: true, down: true, sort: (host) => host.problems, cell: (host) => number(host.problems) },
    ], view.rows, { more: hostDetails, sorted: 1, empty: view.empty, key: view.key }),
  },
  {
    id: "packages", title: "Packages", rows: names, empty: "No package matches.", key: (group) => group.name,
    counts: (group) => group.counts,
    text: (group) => haystack([...group.versions.map(({ version }) => `${group.name}==${version}`), ...group.flaws.map(flawText)]),
    table: (view) => new Table([
      { label: "Package", down: false, sort: (group) => group.name, cell: (group) => group.name },
      { label: "Worst", down: true, sort: (group) => weight(group.counts), cell: (group) => worstChip(group.counts) },
      { label: "Flaws", num: true, down: true, sort: (group) => group.flaws.length, cell: (group) => number(group.flaws.length) },
      { label: "Hosts", num: true, down: true, sort: (group) => group.hosts.length, cell: (group) => number(group.hosts.length) },
      { label: "Installed", sort: (group) => group.versions[0].version, cell: (group) => versionList(group.versions.map(({ version }) => version)) },
      { label: "Update to", sort: fixOf, cell: fixOf },
      { label: "Newest", sort: (group) => newest(group), cell: (group) => newest(group) },
    ], view.rows, { more: packageDetails, sorted: 1, empty: view.empty, key: view.key }),
  },
  {
    id: "flaws", title: "Flaws", rows: flaws, empty: "No flaw matches.", key: (flaw) => flaw.id,
    counts: (flaw) => ({ ...emptyCounts(), [flaw.severity]: flaw.open ? 1 : 0 }),
    text: flawText,
    table: (view) => new Table([
      { label: "Flaw", down: false, sort: (flaw) => flaw.id, cell: (flaw) => flaw.id },
      { label: "Severity", down: true, sort: rankOf, cell: (flaw) => (flaw.open ? severityChip(flaw) : spaced([severityChip(flaw), h("span", { class: "soft" }, "ignored")])) },
      { label: "Package", sort: (flaw) => flaw.names.join(), cell: (flaw) => flaw.names.join(", ") },
      { label: "Hosts", num: true, down: true, sort: (flaw) => flaw.hosts.length, cell: (flaw) => number(flaw.hosts.length) },
      { label: "Fixed in", sort: fixedIn, cell: fixedIn },
      ...knownColumns(flaws, flaws.some((flaw) => flaw.seen) ? [{ label: "First seen", down: false, sort: (flaw) => flaw.seen || "", cell: (flaw) => flaw.seen || "" }] : []),
      { label: "What it is", text: true, sort: (flaw) => flaw.summary, cell: (flaw) => flaw.summary || "" },
    ], view.rows, { more: flawDetails, sorted: 1, empty: view.empty, key: view.key }),
  },
  {
    id: "outdated", title: "Outdated", rows: names.filter((group) => group.builds.some((item) => item.latest || item.yanked)),
    empty: data.index_asked ? "Nothing outdated matches." : "No index was asked, so nothing is known of newer versions.",
    counts: (group) => group.counts,
    text: (group) => haystack(group.versions.map(({ version }) => `${group.name}==${version}`)),
    table: (view) => new Table([
      { label: "Package", down: false, sort: (group) => group.name, cell: (group) => group.name },
      { label: "Installed", sort: (group) => group.versions[0].version, cell: (group) => versionList(group.versions.filter(({ first }) => first.latest || first.yanked).map(({ version }) => version)) },
      { label: "Newest", sort: newest, cell: newest },
      { label: "Hosts", num: true, down: true, sort: (group) => group.hosts.length, cell: (group) => number(group.hosts.length) },
      { label: "Yanked", text: true, sort: yanked, cell: yanked },
    ], view.rows, { more: packageDetails, sorted: 3, empty: view.empty, key: (group) => group.name }),
  },
  {
    id: "problems", title: "Other findings", rows: problems, empty: "Nothing else was found.",
    counts: null,
    text: (problem) => haystack([problem.kind, problem.text]),
    table: (view) => new Table([
      { label: "Finding", down: false, sort: (problem) => problem.text, cell: (problem) => problem.text },
      { label: "Kind", down: false, sort: (problem) => problem.kind, cell: (problem) => (problem.ignored ? `${problem.kind} (ignored: ${problem.ignored})` : problem.kind) },
      { label: "Hosts", num: true, down: true, sort: (problem) => distinctHosts(problem.environments).length, cell: (problem) => number(distinctHosts(problem.environments).length) },
    ], view.rows, { more: (problem) => h("div", {}, places(problem.environments)), sorted: 2, empty: view.empty, key: (problem) => problem.text }),
  },
];

function versionList(list) {
  const shown = list.slice(0, 3).join(", ");
  return list.length > 3 ? `${shown} and ${list.length - 3} more` : shown;
}

function fixOf(group) {
  const flawed = group.builds.filter((item) => item.found.some(({ flaw }) => flaw.open));
  if (!flawed.length) return "";
  return flawed.some((item) => !item.fix) ? "no fix known" : versionList([...new Set(flawed.map((item) => item.fix))]);
}

function newest(group) {
  return (group.builds.find((item) => item.latest) || {}).latest || "";
}

function yanked(group) {
  return [...new Set(group.builds.filter((item) => item.yanked).map((item) => `${item.version}: ${item.yanked}`))].join("; ");
}

function fixedIn(flaw) {
  const fixed = new Set(flaw.packages.flatMap((item) => item.found.filter((one) => one.flaw === flaw && one.fixed).map((one) => one.fixed)));
  return fixed.size ? [...fixed].join(", ") : "no fix known";
}
