# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prefix's C(conda-meta) tells: quickly by the names in it, and wholly by the records themselves.

Source: CEP 34 and conda's documentation of the contents of conda-meta; what conda, mamba and rattler write.
"""

from __future__ import annotations

import json
import posixpath
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder

FOLDER = "conda-meta"
# numpy's record has 0.6 MB, ncurses' 1 MB; nothing honest comes near this.
_MOST_BYTES = 32 << 20
_MINOR = re.compile(r"(\d+\.\d+)")


class Names(t.NamedTuple):
    """A prefix by the names of its records, without opening one.

    ``stems`` are NAME-VERSION-BUILD, sorted. ``duplicates`` are names that two records have: a killed installation left
    the old one. ``unreadable`` are names that no record has.
    """

    stems: tuple[str, ...]
    duplicates: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def packages(self) -> dict[str, str]:
        """Name to version and build, divided by a blank; of duplicates the one that sorts last."""
        return dict(_divided(stem) for stem in self.stems)


class Entry(t.NamedTuple):
    """A file of a package as it lies in the prefix.

    ``sha256`` and ``size`` (bytes) are of the installed file, empty and None where they cannot be known.
    """

    path: str  # relative to the prefix
    kind: str  # file, link or folder
    sha256: str = ""
    size: int | None = None


@dataclass(frozen=True)
class Installed:
    """One package of a prefix by its whole record."""

    package: Package
    file: str  # the record's own name
    requested: tuple[str, ...]  # match specifications that asked for it, where the engine wrote them down
    source: str  # the unpacked package in the cache, as of its installation
    entries: tuple[Entry, ...]


class Broken(t.NamedTuple):
    """A record that does not describe a package."""

    file: str
    reason: str


class Inventory(t.NamedTuple):
    """All records of a prefix, by name of the package."""

    installed: tuple[Installed, ...]
    broken: tuple[Broken, ...]

    @property
    def packages(self) -> tuple[Package, ...]:
        return tuple(item.package for item in self.installed)

    def find(self, name: str) -> Package | None:
        return next((item.package for item in self.installed if item.package.name == name), None)


class BadRecord(ValueError):
    """A record that is no record; says why."""


def is_prefix(path: str) -> bool:
    """Whether an environment of conda lies there: every engine makes this folder, and the history in it."""
    try:
        with Folder.at(path) as tree:
            return is_in(tree)
    except OSError:
        return False


def is_in(tree: Folder) -> bool:
    """The same of a folder that is open."""
    try:
        with tree.folder(FOLDER) as place:
            return bool(place.what("history")) or bool(_of(place.names()))
    except OSError:
        return False


def names(prefix: str) -> Names:
    """List the records. This is the converged path: one listing, no file opened. A missing prefix is empty."""
    stems: list[str] = []
    unreadable: list[str] = []
    count: dict[str, int] = {}
    for file in _records(prefix):
        stem = file[: -len(".json")]
        if stem.count("-") < 2:
            unreadable.append(file)
            continue
        stems.append(stem)
        name = _divided(stem)[0]
        count[name] = count.get(name, 0) + 1
    twice = tuple(sorted(name for name, times in count.items() if times > 1))
    return Names(tuple(sorted(stems)), twice, tuple(unreadable))


def read(prefix: str, *, entries: bool = False) -> Inventory:
    """Read every record; with ``entries`` the list of each one's files, too (half of the time)."""
    try:
        with Folder.at(prefix) as tree:
            return look(tree, entries=entries)
    except OSError:
        return Inventory((), ())


def look(tree: Folder, *, entries: bool = False) -> Inventory:
    """The same of a prefix that is open. What may not be read is broken."""
    found: list[tuple[str, dict[str, t.Any]]] = []
    broken: list[Broken] = []
    try:
        with tree.folder(FOLDER) as place:
            for file in _of(place.names()):
                try:
                    found.append((file, load(place, file)))
                except BadRecord as exc:
                    broken.append(Broken(file, str(exc)))
    except FileNotFoundError:
        pass
    except OSError as exc:
        broken.append(Broken(FOLDER, f"it cannot be read: {exc.strerror}"))
    folder = site_packages_of(record for _file, record in found)
    installed = [_installed(file, record, folder if entries else None) for file, record in found]
    seen: dict[str, str] = {}
    for item in installed:
        earlier = seen.setdefault(item.package.name, item.file)
        if earlier != item.file:
            broken.append(Broken(item.file, f"{item.package.name} has a second record, {earlier}"))
    return Inventory(tuple(sorted(installed, key=lambda item: item.package.name)), tuple(sorted(broken)))


def load(place: Folder, file: str) -> dict[str, t.Any]:
    """One record as it was written. Raises BadRecord."""
    try:
        record = json.loads(place.read(file, _MOST_BYTES).decode("utf-8"))
    except UnicodeDecodeError:
        raise BadRecord("it is not UTF-8") from None
    except (ValueError, RecursionError) as exc:
        raise BadRecord(f"it is no JSON: {exc}") from None
    except OSError as exc:
        raise BadRecord(f"it cannot be read: {exc.strerror}") from None
    if not isinstance(record, dict):
        raise BadRecord("it is no JSON object")
    for key in ("name", "version"):
        if not isinstance(record.get(key), str) or not record[key]:
            raise BadRecord(f"it has no {key}")
    if not isinstance(record.get("build", record.get("build_string")), str):
        raise BadRecord("it has no build")
    stem = f"{record['name']}-{record['version']}-{record.get('build') or record.get('build_string')}"
    if file != f"{stem}.json":
        raise BadRecord(f"it is the record of {stem[:200]}")
    return record


