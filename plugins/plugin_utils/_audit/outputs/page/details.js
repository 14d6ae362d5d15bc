// Copyright (c) 2026 gpufleet.mlstack contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What unfolds below a row: the environments of a host, the hosts of a flaw, the tree of an environment.
function severityChip(flaw) {
  if (flaw.malware) return chip(flaw.severity, "malware");
  return chip(flaw.severity, flaw.score ? `${flaw.severity} ${flaw.score.toFixed(1)}` : flaw.severity);
}

function flawName(flaw) {
  const others = flaw.aliases.slice(0, 2).join(", ");
  return h("span", {}, link(flaw.url, flaw.id), others ? h("span", { class: "soft" }, ` ${others}`) : "");
}

function versionsOf(item) {
  return item.fix || "no fix known";
}

function via(environment, item) {
  const path = pathTo(environment, item);
  if (path.length === 1) return environment.requested.has(item.index) ? "asked for" : "nothing else needs it";
  if (!path.length) return environment.requested.size ? "nothing asks for it" : "not recorded";
  return `via ${path.slice(0, -1).map((step) => step.name).join(" \u203a ")}`;
}

function findingsOf(environment) {
  const rows = environment.packages.flatMap((item) => item.found.map(({ flaw, fixed }) => ({ item, flaw, fixed })));
  const ignored = ({ flaw }) => (environment.ignored.has(flaw) ? 1 : 0);
  rows.sort((a, b) => ignored(a) - ignored(b) || b.flaw.malware - a.flaw.malware || WORSE[b.flaw.severity] - WORSE[a.flaw.severity]
    || (b.flaw.score || 0) - (a.flaw.score || 0) || compare(a.item.name, b.item.name));
  return plainTable(["Package", "Severity", "Flaw", "Fixed in", "Update to", "Why it is here"], rows.map(({ item, flaw, fixed }) => ({
    ignored: environment.ignored.has(flaw),
    cells: [
      h("code", {}, `${item.name} ${item.version}`), severityChip(flaw), flawName(flaw), fixed || "no fix known", versionsOf(item),
      environment.ignored.has(flaw) ? `ignored: ${environment.ignored.get(flaw)}` : via(environment, item),
    ],
  })));
}

function branch(environment, item, above) {
  const title = [h("code", {}, `${item.name} ${item.version}`)];
  const open = item.found.filter(({ flaw }) => !environment.ignored.has(flaw));
  if (open.length) {
    const counts = emptyCounts();
    open.forEach(({ flaw }) => tally(counts, flaw));
    title.push(chip(worstOf(counts), plural(open.length, "flaw")));
  }
  if (item.latest) title.push(h("span", { class: "soft" }, `newest ${item.latest}`));
  const below = item.needs.map((name) => mapByName(environment).get(name)).filter(Boolean);
  if (above.includes(item)) return h("li", { class: "leaf" }, ...title, h("span", { class: "soft" }, " again"));
  if (!below.length) return h("li", { class: "leaf" }, spaced(title));
  const line = h("li", {});
  line.append(fold(spaced(title), () => h("ul", {}, below.map((next) => branch(environment, next, [...above, item]))), (made) => line.append(made)));
  return line;
}

function spaced(nodes) {
  return h("span", {}, nodes.flatMap((node) => [node, " "]));
}

function tree(environment) {
  const above = new Set([...askedOf(environment), ...topsOf(environment.packages)]);
  const roots = above.size ? environment.packages.filter((item) => above.has(item)) : environment.packages;
  return h("ul", { class: "tree" }, roots.map((item) => branch(environment, item, [])));
}

function environmentPart(environment) {
  const part = h("div", { class: "part" });
  const about = [environment.kind, environment.python ? `Python ${environment.python}` : "", environment.generation ? `generation ${environment.generation}` : "", plural(environment.packages.length, "package")];
  part.append(h("h2", {}, environment.name, h("span", { class: "soft" }, about.filter(Boolean).join(", "))), h("p", { class: "path mono" }, environment.path));
  if (environment.failed) part.append(h("p", { class: "note bad" }, environment.failed));
  if (environment.problems.length) {
    part.append(h("ul", { class: "plain" }, environment.problems.map((problem) => h("li", { class: problem.ignored ? "ignored" : null },
      h("span", { class: "soft" }, `${problem.kind}: `), problem.text, problem.ignored ? ` (ignored: ${problem.ignored})` : ""))));
  }
  const untold = environment.packages.filter((item) => item.untold);
  if (untold.length) {
    part.append(h("p", { class: "soft" }, `Of ${plural(untold.length, "package")} nothing can be told:`),
      some(untold, (item) => [`${item.name} ${item.version} `, h("span", { class: "soft" }, item.untold)], 10));
  }
  if (environment.packages.some((item) => item.found.length)) part.append(findingsOf(environment));
  else if (!environment.failed) part.append(h("p", { class: "soft" }, "No flaw of these packages is in the database."));
  if (environment.packages.length) {
    const place = h("div", {});
    part.append(h("p", {}, fold("Dependency tree", () => tree(environment), (made) => place.append(made))), place);
  }
  return part;
}

