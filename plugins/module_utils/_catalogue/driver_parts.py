# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package is to a driver, by its whole name and the table of the repositories."""

from __future__ import annotations

import functools
import itertools
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table_driver_parts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row

NVIDIA_APT, NVIDIA_DEBIAN, NVIDIA_DNF = "nvidia-apt", "nvidia-debian", "nvidia-dnf"
UBUNTU, DEBIAN, FUSION = "ubuntu", "debian", "rpmfusion"
_VERSION = r"\d{3}\.\d+(?:\.\d+)?"
_FORM = re.compile(
    rf"^(?P<stem>\D.*?)(?:-(?P<branch>\d{{3}}))?(?P<server>-server)?(?P<open>-open)?(?:-(?P<version>{_VERSION}))?\Z"
)
_OF_KERNELS = (
    re.compile(r"^linux-modules-nvidia-(?P<branch>\d{3})(?P<server>-server)?(?P<open>-open)?-(?P<kernel>.+)\Z"),
    re.compile(r"^linux-objects-nvidia-(?P<branch>\d{3})(?P<server>-server)?-(?P<kernel>.+)\Z"),
    re.compile(r"^linux-signatures-nvidia-(?P<kernel>.+)\Z"),
    re.compile(rf"^kmod-nvidia-(?P<version>{_VERSION})-(?P<kernel>\d.+)\Z"),
    re.compile(r"^kmod-nvidia-(?P<kernel>\d.+)\Z"),
)


@dataclass(frozen=True)
class Entry:
    """One name in one repository; the columns are those of the table."""

    repository: str
    piece: str
    first: int
    last: int
    version: str
    only: str
    name: str

    def holds(self, branch: str) -> bool:
        """Whether the name is one of a branch. Without a branch, where there is one driver for a release, all are."""
        return not branch or self.first <= int(branch) <= self.last


@dataclass(frozen=True)
class Name:
    """The name of a package, read: the entries that it can be, and what stands in it."""

    entries: tuple[Entry, ...]
    branch: str = ""
    server: bool = False
    opened: bool = False
    version: str = ""

    def of(self, repository: str) -> tuple[Entry, ...]:
        """Its entries in one repository."""
        return tuple(entry for entry in self.entries if entry.repository in (repository, "any"))


@functools.cache
def read(package: str) -> Name | None:
    """What the table knows of a name; None for a package that is no part of any driver and need not fit one."""
    known = _by_form()
    if package in known:
        return Name(known[package])
    for form in (_FORM, *_OF_KERNELS):
        match = form.match(package)
        if match is None:
            continue
        found = match.groupdict()
        for key in _keys(found, package):
            entries = tuple(entry for entry in known.get(key, ()) if _allowed(entry, found, key))
            if entries:
                return Name(
                    entries,
                    branch=found.get("branch") or "",
                    server=bool(found.get("server")),
                    opened=bool(found.get("open")) and not key.startswith(f"{found.get('stem')}-open"),
                    version=found.get("version") or "",
                )
    return None


def entries() -> tuple[Entry, ...]:
    """The whole table."""
    return tuple(entry for found in _by_form().values() for entry in found)


def rows() -> list[Row]:
    """The table, a row for each name."""
    found: list[Row] = []
    columns: list[str] = []
    head: list[str] = []
    for line in table_driver_parts.TABLE.strip().splitlines():
        if not line.startswith(" "):
            head = [cell.strip() for cell in line.split("|")]
            columns = columns or head
            if len(head) != len(columns):
                raise ValueError(f"{len(head)} columns instead of {len(columns)}: {line}")
            continue
        found += [Row(zip([*columns, "name"], [*head, name])) for name in line.split()]
    return found


def of_source(made_from: str) -> tuple[str, bool] | None:
    """Branch and server of a source package that builds nothing but parts of a driver; None for any other."""
    for row in _source_forms():
        match = row.match(made_from)
        if match:
            found = match.groupdict()
            return found.get("branch") or "", bool(found.get("server"))
    return None


def globs(repositories: t.Collection[str]) -> tuple[str, ...]:
    """The names of drivers' parts in the wild cards of a shell, as apt's preferences take them."""
    return _written(repositories, {"branch": "[0-9][0-9][0-9]", "version": "[0-9]*", "kernel": "*"})


def expressions(repositories: t.Collection[str]) -> tuple[str, ...]:
    """The same as regular expressions for whole names."""
    found = _written(repositories, {"branch": "[0-9]{3}", "version": "[0-9.]+", "kernel": ".+"})
    return tuple(f"{text}$" for text in found)


def _written(repositories: t.Collection[str], form: t.Mapping[str, str]) -> tuple[str, ...]:
    """The names of these repositories, whole but for what stands in them: an open end would take others along."""
    found = set()
    for entry in entries():
        if entry.repository in repositories and entry.version != "own":
            for server, opened in itertools.product(("", "-server"), ("", "-open")):
                found.add(entry.name.format(**form, server=server, open=opened))
    return tuple(sorted(found))


@functools.cache
def _by_form() -> dict[str, tuple[Entry, ...]]:
    """The entries by their names without what may be left out: C(nvidia-driver-{branch})."""
    known: dict[str, tuple[Entry, ...]] = {}
    for row in rows():
        entry = Entry(
            row["repository"],
            row["piece"],
            int(row["from"] or 0),
            int(row["until"] or 9999),
            row["version"],
            row["only"],
            row["name"],
        )
        key = entry.name.replace("{server}", "").replace("{open}", "")
        known[key] = (*known.get(key, ()), entry)
    return known


@functools.cache
def _source_forms() -> tuple[re.Pattern[str], ...]:
    lines = table_driver_parts.SOURCES.strip().splitlines()[1:]
    names = [re.escape(line.split("|")[1].strip()) for line in lines]
    fields = {r"\{branch\}": r"(?P<branch>\d{3})", r"\{server\}": "(?P<server>-server)?"}
    for escaped, field in fields.items():
        names = [name.replace(escaped, field) for name in names]
    return tuple(re.compile(rf"^{name}\Z") for name in names)


def _keys(found: t.Mapping[str, str | None], package: str) -> t.Iterator[str]:
    """Under which names of the table a package can stand. C(-open) belongs to some of them for good."""
    tail = "".join(f"-{{{field}}}" for field in ("branch", "version", "kernel") if found.get(field))
    stem = found.get("stem")
    if stem is None:
        stem = re.match(r"[a-z-]+?nvidia", package)[0]  # type: ignore[index]
    yield f"{stem}{tail}"
    if found.get("open"):
        yield f"{stem}-open{tail}"


def _allowed(entry: Entry, found: t.Mapping[str, str | None], key: str) -> bool:
    """Whether an entry's name has room for all that the package's name has."""
    whole = not key.startswith(f"{found.get('stem')}-open")
    server = not found.get("server") or "{server}" in entry.name
    return server and (not found.get("open") or not whole or "{open}" in entry.name)
