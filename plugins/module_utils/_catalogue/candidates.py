# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What could be chosen for each part of a set, the preferred first. Pure.

Where a wish is given up to find the nearest set (``relaxed``), everything can be chosen, the nearest to the wish first.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import Driver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    AUTO,
    CPU,
    FRAMEWORKS,
    OPEN,
    PRESENT,
    PROPRIETARY,
    HostFacts,
    Reason,
    Wishes,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.needs import Build, Release
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, branch_of, minor_of, number
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.version_wish import VersionWish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidWish

_FORMS = {
    "driver": (r"[0-9]+(\.[0-9]+){0,2}|" + PRESENT, "a branch such as 580, a version, or present"),
    "flavour": (f"{AUTO}|{OPEN}|{PROPRIETARY}", "auto, open or proprietary"),
    "cuda": (r"[0-9]+\.[0-9]+(\.[0-9]+)?|" + AUTO, "a release such as 12.4 or 12.4.1, or auto"),
    "wheel": (f"{AUTO}|{CPU}|cu[0-9]+", "a tag such as cu126, cpu or auto"),
    "python": (r"[0-9]+\.[0-9]+(\.[0-9]+)?", "a version such as 3.11"),
}
_ENDED = "ended"
_SUPPORTED_TYPES = ("lts", "production")


def check(wishes: Wishes) -> None:
    """Raises InvalidWish for wishes that nothing could mean."""
    for name, (form, said) in _FORMS.items():
        value = getattr(wishes, name)
        if value and not re.fullmatch(form, value):
            raise InvalidWish(
                "wish_form", wished=f"{name} {value}", found=f"{name} is {said}", todo=f"correct {name} in the wishes"
            )
    for name in FRAMEWORKS:
        if getattr(wishes, name):
            VersionWish(name, getattr(wishes, name))


def ended(row: Row | None, today: str) -> bool:
    """Whether a branch is past its support on a day (C(2026-11-23)); the month of its end still counts."""
    if row is None or not row["end"]:
        return False
    return row["end"] == _ENDED or bool(today and row["end"] < today[:7])


def drivers(facts: HostFacts, wishes: Wishes, catalogue: Catalogue, relaxed: bool) -> list[Driver]:
    """A driver that is there comes first, then the branches by the length of their support."""
    present = _present(facts, catalogue)
    wish = "" if relaxed else wishes.driver
    if wish == PRESENT:
        return [present] if present else []
    if "." in wish:
        kept = present is not None and number(present.version) == number(wish)
        return [Driver(branch_of(wish), wish, kept, catalogue.branch(branch_of(wish)))]
    if wish:
        same = [present] if present is not None and present.branch == wish else []
        return [*same, Driver(wish, "", False, catalogue.branch(wish))]
    branches = sorted(catalogue.tables["branches"], key=lambda row: _rank(row, facts, present))
    free = [Driver(row["branch"], "", False, row) for row in branches]
    return [*([present] if present else []), *free]


def _present(facts: HostFacts, catalogue: Catalogue) -> Driver | None:
    if facts.driver is None or not facts.driver.version:
        return None
    branch = branch_of(facts.driver.version)
    return Driver(branch, facts.driver.version, True, catalogue.branch(branch))


def _rank(row: Row, facts: HostFacts, present: Driver | None) -> tuple[t.Any, ...]:
    """The branch of the present driver, then supported ones (the longest support first), then new features, then
    supported ones whose end nobody read in a source, then those of which nobody knows the end (the oldest first), then
    those that have ended (the newest first)."""
    branch = number(row["branch"])[0]
    if present is not None and present.branch == row["branch"]:
        return (0,)
    if ended(row, facts.today):
        return (5, -branch)
    if row["type"] in _SUPPORTED_TYPES and row["end"]:
        return (1 if row.verified else 3, [-part for part in number(row["end"].replace("-", "."))], -branch)
    return (2, -branch) if row["end"] else (4, branch)


