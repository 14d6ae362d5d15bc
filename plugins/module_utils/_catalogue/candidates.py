# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be chosen for each part of a set, the preferred first. Pure.

Where a desired state is given up to find the nearest set (``relaxed``), everything can be chosen, the nearest to the
desired state first.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.desired_version import DesiredVersion
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import Driver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    AUTO,
    CPU,
    FRAMEWORKS,
    OPEN,
    PRESENT,
    PROPRIETARY,
    DesiredStack,
    HostFacts,
    Reason,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.needs import Build, Release
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, branch_of, minor_of, number
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

_FORMS = {
    "driver": (r"[0-9]+(\.[0-9]+){0,2}|" + PRESENT, "a branch such as 580, a version, or present"),
    "flavour": (f"{AUTO}|{OPEN}|{PROPRIETARY}", "auto, open or proprietary"),
    "cuda": (r"[0-9]+\.[0-9]+(\.[0-9]+)?|" + AUTO, "a release such as 12.4 or 12.4.1, or auto"),
    "wheel": (f"{AUTO}|{CPU}|cu[0-9]+|cuda[0-9]+", "a tag such as cu126, cuda13, cpu or auto"),
    "python": (r"[0-9]+\.[0-9]+(\.[0-9]+)?", "a version such as 3.11"),
}
_ENDED = "ended"
_SUPPORTED_TYPES = ("lts", "production")


def check(all_desired: DesiredStack) -> None:
    """Raises InvalidArguments for desired states that nothing could mean."""
    for name, (form, said) in _FORMS.items():
        value = getattr(all_desired, name)
        if value and not re.fullmatch(form, value):
            raise InvalidArguments(
                "desired_form",
                wanted=f"{name} {value}",
                found=f"{name} is {said}",
                to_fix=f"correct {name} in the desired states",
            )
    for name in FRAMEWORKS:
        if getattr(all_desired, name):
            DesiredVersion(name, getattr(all_desired, name))


def ended(row: Row | None, today: str) -> bool:
    """Whether a branch is past its support on a day (C(2026-11-23)); the month of its end still counts."""
    if row is None or not row["end"]:
        return False
    return row["end"] == _ENDED or bool(today and row["end"] < today[:7])


def drivers(facts: HostFacts, all_desired: DesiredStack, catalogue: Catalogue, relaxed: bool) -> list[Driver]:
    """A driver that is there comes first, then the branches by the length of their support."""
    present = _present(facts, catalogue)
    desired = "" if relaxed else all_desired.driver
    if desired == PRESENT:
        return [present] if present else []
    if "." in desired:
        kept = present is not None and number(present.version) == number(desired)
        return [Driver(branch_of(desired), desired, kept, catalogue.branch(branch_of(desired)))]
    if desired:
        same = [present] if present is not None and present.branch == desired else []
        return [*same, Driver(desired, "", False, catalogue.branch(desired))]
    if facts.foreign:
        return [present] if present else []
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


def releases(all_desired: DesiredStack, catalogue: Catalogue, relaxed: bool) -> list[Release]:
    """Toolkits that a desired state can mean, the newest first. One that is newer than the tables stands for itself."""
    rows = catalogue.cuda_rows()
    everything = [Release(row["version"], row, row) for row in rows]
    desired = all_desired.cuda
    if desired == AUTO:
        return everything
    if relaxed:
        return sorted(everything, key=lambda release: _distance(release.version, desired, rows))
    parts = len(desired.split("."))
    found = [release for release in everything if number(release.version)[:parts] == number(desired)[:parts]]
    newest_of_minor = next((row for row in rows if minor_of(row["version"]) == minor_of(desired)), None)
    if not found and newest_of_minor is not None and number(desired) > number(newest_of_minor["version"]):
        return [Release(desired, None, newest_of_minor)]
    if not found and number(desired) > number(rows[0]["version"]):
        return [Release(desired, None, rows[0])]
    return found


def _has_tag(tag: str, desired: str) -> bool:
    """Whether a build is the desired one. JAX names builds by the major version of CUDA (C(cuda13)), PyTorch by both
    numbers (C(cu132)): the one stands for all of the other's."""
    if desired.startswith("cuda"):
        return tag == desired or tag.startswith(f"cu{desired[4:]}")
    return tag == desired or tag == f"cuda{desired[2:4]}"


def builds(
    name: str, all_desired: DesiredStack, catalogue: Catalogue, relaxed: bool, any_wheel: bool, without_gpu: bool
) -> list[Build]:
    """Builds of a framework, the newest release first, its stable builds before its experimental ones, and of those the
    newest CUDA. On a host without a GPU they are the builds for CPUs, unless a tag is asked for."""
    rows = catalogue.frameworks(name)
    text = getattr(all_desired, name)
    desired = DesiredVersion(name, text)
    if relaxed:
        nearest = desired.floor or rows[0]["newest"]
        ordered = sorted(rows, key=lambda row: _distance(row["version"], nearest, rows))
        found = [Build(name, row["newest"], row) for row in ordered]
    else:
        pairs = [(desired.newest_in(row), row) for row in rows]
        found = [Build(name, version, row) for version, row in pairs if version]
        newest = rows[0]["version"]
        if not found and desired.floor and number(desired.floor) > number(rows[0]["newest"]):
            found = [Build(name, desired.floor, row, False) for row in rows if row["version"] == newest]
    order = {version: place for place, version in enumerate(dict.fromkeys(build.version for build in found))}
    tag = AUTO if any_wheel or (name == "tensorflow" and all_desired.wheel != CPU) else all_desired.wheel
    if tag == CPU or (tag == AUTO and without_gpu):
        found = [
            Build(b.name, b.version, Row({**b.row, "tag": CPU, "cuda": "", "channel": "stable"}), b.known)
            for b in {build.version: build for build in found}.values()
        ]
    elif tag != AUTO:
        found = [build for build in found if _has_tag(build.tag, tag)]
    return sorted(found, key=lambda b: (order[b.version], b.row["channel"] != "stable", _descending(b.row["cuda"])))


def pythons(facts: HostFacts, all_desired: DesiredStack, frameworks: t.Sequence[Build], relaxed: bool) -> list[str]:
    """The host's own first, in the order in which it names them; then those that can be had, the newest first."""
    if all_desired.python and not relaxed:
        return [minor_of(all_desired.python)]
    own = [minor_of(version) for version in facts.pythons]
    if own and not facts.managed_pythons:
        return own
    last = max((number(build.row["python_to"])[1] for build in frameworks), default=14)
    return [*own, *(f"3.{minor}" for minor in range(last, 6, -1))]


def _descending(version: str) -> tuple[int, ...]:
    return tuple(-part for part in number(version))


def _distance(version: str, desired: str, rows: t.Sequence[Row]) -> tuple[int, tuple[int, ...]]:
    """How many minor versions of the table lie between; of two as near the newer one."""
    minors = sorted({number(row["version"])[:2] for row in rows})
    mine, other = number(version)[:2], number(desired)[:2]
    between = [minor for minor in minors if min(mine, other) < minor <= max(mine, other)]
    return len(between), _descending(version)
