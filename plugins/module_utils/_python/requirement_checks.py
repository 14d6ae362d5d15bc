# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for a whole set: every requirement pinned, no two that contradict, hashes for all or for none."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement, pin_of, vcs

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet


def check_pinned(wanted: RequirementSet, environment: Environment | None = None) -> list[Problem]:
    """Every requirement that nothing pins, and every two that cannot both be met.

    A pin may stand in another line or a constraint of the same name. With ``environment``, what its marker leaves out
    is not judged; without one, a line pins another only if its marker is the same or it has none.
    """
    here = [item for item in wanted.requirements if item.applies(environment)]
    limits = [item for item in wanted.constraints if item.applies(environment)]
    groups: dict[str, list[Requirement]] = {}
    for item in here + limits:
        if item.name is not None:
            groups.setdefault(item.name, []).append(item)
    lines = {name: _Group(items, environment is not None) for name, items in groups.items()}
    problems = [
        _unpinned(item)
        for item in here
        if pin_of(item) is None and not (item.name in lines and lines[item.name].pins(item))
    ]
    # Constraints alone ask for nothing, so two that differ harm nobody.
    for name in dict.fromkeys(item.name for item in here if item.name):
        problems.extend(_conflicts(lines[name]))
    order = {file: index for index, file in enumerate(wanted.sources)}
    return sorted(problems, key=lambda problem: (order.get(problem.file, -1), problem.line))


def check_hashes(
    wanted: RequirementSet, environment: Environment | None = None, *, required: bool = False
) -> list[Problem]:
    """Every requirement without a hash, where hashes are required or any line has one.

    One ``--hash`` puts pip into its hash-checking mode for the whole set, while uv would check that one line only:
    the same files would mean two things.
    """
    here = [item for item in wanted.requirements if item.applies(environment)]
    hashed_elsewhere = {item.name for item in wanted.constraints if item.hashes and item.applies(environment)}
    # A URL's only hash is handed over in its fragment, which switches nothing.
    hashed_lines = [item for item in here if len(item.hashes) > (0 if item.url is None else 1)]
    required = required or wanted.options.require_hashes
    if not required and not hashed_lines:
        return []
    reason = "hashes are required" if required else f"it has no hash, but {hashed_lines[0].source} has one"
    return [
        _problem(item, "requirement_hash_missing", reason, "add --hash=sha256:... to it")
        for item in here
        if not item.hashes and item.name not in hashed_elsewhere
    ]


def _problem(item: Requirement, code: str, reason: str, to_fix: str) -> Problem:
    return Problem(code, item.source.file, item.source.line, item.text, reason, to_fix, item.written_name)


class _Group:
    """The lines of one name, and what pins them: by their markers, None for all where markers were judged."""

    def __init__(self, items: t.Sequence[Requirement], judged: bool) -> None:
        self.together: dict[object, list[Requirement]] = {}
        for item in items:
            self.together.setdefault(None if judged else item.marker, []).append(item)
        self._pinning = {
            mark for mark, lines in self.together.items() if any(pin_of(item) is not None for item in lines)
        }

    def pins(self, item: Requirement) -> bool:
        """Whether another line pins this one, which itself is no pin."""
        return item.url is None and bool({None, item.marker} & self._pinning)


def _unpinned(item: Requirement) -> Problem:
    name = item.written_name or "NAME"
    system = vcs(item.url)
    if system in ("git", "hg"):
        reason, to_fix = "a branch or tag may move, and no full commit is named", "put @ and all digits of the commit"
    elif system:
        reason, to_fix = (
            f"{system} has no commits that vouch for their content",
            "build a wheel of it, or move it to git",
        )
    elif item.url is not None and item.url.startswith("file:"):
        reason = "it is neither a wheel nor does it have a hash, so its content may change under the same path"
        to_fix = "build a wheel, or add --hash=sha256:... for an archive"
    elif item.url is not None:
        reason, to_fix = "the URL has no hash, so it may serve another file tomorrow", "add #sha256=... to the URL"
    elif item.hashes:
        reason = "without == its hashes pin nothing: pip refuses the line, uv ignores the hashes"
        to_fix = f"write {name}==VERSION before the hashes"
    else:
        reason = "it allows more than one version" if item.specifiers else "it names no version"
        to_fix = f"write {name}==VERSION, or lock the ranges first"
    return _problem(item, "requirement_unpinned", reason, to_fix)


def _conflicts(group: _Group) -> t.Iterator[Problem]:
    """At most one problem per group of lines that apply together: that no pinned version pleases them all."""
    for together in group.together.values():
        if len(together) == 1 and len(together[0].specifiers) < 2:
            continue
        urls = {other.url for other in together if other.url}
        pins = {other.version for other in together if other.version}
        # One line of each kind: a file may say the same ten thousand times.
        different = list({(other.url, other.specifiers): other for other in together}.values())
        # What a commit or an archive of unknown version holds, only a build can tell.
        if len(urls) > 1 or (pins and not _possible(pins, different)):
            yield _conflict(together)


def _possible(pins: t.Collection[str], different: t.Sequence[Requirement]) -> bool:
    if len({versions.canonical(pin.partition("+")[0]) for pin in pins}) > 1:
        return False  # no version is two; those that differ in their local part alone may be one
    return any(all(_allows(other, pin) for other in different) for pin in pins)


def _allows(item: Requirement, version: str) -> bool:
    if item.url is not None and item.version is not None:
        return versions.same(item.version, version)  # a wheel is of its own version and no other
    return versions.satisfies(version, item.specifiers)


def _conflict(together: list[Requirement]) -> Problem:
    last = together[-1]
    others = [f"{other.source} ({other.text})" for other in together[:-1] if (other.specifiers or other.url)]
    reason = f"it cannot be met together with {', '.join(others)}" if others else "no version meets all its conditions"
    return _problem(last, "requirement_conflict", reason, f"keep one version of {last.written_name}")
