# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What locks in TOML pin: C(pylock.toml) (PEP 751), C(uv.lock), C(poetry.lock) and C(pdm.lock)."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
Told = dict[str, t.Any]
Entry = t.Mapping[str, t.Any]


def read(path: str, data: bytes) -> Told:
    """Packages, problems and indexes of a lock. Raises MlstackError where it is none."""
    entries = _entries(path, data)
    told: Told = {"packages": [], "problems": [], "indexes": []}
    own = [item for item in entries if _is_own(item)]
    asked = {name for item in own for name in _needs(item)}
    for item in entries:
        if item in own:  # the project that the lock is of
            continue
        name = names.normalize(item["name"])
        version = item.get("version")
        if not isinstance(version, str) or not version:
            text = f"{path}: only its source says which version {name} has"
            told["problems"].append({"kind": "not_audited", "package": name, "text": text})
            continue
        package: Told = {"name": name, "version": version, "needs": _needs(item)}
        package.update({"requested": True} if name in asked else {})
        origin, index = _origin(item)
        package.update({"origin": origin} if origin else {})
        if index and index not in told["indexes"]:
            told["indexes"].append(index)
        if not _hashed(item) and not origin.startswith("git+"):
            text = f"{path}: {name} {version} has no hash"
            told["problems"].append({"kind": "unhashed", "package": name, "text": text})
        if package not in told["packages"]:
            told["packages"].append(package)
    return told


def _entries(path: str, data: bytes) -> list[Entry]:
    try:
        import tomllib
    except ImportError as exc:
        raise MlstackError(
            "toml_missing",
            wanted=f"audit the lock {path}",
            found="the controller's Python is older than 3.11 and reads no TOML",
            to_fix="run Ansible with Python 3.11 or later, or export the lock as a requirement file",
        ) from exc
    try:
        parsed = tomllib.loads(data.decode("utf-8"))
    except ValueError as exc:
        raise _invalid(path, str(exc)) from exc
    entries = parsed.get("packages", parsed.get("package"))
    if not isinstance(entries, list):
        raise _invalid(path, "it has no list of packages")
    for item in entries:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not names.is_valid(item["name"]):
            raise _invalid(path, "a package in it has no name")
    return entries


def _invalid(path: str, found: str) -> InvalidArguments:
    return InvalidArguments(
        "file_invalid",
        wanted=f"audit the lock {path}",
        found=found,
        to_fix="name a pylock.toml, uv.lock, poetry.lock or pdm.lock, as the tool wrote it",
    )


def _is_own(item: Entry) -> bool:
    source = item.get("source")
    return isinstance(source, dict) and bool(source.keys() & {"virtual", "editable"})


def _needs(item: Entry) -> list[str]:
    """The names of what it needs: tables with a name, names as keys, or requirements as text."""
    found = item.get("dependencies") or ()
    listed = [one.get("name") if isinstance(one, dict) else one for one in found]
    bare = [_NAME.match(one) for one in listed if isinstance(one, str)]
    return sorted({names.normalize(one.group()) for one in bare if one})


def _origin(item: Entry) -> tuple[str, str]:
    """Where it is from, where that is no index, and the index where it is one."""
    source = item.get("source")
    if isinstance(source, dict):
        registry = source.get("registry") or (source.get("url") if source.get("type") == "legacy" else "")
        if registry:
            return "", str(registry)
        git = source.get("git") or (source.get("url") if source.get("type") == "git" else "")
        return (f"git+{git}" if git else str(source.get("url") or source.get("path") or "")), ""
    for kind, prefix in (("vcs", "git+"), ("archive", ""), ("directory", "file:")):
        place = item.get(kind)
        if isinstance(place, dict):
            return f"{prefix}{place.get('url') or place.get('path') or ''}", ""
    git = item.get("git")
    return (f"git+{git}", "") if git else ("", str(item.get("index") or ""))


def _hashed(item: Entry) -> bool:
    files = [*(item.get("wheels") or ()), *(item.get("files") or ()), item.get("sdist"), item.get("archive")]
    tables = [one for one in files if isinstance(one, dict)]
    return bool(tables) and all(one.get("hash") or one.get("hashes") for one in tables)
