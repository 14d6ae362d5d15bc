# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes of Python packages as JSON (PEP 691), one document for each project, and PyTorch's own with its builds.

What is read are names of files: which releases there are, for which Pythons, for which glibc. The address of the index
is what pip has in its settings, or its default.
"""

from __future__ import annotations

import re
import subprocess
import sys
import typing as t
from dataclasses import dataclass

from catalogue_feeds.reading import Document, Reading, Refused, from_web

JSON = "application/vnd.pypi.simple.v1+json"
# Where PyTorch keeps its builds, one folder for each; no registry, and pip has no setting for it.
TORCH_BUILDS = "https://download.pytorch.org/whl"
PROJECTS = ("torch", "tensorflow", "jax", "jax-cuda12-plugin", "jax-cuda13-plugin")
_WHEEL = re.compile(
    r"(?P<name>[A-Za-z0-9_.]+)-(?P<release>[0-9]+\.[0-9]+\.[0-9]+)(?:(?:\+|%2B)(?P<tag>[a-z0-9.]+))?"
    r"-(?P<python>[a-z0-9.]+)-(?P<abi>[a-z0-9.]+)-(?P<platform>[a-z0-9_.]+)\.whl"
)
_GLIBC = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
_ANY_GLIBC = re.compile(r"manylinux_([0-9]+)_([0-9]+)_x86_64|(manylinux1|manylinux2010|manylinux2014)_x86_64")
_DEFAULT = re.compile(r"default\s+(https://[^\s)]+)")
Rows = t.Sequence[t.Mapping[str, str]]
Number = tuple[int, ...]


@dataclass(frozen=True)
class Wheel:
    """A wheel by its name. ``python`` is the minor version of Python 3, 0 for any."""

    release: Number
    tag: str
    python: int
    platform: str


def read(documents: t.Sequence[Document], tables: t.Mapping[str, Rows]) -> Reading:
    """Newest releases, Pythons and glibc of the frameworks that the index has."""
    wheels = dict(_project(document) for document in documents)
    reading = Reading(whole={"glibc"})
    for framework in ("torch", "tensorflow"):
        if framework in wheels:
            _framework(framework, wheels[framework], tables, reading)
            reading.complete.add(f"{framework}-index")
    for tag in ("cuda13", "cuda12"):  # the newer one stands first, and is taken first
        plugin = wheels.get(f"jax-{tag}-plugin")
        if plugin is not None:
            _jax(tag, plugin, wheels.get("jax"), tables, reading)
    if all(name in wheels for name in PROJECTS if name.startswith("jax")):
        reading.complete.add("jax-index")
    # Not of torch: its builds come from its own index, and its names of wheels promised an older glibc than they took.
    for name in ("tensorflow", "jax-cuda12-plugin"):
        if name in wheels:
            _glibc(name.partition("-")[0], wheels[name], tables, reading)
    return reading


def read_builds(documents: t.Sequence[Document], tables: t.Mapping[str, Rows]) -> Reading:
    """PyTorch's own index, one listing for each build (https://.../cu126/torch/), as JSON or as a page."""
    reading = Reading()
    channels = {(row["version"], row["tag"]): row["channel"] for row in tables["frameworks"]}
    wheels = [wheel for document in documents for wheel in _wheels(document.text, "torch") if wheel.tag]
    if not wheels:
        raise Refused("there is no build of torch in this")
    for (minor, tag), found in sorted(_by_minor(wheels).items()):
        cuda = re.fullmatch(r"cu([0-9]{2})([0-9])", tag)
        if cuda is None:
            continue
        newest, first, last = _newest(found)
        name = _dotted(minor)
        if number(name) < number(_oldest(tables, "torch")):
            continue
        cells = {"newest": newest, "python_from": first, "python_to": last}
        if (name, tag) not in channels:
            before = [row["channel"] for row in tables["frameworks"] if row["tag"] == tag]
            channel = before[0] if before else "experimental"
            reading.notes.append(f"torch {name} {tag} is new and taken for {channel}: look it up in RELEASE.md")
            cells.update(cuda=f"{cuda[1]}.{cuda[2]}", extra="", channel=channel, status="derived")
        reading.add("frameworks", framework="torch", version=name, tag=tag, **cells)
    return reading


