# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a host told, and what advisories and an index know, to what is wrong with it. Pure."""

from __future__ import annotations

import typing as t
from collections import deque

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import orders, systems
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.index import Project
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    Environment,
    Finding,
    Package,
    Problem,
    worst_first,
)

Pair = tuple[str, str]
Told = t.Mapping[str, t.Any]
_SHOWN = 5
_OF_CONDA = "conda alone has, since advisories are about Python's"
NOT_THERE = "the index does not have it"


def pairs_of(inventory: t.Iterable[Told]) -> set[Pair]:
    """The distinct (normalised name, version) that advisories of Python packages can be about."""
    return {
        (names.normalize(package["name"]), package["version"])
        for item in inventory
        for package in item.get("packages", ())
        if _of_python(package)
    }


def released(inventory: t.Iterable[Told]) -> set[str]:
    """The names that an index can be asked about: what came from elsewhere is none of its releases."""
    return {
        names.normalize(package["name"])
        for item in inventory
        for package in item.get("packages", ())
        if _of_python(package) and not _differs(package)
    }


def assess(
    told: Told,
    matches: t.Mapping[Pair, Match],
    projects: t.Mapping[str, Project] | None,
    unanswered: t.Mapping[Pair, str] | None = None,
    of_system: t.Mapping[Pair, Match] | None = None,
) -> Environment:
    """Judge one environment that a host told of. ``projects`` is what an index said, None where none was asked;
    ``unanswered`` are those of which the source of advisories said nothing, and why; ``of_system`` is what is known of
    the distribution's packages."""
    known = _Known(matches, projects, unanswered or {}, of_system or {})
    # Installers do not write down which index a package came from. Where there was one only, that was it.
    indexes = told.get("indexes", ())
    index = indexes[0] if len(indexes) == 1 and told["kind"] == "venv" else ""
    judged = [(item, known.match(item)) for item in told.get("packages", ())]
    packages = tuple(_package(item, match, known, index) for item, match in judged)
    paths = paths_to({item.name: item.needs for item in packages}, [item.name for item in packages if item.requested])
    findings = [
        Finding(item.name, item.version, flaw, fixed, paths.get(item.name, (item.name,)))
        for item, (_told, match) in zip(packages, judged)
        if match is not None
        for flaw, fixed in match.flaws
    ]
    findings.sort(key=lambda finding: worst_first(finding.flaw)[:-1])
    problems = [Problem(item["kind"], item["text"], item.get("package", "")) for item in told.get("problems", ())]
    problems += _problems(packages, [match for _item, match in judged], known)
    return Environment(
        name=told["name"],
        path=told["path"],
        kind=told["kind"],
        python=told.get("python", ""),
        generation=told.get("generation", ""),
        in_use=bool(told.get("in_use", True)),
        packages=packages,
        findings=tuple(findings),
        problems=tuple(problems),
        failed=told.get("failed", ""),
    )


class _Known(t.NamedTuple):
    """All that packages are judged by."""

    matches: t.Mapping[Pair, Match]
    projects: t.Mapping[str, Project] | None
    unanswered: t.Mapping[Pair, str]
    of_system: t.Mapping[Pair, Match]

    def match(self, item: Told) -> Match | None:
        """None where nobody could tell."""
        if item.get("kind") in systems.KINDS:
            return systems.match_of(item, self.of_system)
        return self.matches.get((names.normalize(item["name"]), item["version"])) if _of_python(item) else None


def _of_python(package: Told) -> bool:
    return bool(package.get("kind", "pypi") == "pypi")


def _differs(package: Told) -> str:
    """Why a package may differ from the release of its name and version; empty where it is that release."""
    origin = package.get("origin", "")
    if not origin or not _of_python(package) or package.get("installer") == "conda":
        return ""
    built = "was built from" if origin.startswith(("git+", "hg+", "svn+", "bzr+")) else "is from"
    return f"it {built} {origin}, and may differ from the release of that version"


def _package(item: Told, match: Match | None, known: _Known, index: str) -> Package:
    name = names.normalize(item["name"])
    pair = (name, item["version"])
    differs = _differs(item)
    project = known.projects.get(name) if known.projects is not None and _of_python(item) and not differs else None
    answered = pair not in known.unanswered
    unknown = _why_unknown(item, match, project, known.unanswered.get(pair, ""))
    return Package(
        name=item["name"],
        version=item["version"],
        kind=item.get("kind", "pypi"),
        needs=tuple(item.get("needs", ())),
        requested=bool(item.get("requested", False)),
        licence=item.get("licence", ""),
        origin=item.get("origin") or ("" if item.get("added") or not _of_python(item) else index),
        installer=item.get("installer", ""),
        status=_status(match or Match(), unknown, answered=answered),
        why=unknown or differs,
        fix=match.fix if match else "",
        left=match.left if match else (),
        latest=project.latest(item["version"]) if project is not None else "",
        yanked=_yanked(project, item["version"]),
        system=item.get("system", ""),
        source=item.get("source", ""),
        provides=tuple(item.get("provides", ())),
    )


