# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Installed distributions by their own metadata: what each requires, who installed it and from where.

Source: the core metadata, recording installed projects and direct URL specifications of packaging.python.org. Slower
than the names alone (a file or five per distribution), so only a changed or doubted environment is read like this.
"""

from __future__ import annotations

import functools
import json
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirements, site_packages


class Distribution(t.NamedTuple):
    """One installed distribution."""

    name: str  # normalised
    written_name: str
    version: str
    requires: tuple[str, ...]  # Requires-Dist as written
    requires_python: str | None
    extras: tuple[str, ...]  # normalised, that it provides
    installer: str | None
    requested: bool  # named by a wish, not only pulled in; uv and pip note it
    direct_url: dict[str, t.Any] | None
    folder: str  # its metadata, absolute
    licence: str = ""  # an SPDX expression, or what its author wrote instead


class Broken(t.NamedTuple):
    """A metadata folder that does not describe a whole distribution."""

    folder: str
    reason: str


class Inventory(t.NamedTuple):
    """All of an environment: what is whole, what is broken, and the names that told both."""

    distributions: tuple[Distribution, ...]
    broken: tuple[Broken, ...]
    names: site_packages.Names


class BadMetadata(ValueError):
    """The metadata lacks what it must have."""


@functools.lru_cache(maxsize=16384)
def dependency(text: str) -> requirements.Requirement:
    """A Requires-Dist, read once for all who look at it. Raises InvalidRequirement."""
    return requirements.parse(text, requirements.Source("METADATA", 0))


def inventory(*directories: str) -> Inventory:
    """Read every distribution of the folders, broken ones named with the reason."""
    listed = site_packages.scan(*directories)
    whole: list[Distribution] = []
    broken = [Broken(folder, "its name is not NAME-VERSION") for folder in listed.unreadable]
    for folder in listed.folders.values():
        try:
            whole.append(read(folder))
        except (BadMetadata, OSError) as error:
            broken.append(Broken(os.path.basename(folder), str(error)))
    for name, found in listed.duplicates.items():
        broken.append(Broken(os.path.basename(listed.folders[name]), f"{name} is here as {' and as '.join(found)}"))
    return Inventory(tuple(sorted(whole, key=lambda item: item.name)), tuple(sorted(broken)), listed)


def read(folder: str) -> Distribution:
    """Read one .dist-info or .egg-info; raises BadMetadata for a half-written one."""
    if not os.path.isdir(folder):
        metadata = _text(folder)  # distutils once wrote the metadata as a single file
    else:
        metadata = _text(os.path.join(folder, "METADATA"))
        if metadata is None:
            metadata = _text(os.path.join(folder, "PKG-INFO"))
    if metadata is None:
        raise BadMetadata("it has no METADATA")
    fields = parse_metadata(metadata)
    name, version = _single(fields, "name"), _single(fields, "version")
    if not name or not version:
        raise BadMetadata("its METADATA names no package or no version")
    if not names.is_valid(name):
        raise BadMetadata(f"its METADATA has the name {name!r}")
    parts = names.metadata_folder_parts(os.path.basename(folder))
    if parts and names.normalize(parts[0]) != names.normalize(name):
        raise BadMetadata(f"its METADATA is that of {name}")
    return Distribution(
        name=names.normalize(name),
        written_name=name,
        version=version,
        requires=tuple(fields.get("requires-dist", ())),
        requires_python=_single(fields, "requires-python"),
        extras=tuple(sorted(names.normalize(extra) for extra in fields.get("provides-extra", ()))),
        installer=(_text(os.path.join(folder, "INSTALLER")) or "").strip() or None,
        requested=os.path.exists(os.path.join(folder, "REQUESTED")),
        direct_url=_direct_url(folder),
        folder=folder,
        licence=_licence(fields),
    )


def _licence(fields: dict[str, list[str]]) -> str:
    expression = _single(fields, "license-expression")
    if expression:
        return expression
    classified = [
        item.rpartition("::")[2].strip() for item in fields.get("classifier", ()) if item.startswith("License ")
    ]
    classified = [item for item in classified if item != "OSI Approved"]
    # The field may hold the whole text of a licence.
    written = (_single(fields, "license") or "").strip()
    return written if 0 < len(written) <= 60 and written.upper() != "UNKNOWN" else " OR ".join(classified)


def parse_metadata(text: str) -> dict[str, list[str]]:
    """The headers of core metadata, in lower case, each with its values in order; the description is left out."""
    fields: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            break  # the description follows
        if line[0] in " \t":  # a folded line, which a licence text may well have as blanks alone
            if current:
                current[-1] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        current = fields.setdefault(name.strip().lower(), []) if colon else None
        if current is not None:
            current.append(value.strip())
    return fields


def _single(fields: dict[str, list[str]], name: str) -> str | None:
    values = fields.get(name)
    return values[0] if values and values[0] else None


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _direct_url(folder: str) -> dict[str, t.Any] | None:
    text = _text(os.path.join(folder, "direct_url.json"))
    if text is None:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        raise BadMetadata("its direct_url.json is not JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("url"), str):
        raise BadMetadata("its direct_url.json has no url")
    return content