def address() -> str:
    """The index that pip would ask."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not told:
        helped = subprocess.run([sys.executable, "-m", "pip", "download", "--help"], capture_output=True, check=False)
        default = _DEFAULT.search(" ".join(helped.stdout.decode("utf-8", "replace").split()))
        told = default.group(1) if default is not None else ""
    if not told:
        raise Refused("pip tells no index: set PIP_INDEX_URL, or bring files")
    return told.rstrip("/")


def fetch() -> list[Document]:
    base = address()
    return [from_web(f"{base}/{name}/", JSON) for name in PROJECTS]


def wheels_of(name: str) -> list[str]:
    """Addresses of one wheel of the newest release of each minor version for each machine."""
    page = from_web(f"{address()}/{name}/", JSON)
    _project(page)
    found: dict[tuple[Number, str], tuple[Number, str]] = {}
    for file in page.mapping()["files"]:
        match = _WHEEL.fullmatch(file["filename"])
        machine = re.search(r"linux.*_(x86_64|aarch64)", match["platform"]) if match is not None else None
        if match is None or machine is None or file.get("yanked") or not isinstance(file.get("url"), str):
            continue
        release = number(match["release"])
        key = (release[:2], machine[1])
        found[key] = max(found.get(key, (release, file["url"])), (release, file["url"]))
    return [url for _release, url in found.values()]


def _project(document: Document) -> tuple[str, list[Wheel]]:
    told = document.mapping()
    name, files = told.get("name"), told.get("files")
    if name not in PROJECTS or not isinstance(files, list):
        raise Refused(f"{document.origin} is no project of an index that we read")
    names = []
    for file in files:
        if not isinstance(file, dict) or not isinstance(file.get("filename"), str):
            raise Refused(f"{document.origin} has a file without a name")
        if not file.get("yanked"):
            names.append(file["filename"])
    found = list(_wheels("\n".join(names), str(name).replace("-", "_")))
    if not found:
        raise Refused(f"{document.origin} has no wheels for Linux")
    return str(name), found


def _wheels(text: str, name: str) -> t.Iterator[Wheel]:
    for match in _WHEEL.finditer(text):
        linux = "linux" in match["platform"] or match["platform"] == "any"
        python = re.fullmatch(r"cp3([0-9]+)|py[23.py]*", match["python"])
        if match["name"] == name and linux and python is not None and not match["abi"].endswith("t"):
            release = number(match["release"])
            yield Wheel(release, match["tag"] or "", int(python[1] or 0), match["platform"])


def _framework(name: str, wheels: list[Wheel], tables: t.Mapping[str, Rows], reading: Reading) -> None:
    """The newest release and the Pythons of each minor version that the table has builds of."""
    rows = [row for row in tables["frameworks"] if row["framework"] == name]
    listed = [wheel for wheel in wheels if "x86_64" in wheel.platform and not wheel.tag]
    by_minor = {_dotted(minor): found for (minor, _tag), found in _by_minor(listed).items()}
    for row in rows:
        found = by_minor.get(row["version"])
        if found is None:
            reading.notes.append(f"{name} {row['version']} has no wheel on the index any more")
            continue
        newest, first, last = _newest(found)
        _no_older(row, newest)
        cells = {"newest": newest, "python_from": first, "python_to": last}
        reading.add(
            "frameworks", framework=name, version=row["version"], tag=row["tag"], **cells, source=f"{name}-index"
        )
    newer = [minor for minor in by_minor if rows and number(minor) > max(number(row["version"]) for row in rows)]
    what = "listings of its builds (torch-builds)" if name == "torch" else "a wheel of it (tensorflow-wheels)"
    reading.notes += [f"{name} {minor} is new: its CUDA is told by {what}" for minor in sorted(newer, key=number)]


def _jax(
    tag: str, plugin: list[Wheel], jax: list[Wheel] | None, tables: t.Mapping[str, Rows], reading: Reading
) -> None:
    """Releases of JAX that a plugin for this CUDA goes with: it has the same number."""
    rows = {row["version"]: row for row in tables["frameworks"] if (row["framework"], row["tag"]) == ("jax", tag)}
    released = {wheel.release for wheel in jax} if jax is not None else None
    both = [wheel for wheel in plugin if "x86_64" in wheel.platform and (released is None or wheel.release in released)]
    newest_row = max(rows.values(), key=lambda row: number(row["version"]), default=None)
    for (minor, _tag), found in sorted(_by_minor(both).items()):
        name = _dotted(minor)
        if newest_row is None or (name not in rows and minor < number(newest_row["version"])):
            continue
        newest, first, last = _newest(found)
        row = rows.get(name, newest_row)
        cells = {"newest": newest, "python_from": first, "python_to": last}
        if name in rows:
            _no_older(row, newest)
        else:
            cells.update({column: row[column] for column in ("cuda", "extra", "channel")}, status="derived")
            reading.notes.append(f"jax {name} {tag} is new and taken for a build with CUDA {row['cuda']}, as before")
        reading.add("frameworks", framework="jax", version=name, tag=tag, **cells, source="jax-index")


def _glibc(framework: str, wheels: list[Wheel], tables: t.Mapping[str, Rows], reading: Reading) -> None:
    """From which release on which glibc is the oldest with a wheel."""
    oldest = _oldest(tables, framework)
    before, source = "", f"{framework}-index"
    for minor, least in sorted(_oldest_glibc(wheels).items()):
        if minor < number(oldest):
            continue
        if least != before:
            reading.add("glibc", framework=framework, release_from=_dotted(minor), glibc=least, source=source)
        before = least


def _oldest_glibc(wheels: t.Sequence[Wheel]) -> dict[Number, str]:
    """By minor version, of its newest release: that is the one that is taken."""
    newest: dict[Number, Number] = {}
    for wheel in wheels:
        newest[wheel.release[:2]] = max(wheel.release, newest.get(wheel.release[:2], wheel.release))
    found: dict[Number, set[str]] = {}
    for wheel in (wheel for wheel in wheels if newest[wheel.release[:2]] == wheel.release):
        for match in _ANY_GLIBC.finditer(wheel.platform):
            glibc = f"{match[1]}.{match[2]}" if match[1] else _GLIBC[match[3]]
            found.setdefault(wheel.release[:2], set()).add(glibc)
    return {minor: min(told, key=number) for minor, told in found.items()}


def _by_minor(wheels: t.Iterable[Wheel]) -> dict[tuple[Number, str], list[Wheel]]:
    found: dict[tuple[Number, str], list[Wheel]] = {}
    for wheel in wheels:
        found.setdefault((wheel.release[:2], wheel.tag), []).append(wheel)
    return found


def _newest(wheels: t.Sequence[Wheel]) -> tuple[str, str, str]:
    """The newest release among them with its first and its last Python."""
    newest = max(wheel.release for wheel in wheels)
    pythons = sorted({wheel.python for wheel in wheels if wheel.release == newest and wheel.python})
    if not pythons:
        raise Refused(f"release {_dotted(newest)} has wheels for no Python")
    return _dotted(newest), f"3.{pythons[0]}", f"3.{pythons[-1]}"


def _no_older(row: t.Mapping[str, str], newest: str) -> None:
    if number(newest) < number(row["newest"]):
        raise Refused(f"{row['framework']} {row['newest']} is in the table, and the index ends with {newest}")


def _oldest(tables: t.Mapping[str, Rows], framework: str) -> str:
    return min((row["version"] for row in tables["frameworks"] if row["framework"] == framework), key=number)


def number(text: str) -> Number:
    return tuple(int(part) for part in text.split("."))


def _dotted(parts: Number) -> str:
    return ".".join(map(str, parts))