def _why_unknown(item: Told, match: Match | None, project: Project | None, unanswered: str) -> str:
    """Why nothing can be said of a package; empty where something can."""
    if item.get("kind") == "conda":
        return "it is conda's own, and advisories are about Python's index"
    if item.get("kind") in systems.KINDS:
        release = item["judged_by"][0][0].partition("/")[0] if item.get("judged_by") else ""
        missing = f"it is a package of {release}, of which no mirror in system_advisories has advisories"
        return "" if match is not None else item.get("why") or missing
    if unanswered:
        return unanswered
    return NOT_THERE if project is not None and not project.known else ""


def _status(match: Match, unknown: str, *, answered: bool) -> str:
    if match.known and answered:
        return "matched"
    return "unknown" if unknown else "no_advisory"


def _yanked(project: Project | None, version: str) -> str:
    if project is None or version not in project.yanked:
        return ""
    return project.yanked[version] or "no reason was given"


def _problems(packages: t.Sequence[Package], judged: t.Iterable[Match | None], known: _Known) -> t.Iterator[Problem]:
    yield from _of_nobody([item.name for item in packages if item.kind == "conda"], _OF_CONDA)
    unknown = [item for item in packages if item.kind in systems.KINDS and item.status == "unknown"]
    for why in dict.fromkeys(item.why for item in unknown):
        yield from _of_nobody(
            [item.name for item in unknown if item.why == why], f"the distribution owns: of each, {why}"
        )
    for item, match in zip(packages, judged):
        pair = (names.normalize(item.name), item.version)
        title = f"{item.name} {item.version}"
        if item.why and item.kind == "pypi":
            yield _of_why(item, title, answered=pair not in known.unanswered)
        if item.yanked:
            yield Problem("yanked", f"{title} was taken back by its makers: {item.yanked}", item.name)
        if item.latest and known.projects is not None:
            yield Problem("outdated", f"{title} is not the newest: {item.latest} is", item.name)
        if match is not None:
            yield from _undecided(item, title, match)


def _of_nobody(found: t.Sequence[str], whose: str) -> t.Iterator[Problem]:
    """One problem for all of them: there are hundreds, and the reason is the same."""
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield Problem(
            "no_advisories",
            f"nothing is known of {len(found)} packages that {whose}: " + ", ".join(sorted(found)[:_SHOWN]) + more,
        )


def _of_why(item: Package, title: str, *, answered: bool) -> Problem:
    if not answered:
        return Problem("not_answered", f"nothing is known of {title}: {item.why}", item.name)
    if item.why == NOT_THERE:
        return Problem("unknown_package", f"nothing can be said of {title}: {item.why}", item.name)
    return Problem("may_differ", f"{title} was matched by its name and version alone: {item.why}", item.name)


def _undecided(item: Package, title: str, match: Match) -> t.Iterator[Problem]:
    if match.undecided and item.kind == systems.NVIDIA:
        shown = ", ".join(match.undecided[:5])
        told = f"{shown}: they name no version of the branch of {title} in which their flaws end, and it may have them"
        yield Problem("undecided", told, item.name)
    elif match.undecided:
        ids = ", ".join(match.undecided[:5])
        why = f"its version is none of {_order(item)}, or they name none"
        told = f"whether {ids} are about {title} cannot be decided: {why}"
        yield Problem("undecided", told, item.name)
    if match.doubtful:
        ids = ", ".join(match.doubtful[:5])
        told = (
            f"{ids}: no version of {_order(item)}, so nobody can tell whether {title} is past it; it is taken not to be"
        )
        yield Problem("undecided", told, item.name)


def _order(item: Package) -> str:
    return {"deb": orders.DEB, "rpm": orders.RPM, systems.NVIDIA: orders.RPM}.get(item.kind, orders.PEP440).called


def paths_to(needs: t.Mapping[str, t.Iterable[str]], requested: t.Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The shortest way from a package that was asked for to each one.

    Where nothing says what was asked for, or everything was, as by a complete lock, that is what nobody else needs.
    """
    roots = sorted(requested)
    if not roots or needs.keys() <= set(roots):
        needed = {below for belows in needs.values() for below in belows}
        roots = sorted(set(needs) - needed)
    found: dict[str, tuple[str, ...]] = {root: (root,) for root in roots}
    pending = deque(roots)
    while pending:
        name = pending.popleft()
        for below in needs.get(name, ()):
            if below not in found:
                found[below] = (*found[name], below)
                pending.append(below)
    return found