def unknown_branch(driver: Driver, catalogue: Catalogue) -> Reason | None:
    """A branch between those of the tables was never released. One that is newer than all of them is let through."""
    known = sorted((number(row["branch"])[0] for row in catalogue.tables["branches"]), reverse=True)
    branch = number(driver.branch)[0]
    if driver.row is not None or driver.kept or branch > known[0] or branch < known[-1]:
        return None
    below = next(value for value in known if value < branch)
    return Reason(
        f"the tables know no driver branch {branch}: the nearest are {below} and {known[known.index(below) - 1]}"
    )


def releases(wishes: Wishes, catalogue: Catalogue, relaxed: bool) -> list[Release]:
    """Toolkits that a wish can mean, the newest first. One that is newer than the tables stands for itself."""
    rows = catalogue.cuda_rows()
    everything = [Release(row["version"], row, row) for row in rows]
    wish = wishes.cuda
    if wish == AUTO:
        return everything
    if relaxed:
        return sorted(everything, key=lambda release: _distance(release.version, wish, rows))
    parts = len(wish.split("."))
    found = [release for release in everything if number(release.version)[:parts] == number(wish)[:parts]]
    newest_of_minor = next((row for row in rows if minor_of(row["version"]) == minor_of(wish)), None)
    if not found and newest_of_minor is not None and number(wish) > number(newest_of_minor["version"]):
        return [Release(wish, None, newest_of_minor)]
    if not found and number(wish) > number(rows[0]["version"]):
        return [Release(wish, None, rows[0])]
    return found


def builds(
    name: str, wishes: Wishes, catalogue: Catalogue, relaxed: bool, any_wheel: bool, without_gpu: bool
) -> list[Build]:
    """Builds of a framework, the newest release first, its stable builds before its experimental ones, and of those the
    newest CUDA. On a host without a GPU they are the builds for CPUs, unless a tag is wished for."""
    rows = catalogue.frameworks(name)
    text = getattr(wishes, name)
    wish = VersionWish(name, text)
    if relaxed:
        nearest = wish.floor or rows[0]["newest"]
        ordered = sorted(rows, key=lambda row: _distance(row["version"], nearest, rows))
        found = [Build(name, row["newest"], row) for row in ordered]
    else:
        pairs = [(wish.newest_in(row), row) for row in rows]
        found = [Build(name, version, row) for version, row in pairs if version]
        newest = rows[0]["version"]
        if not found and wish.floor and number(wish.floor) > number(rows[0]["newest"]):
            found = [Build(name, wish.floor, row, False) for row in rows if row["version"] == newest]
    order = {version: place for place, version in enumerate(dict.fromkeys(build.version for build in found))}
    tag = AUTO if any_wheel or (name != "torch" and wishes.wheel != CPU) else wishes.wheel
    if tag == CPU or (tag == AUTO and without_gpu):
        found = [
            Build(b.name, b.version, Row({**b.row, "tag": CPU, "cuda": "", "channel": "stable"}), b.known)
            for b in {build.version: build for build in found}.values()
        ]
    elif tag != AUTO:
        found = [build for build in found if build.tag == tag]
    return sorted(found, key=lambda b: (order[b.version], b.row["channel"] != "stable", _descending(b.row["cuda"])))


def pythons(facts: HostFacts, wishes: Wishes, frameworks: t.Sequence[Build], relaxed: bool) -> list[str]:
    """The host's own first, in the order in which it names them; then those that can be had, the newest first."""
    if wishes.python and not relaxed:
        return [minor_of(wishes.python)]
    own = [minor_of(version) for version in facts.pythons]
    if own and not facts.managed_pythons:
        return own
    last = max((number(build.row["python_to"])[1] for build in frameworks), default=14)
    return [*own, *(f"3.{minor}" for minor in range(last, 6, -1))]


def _descending(version: str) -> tuple[int, ...]:
    return tuple(-part for part in number(version))


def _distance(version: str, wish: str, rows: t.Sequence[Row]) -> tuple[int, tuple[int, ...]]:
    """How many minor versions of the table lie between; of two as near the newer one."""
    minors = sorted({number(row["version"])[:2] for row in rows})
    mine, other = number(version)[:2], number(wish)[:2]
    between = [minor for minor in minors if min(mine, other) < minor <= max(mine, other)]
    return len(between), _descending(version)
