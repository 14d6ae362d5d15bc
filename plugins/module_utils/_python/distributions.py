# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed distributions by their own metadata: what each requires, who installed it and from where.

Source: the core metadata, recording installed projects and direct URL specifications of packaging.python.org. Slower
than the names alone (a file or five per distribution), so only a changed or doubted environment is read like this.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirements, site_packages

MOST_METADATA = 8 << 20  # bytes; the longest descriptions that packages have are below one MB
_MOST_NOTE = 64 << 10
_MOST_VERSION = 200
_MOST_REQUIRES, _LONGEST_REQUIRES = 5000, 2000


class Distribution(t.NamedTuple):
    """One installed distribution."""

    name: str  # normalised
    written_name: str
    version: str
    requires: tuple[str, ...]  # Requires-Dist as written
    requires_python: str | None
    extras: tuple[str, ...]  # normalised, that it provides
    installer: str | None
    requested: bool  # named by a desired state, not only pulled in; uv and pip note it
    direct_url: dict[str, t.Any] | None
    folder: str  # its metadata, absolute
    licence: str = ""  # an SPDX expression, or what its author wrote instead


class Broken(t.NamedTuple):
    """A metadata folder that does not describe a whole distribution.

    ``name`` and ``version`` are those of the folder where the metadata may not be read: the distribution is there.
    """

    folder: str
    reason: str
    name: str = ""
    version: str = ""


class Inventory(t.NamedTuple):
    """All of an environment: what is whole, what is broken, and the names that told both.

    ``others`` are on the disk as well: hidden behind one of the same name, or with something wrong, told in ``broken``.
    """

    distributions: tuple[Distribution, ...]
    broken: tuple[Broken, ...]
    names: site_packages.Names
    others: tuple[Distribution, ...] = ()


class BadMetadata(ValueError):
    """The metadata lacks what it must have."""


@functools.lru_cache(maxsize=16384)
def dependency(text: str) -> requirements.Requirement:
    """A Requires-Dist, read once for all who look at it. Raises InvalidRequirement."""
    try:
        return requirements.parse(text, requirements.Source("METADATA", 0))
    except RecursionError:
        raise requirements.InvalidRequirement("it has too many brackets") from None


def inventory(*directories: str) -> Inventory:
    """Read every distribution of the folders, broken ones named with the reason; a missing folder is empty."""
    with contextlib.ExitStack() as opened:
        places = []
        for directory in dict.fromkeys(os.path.realpath(item) for item in directories):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                places.append(opened.enter_context(Folder.at(directory)))
        return look(places)


def look(places: t.Iterable[Folder]) -> Inventory:
    """The same of folders that are open."""
    by_path = {place.path: place for place in places}
    broken: list[Broken] = []
    listed = site_packages.of([(path, _names(place, broken)) for path, place in by_path.items()])
    whole: list[Distribution] = []
    others: list[Distribution] = []

    def take(folder: str, good: list[Distribution]) -> bool:
        path, entry = os.path.split(folder)
        try:
            item, problems = read(by_path[path], entry)
        except BadMetadata as error:
            broken.append(Broken(entry, str(error)))
        except OSError as error:
            broken.append(Broken(entry, reason_of(error), *(names.metadata_folder_parts(entry) or ("", ""))))
        else:
            (others if problems else good).append(item)
            broken.extend(Broken(entry, problem) for problem in problems)
            return True
        return False

    for folder in listed.folders.values():
        take(folder, whole)
    for folder in listed.others:
        take(folder, others)
    for entry in listed.unreadable:
        _take_nameless(entry, by_path.values(), take, others, broken)
    for name, found in listed.duplicates.items():
        broken.append(Broken(os.path.basename(listed.folders[name]), f"{name} is here as {' and as '.join(found)}"))
    whole.sort(key=lambda item: item.name)
    return Inventory(tuple(whole), tuple(sorted(broken)), listed, tuple(others))