def site_packages_of(records: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """Where Python modules lie in a prefix with these records, relative; empty where there is no Python.

    Python's own record says so since 3.13, where the free-threaded build has a folder of its own.
    """
    for record in records:
        if record["name"] == "python":
            path = record.get("python_site_packages_path")
            match = _MINOR.match(record["version"])
            if isinstance(path, str) and path:
                return posixpath.normpath(path)
            return f"lib/python{match.group(1)}/site-packages" if match else ""
    return ""


def _records(prefix: str) -> list[str]:
    try:
        with Folder.at(prefix) as tree, tree.folder(FOLDER) as place:
            return _of(place.names())
    except OSError:
        return []


def _of(listed: t.Iterable[str]) -> list[str]:
    # '._x.json' are what macOS' tar makes of resource forks; conda passes over them as well.
    return sorted(name for name in listed if name.endswith(".json") and not name.startswith("."))


def _divided(stem: str) -> tuple[str, str]:
    name, version, build = stem.rsplit("-", 2)
    return name, f"{version} {build}"


def _installed(file: str, record: dict[str, t.Any], site_packages: str | None) -> Installed:
    link = record.get("link")
    source = record.get("extracted_package_dir") or (link.get("source") if isinstance(link, dict) else "")
    asked = record.get("requested_specs") or record.get("requested_spec") or ()
    return Installed(
        package=_package(record),
        file=file,
        requested=tuple(
            str(item) for item in ([asked] if isinstance(asked, str) else asked) if item not in ("", "None")
        ),
        source=source if isinstance(source, str) else "",
        entries=() if site_packages is None else entries_of(record, site_packages),
    )


def _package(record: t.Mapping[str, t.Any]) -> Package:
    """The package, without what a record has in a form that none has."""
    kept = dict(record)
    for key in ("depends", "constrains"):
        values = record.get(key)
        kept[key] = [item for item in values if isinstance(item, str)] if isinstance(values, (list, tuple)) else []
    for key in ("build_number", "size", "timestamp"):
        kept[key] = record[key] if isinstance(record.get(key), int) else 0
    for key in ("url", "channel", "subdir", "sha256", "md5", "license"):
        kept[key] = record[key] if isinstance(record.get(key), str) else ""
    if not isinstance(record.get("track_features"), (str, list)):
        kept["track_features"] = ""
    kept["url"] = package_url.public(kept["url"])
    kept["channel"] = _without_subdir(package_url.public(kept["channel"]), kept["subdir"])
    return Package.from_record(kept)


def _without_subdir(channel: str, subdir: str) -> str:
    """conda and mamba write the channel's URL with the subdir behind it, rattler without."""
    channel = channel.rstrip("/")
    for ending in (f"/{subdir}", "/noarch"):
        if subdir and channel.endswith(ending):
            return channel[: -len(ending)]
    return channel


def entries_of(record: t.Mapping[str, t.Any], site_packages: str) -> tuple[Entry, ...]:
    """The files of a package where they lie.

    conda writes those of noarch Python packages as they are in the archive (C(site-packages/x), C(python-scripts/x));
    they are told by their place here. C(files) names what was made while installing, such as bytecode.
    """
    data = record.get("paths_data")
    listed = data.get("paths") if isinstance(data, dict) else None
    found: dict[str, Entry] = {}
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and isinstance(item.get("_path"), str):
            entry = _entry(item, site_packages)
            if entry is not None:
                found[entry.path] = entry
    files = record.get("files")
    for name in files if isinstance(files, list) else ():
        path = normal_path(name, site_packages) if isinstance(name, str) else None
        if path is not None:
            found.setdefault(path, Entry(path, "file"))
    return tuple(found[path] for path in sorted(found))


def _entry(item: t.Mapping[str, t.Any], site_packages: str) -> Entry | None:
    path = normal_path(item["_path"], site_packages)
    if path is None:
        return None
    kind = {"softlink": "link", "directory": "folder"}.get(str(item.get("path_type")), "file")
    if kind != "file":
        return Entry(path, kind)
    digest = item.get("sha256_in_prefix")
    if not digest and not item.get("prefix_placeholder"):
        digest = item.get("sha256")
    size = item.get("size_in_bytes")
    known = isinstance(size, int) and not item.get("prefix_placeholder")
    return Entry(path, kind, digest if isinstance(digest, str) else "", size if known else None)


def normal_path(path: str, site_packages: str) -> str | None:
    """A path of a record in its place; None for one that leads out of the prefix or is of Windows."""
    for start, place in (("site-packages/", f"{site_packages}/"), ("python-scripts/", "bin/")):
        if path.startswith(start) and site_packages:
            path = place + path[len(start) :]
    normal = posixpath.normpath(path)
    if normal in ("", ".", "..") or normal.startswith(("/", "../")) or "\\" in path or "\0" in path:
        return None
    return normal
