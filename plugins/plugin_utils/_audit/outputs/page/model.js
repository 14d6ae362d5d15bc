// Copyright (c) 2026 gpufleet.mlstack contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The data of the page as objects that know each other. What many environments have in common is stored once.
const SEVERITIES = ["critical", "high", "medium", "unknown", "low"]; // the worst first
const WORSE = { critical: 5, high: 4, medium: 3, unknown: 2, low: 1 };
const data = JSON.parse(document.getElementById("data").textContent);

const flaws = data.flaws.map((flaw) => ({ ...flaw, environments: [], packages: [] }));
const packages = data.packages.map(([name, version, kind, needs, licence, latest, yanked, found, fix, untold], index) => ({
  index, name, version, kind, needs, licence, latest, yanked, fix, untold, environments: [],
  found: found.map(([flaw, fixed]) => ({ flaw: flaws[flaw], fixed })),
}));
packages.forEach((item) => item.found.forEach(({ flaw }) => flaw.packages.push(item)));
const problems = data.problems.map((problem) => ({ ...problem, environments: [] }));
const hosts = data.hosts.map((host) => ({ ...host, environments: [] }));
const environments = data.environments.map((item) => ({
  host: hosts[item.host], name: item.name, path: item.path, kind: item.kind, python: item.python, generation: item.generation, set: item.set,
  packages: data.sets[item.set].map((index) => packages[index]),
  requested: new Set(data.requested[item.requested]),
  problems: item.problems.map((index) => problems[index]),
  ignored: new Map(item.ignored.map(([flaw, why]) => [flaws[flaw], why])),
  failed: item.failed,
}));

function emptyCounts() {
  return { critical: 0, high: 0, medium: 0, unknown: 0, low: 0, malware: 0 };
}

function tally(counts, flaw) {
  counts[flaw.severity] += 1;
  if (flaw.malware) counts.malware += 1;
}

function worstOf(counts) {
  return SEVERITIES.find((severity) => counts[severity]) || "";
}

// Sorts by the worst first: malware, then more critical ones, then more high ones, and so on.
function weight(counts) {
  return SEVERITIES.reduce((sum, severity) => sum * 10000 + Math.min(counts[severity], 9999), counts.malware ? 10000 : 0);
}

for (const environment of environments) {
  environment.host.environments.push(environment);
  environment.problems.forEach((problem) => problem.environments.push(environment));
  environment.counts = emptyCounts();
  environment.outdated = 0;
  const seen = new Set();
  for (const item of environment.packages) {
    item.environments.push(environment);
    if (item.latest) environment.outdated += 1;
    for (const { flaw } of item.found) {
      if (seen.has(flaw)) continue;
      seen.add(flaw);
      flaw.environments.push(environment);
      if (!environment.ignored.has(flaw)) tally(environment.counts, flaw);
    }
  }
}

function distinctHosts(list) {
  return [...new Set(list.map((environment) => environment.host))];
}

for (const host of hosts) {
  const open = new Set();
  const all = new Set();
  host.outdated = new Set();
  host.problems = 0;
  for (const environment of host.environments) {
    host.problems += environment.problems.filter((problem) => !problem.ignored).length + (environment.failed ? 1 : 0);
    for (const item of environment.packages) {
      all.add(item);
      if (item.latest) host.outdated.add(item);
      for (const { flaw } of item.found) if (!environment.ignored.has(flaw)) open.add(flaw);
    }
  }
  host.packages = all.size;
  host.outdated = host.outdated.size;
  host.problems += host.failed ? 1 : 0;
  host.counts = emptyCounts();
  open.forEach((flaw) => tally(host.counts, flaw));
}

const todo = data.todo.map((item) => ({ ...item, ends: item.ends.map((index) => flaws[index]), hosts: item.hosts.map((index) => hosts[index]) }));
for (const item of todo) {
  item.counts = emptyCounts();
  item.ends.forEach((flaw) => tally(item.counts, flaw));
  item.kev = item.ends.some((flaw) => flaw.kev);
  item.epss = Math.max(0, ...item.ends.map((flaw) => flaw.epss || 0));
  item.due = item.ends.map((flaw) => flaw.due || "").filter(Boolean).sort()[0] || "";
}
todo.sort((a, b) => b.kev - a.kev || weight(b.counts) - weight(a.counts) || b.hosts.length - a.hosts.length);

for (const flaw of flaws) {
  flaw.hosts = distinctHosts(flaw.environments);
  flaw.open = flaw.environments.some((environment) => !environment.ignored.has(flaw));
  flaw.names = [...new Set(flaw.packages.map((item) => item.name))];
}

// One name in all its versions.
const names = [...packages.reduce((groups, item) => {
  const key = `${item.kind}/${item.name}`;
  if (!groups.has(key)) groups.set(key, { name: item.name, kind: item.kind, builds: [] });
  groups.get(key).builds.push(item);
  return groups;
}, new Map()).values()];

for (const group of names) {
  // The same version can stand here twice, with different requirements; a reader sees one.
  group.versions = [...group.builds.reduce((versions, item) => {
    if (!versions.has(item.version)) versions.set(item.version, []);
    versions.get(item.version).push(item);
    return versions;
  }, new Map())].map(([version, builds]) => ({
    version, builds, first: builds[0], hosts: distinctHosts(builds.flatMap((item) => item.environments)),
  })).sort((a, b) => Math.sign(b.first.found.length) - Math.sign(a.first.found.length) || b.hosts.length - a.hosts.length);
  group.hosts = distinctHosts(group.builds.flatMap((item) => item.environments));
  group.flaws = [...new Set(group.builds.flatMap((item) => item.found.map(({ flaw }) => flaw)))];
  group.counts = emptyCounts();
  group.flaws.filter((flaw) => flaw.open).forEach((flaw) => tally(group.counts, flaw));
}

// The way from something that was asked for to a package: [asked, ..., package], the shortest there is.
function pathTo(environment, target) {
  const byName = mapByName(environment);
  const from = new Map();
  let edge = askedOf(environment);
  if (edge.includes(target)) return [target];
  edge.forEach((item) => from.set(item, null));
  while (edge.length) {
    const next = [];
    for (const item of edge) {
      for (const name of item.needs) {
        const below = byName.get(name);
        if (!below || from.has(below)) continue;
        from.set(below, item);
        if (below === target) {
          const path = [];
          for (let step = below; step; step = from.get(step)) path.unshift(step);
          return path;
        }
        next.push(below);
      }
    }
    edge = next;
  }
  return [];
}

// Where nothing says what was asked for, or everything was, as by a complete lock, it is what nobody else needs.
function askedOf({ packages, requested }) {
  const asked = packages.filter((item) => requested.has(item.index));
  return asked.length && asked.length < packages.length ? asked : topsOf(packages);
}

function topsOf(packages) {
  const needed = new Set(packages.flatMap((item) => item.needs));
  return packages.filter((item) => !needed.has(canonical(item.name)));
}

function mapByName(environment) {
  if (!environment.byName) environment.byName = new Map(environment.packages.map((item) => [canonical(item.name), item]));
  return environment.byName;
}

function canonical(name) {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}