def _take_nameless(
    entry: str,
    places: t.Iterable[Folder],
    take: t.Callable[[str, list[Distribution]], bool],
    others: list[Distribution],
    broken: list[Broken],
) -> None:
    """A metadata folder whose name tells no version: sources in development have such ones, too."""
    for place in places:
        if place.what(entry):
            known = len(broken)
            taken = take(os.path.join(place.path, entry), others)
            del broken[known:]
            if not taken or not entry.endswith(".egg-info"):
                broken.append(Broken(entry, "its name is not NAME-VERSION"))


def read(place: Folder, entry: str) -> tuple[Distribution, list[str]]:
    """Read one .dist-info or .egg-info of a folder, and what is wrong with it all the same.

    Raises BadMetadata for a half-written one, OSError for one that may not be read.
    """
    if place.what(entry) == "a file":  # distutils once wrote the metadata as a single file
        return described(place.text(entry, MOST_METADATA), os.path.join(place.path, entry))
    with place.folder(entry) as folder:
        metadata = _text(folder, "METADATA", MOST_METADATA)
        if metadata is None:
            metadata = _text(folder, "PKG-INFO", MOST_METADATA)
        if metadata is None:
            raise BadMetadata("it has no METADATA")
        item, problems = described(metadata, folder.path)
        installer = direct_url = None
        try:
            installer = (_text(folder, "INSTALLER", _MOST_NOTE) or "").strip() or None
            direct_url = _direct_url(folder)
        except (BadMetadata, OSError) as error:
            problems.append(reason_of(error))
        requested = bool(folder.what("REQUESTED"))
    return item._replace(installer=installer, requested=requested, direct_url=direct_url), problems


def described(metadata: str, folder: str) -> tuple[Distribution, list[str]]:
    """What core metadata say, and what is odd about them in this folder. Raises BadMetadata."""
    fields = parse_metadata(metadata)
    name, version = _single(fields, "name"), _single(fields, "version")
    if not name or not version or len(version) > _MOST_VERSION or not version.isprintable():
        raise BadMetadata("its METADATA names no package or no version")
    if not names.is_valid(name):
        raise BadMetadata(f"its METADATA has the name {name[:60]!r}")
    parts = names.metadata_folder_parts(os.path.basename(folder))
    other = parts and names.normalize(parts[0]) != names.normalize(name)
    written = fields.get("requires-dist", [])
    requires = tuple(text for text in written[:_MOST_REQUIRES] if len(text) <= _LONGEST_REQUIRES)
    problems = [f"its METADATA is that of {name}"] if other else []
    problems += [f"{len(written) - len(requires)} dependencies of it are too many or too long"] * (
        len(requires) < len(written)
    )
    item = Distribution(
        name=names.normalize(name),
        written_name=name,
        version=version,
        requires=requires,
        requires_python=_single(fields, "requires-python"),
        extras=tuple(sorted(names.normalize(extra) for extra in fields.get("provides-extra", ()))),
        installer=None,
        requested=False,
        direct_url=None,
        folder=folder,
        licence=_licence(fields),
    )
    return item, problems


def reason_of(error: Exception) -> str:
    """Why something was not read, as a clause."""
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)


def _names(place: Folder, broken: list[Broken]) -> list[str]:
    try:
        return place.names()
    except OSError as error:
        broken.append(Broken(place.path, reason_of(error)))
        return []


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
    fields: dict[str, list[list[str]]] = {}
    current: list[str] | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            break  # the description follows
        if line[0] in " \t":  # a folded line, which a licence text may well have as blanks alone
            if current:
                current.append(line.strip())
            continue
        name, colon, value = line.partition(":")
        current = [value.strip()] if colon else None
        if current is not None:
            fields.setdefault(name.strip().lower(), []).append(current)
    return {name: [" ".join(parts) for parts in values] for name, values in fields.items()}


def _single(fields: dict[str, list[str]], name: str) -> str | None:
    values = fields.get(name)
    return values[0] if values and values[0] else None


def _text(folder: Folder, name: str, limit: int) -> str | None:
    try:
        return folder.text(name, limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _direct_url(folder: Folder) -> dict[str, t.Any] | None:
    text = _text(folder, "direct_url.json", _MOST_NOTE)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMetadata("its direct_url.json is not JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("url"), str):
        raise BadMetadata("its direct_url.json has no url")
    return content