function todoDetails(item) {
  const part = h("div", { class: "part" });
  part.append(h("h2", {}, `${todoText(item)} ends ${plural(item.ends.length, "flaw")} on ${plural(item.hosts.length, "host")}`));
  if (item.commands.length) part.append(h("pre", { tabindex: "0", "aria-label": "Command" }, item.commands.join("\n")));
  else part.append(h("p", { class: "soft" }, "These environments were not built by this collection: update them where they are made."));
  part.append(plainTable(["Flaw", "Severity", "What it is"], [...item.ends].sort((a, b) => rankOf(b) - rankOf(a)).map((flaw) => ({
    cells: [flawName(flaw), severityChip(flaw), flaw.summary],
  }))));
  part.append(h("h2", {}, "Where"), some(item.hosts, (host) => host.name, 20));
  return part;
}

function hostDetails(host) {
  const parts = [...host.environments].sort((a, b) => weight(b.counts) - weight(a.counts)).map(environmentPart);
  if (host.failed) parts.unshift(h("p", { class: "note bad" }, host.failed));
  return h("div", {}, parts.length ? parts : h("p", { class: "soft" }, "Nothing was audited here."));
}

function places(list) {
  return some(list, (environment) => [`${environment.host.name} `, h("span", { class: "soft" }, environment.name)], 20);
}

function packageDetails(group) {
  const parts = group.versions.map(({ version, builds, first, hosts: having }) => {
    const part = h("div", { class: "part" }, h("h2", {}, `${group.name} ${version}`, h("span", { class: "soft" }, `on ${plural(having.length, "host")}`)));
    const facts = [first.licence && `licence ${first.licence}`, first.latest && `newest ${first.latest}`, first.yanked && `yanked: ${first.yanked}`];
    if (facts.some(Boolean)) part.append(h("p", { class: "soft" }, facts.filter(Boolean).join("; ")));
    if (first.found.length) {
      part.append(plainTable(["Flaw", "Severity", "Fixed in", "What it is"], first.found.map(({ flaw, fixed }) => ({
        ignored: !flaw.open, cells: [flawName(flaw), severityChip(flaw), fixed || "no fix known", flaw.summary],
      }))));
      part.append(h("p", {}, first.fix ? [`The smallest update without a known flaw: `, h("strong", {}, first.fix)] : "No version without a known flaw is known."));
    }
    part.append(places(builds.flatMap((item) => item.environments)));
    return part;
  });
  const users = [...new Set(packages.filter((item) => item.needs.includes(canonical(group.name))).map((item) => item.name))];
  if (users.length) parts.push(h("div", { class: "part" }, h("h2", {}, "Needed by"), some(users.sort(compare), (name) => name, 40)));
  return h("div", {}, parts);
}

function flawDetails(flaw) {
  const part = h("div", { class: "part" });
  if (flaw.summary) part.append(h("p", {}, flaw.summary));
  const facts = [flaw.published && `published ${flaw.published.slice(0, 10)}`, flaw.aliases.length && `also known as ${flaw.aliases.join(", ")}`, flaw.vector && `CVSS ${flaw.vector}`];
  if (facts.some(Boolean)) part.append(h("p", { class: "soft" }, facts.filter(Boolean).join("; ")));
  part.append(plainTable(["Installed", "Fixed in", "Update to", "Hosts"], flaw.packages.map((item) => ({
    cells: [h("code", {}, `${item.name} ${item.version}`), (item.found.find((one) => one.flaw === flaw) || {}).fixed || "no fix known", versionsOf(item),
      String(distinctHosts(item.environments).length)],
  }))));
  const open = flaw.environments.filter((environment) => !environment.ignored.has(flaw));
  const ignored = flaw.environments.filter((environment) => environment.ignored.has(flaw));
  if (open.length) part.append(h("h2", {}, "Where"), places(open));
  if (ignored.length) part.append(h("h2", {}, "Ignored", h("span", { class: "soft" }, ignored[0].ignored.get(flaw))), places(ignored));
  return part;
}
