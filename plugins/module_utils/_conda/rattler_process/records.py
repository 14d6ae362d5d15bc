# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages as rattler's records, and back."""

from __future__ import annotations

import contextlib
import json
import typing as t
from pathlib import Path
from urllib.parse import unquote, urlsplit

Record = dict[str, t.Any]


def stem(package: t.Mapping[str, t.Any]) -> str:
    return f"{package['name']}-{package['version']}-{package['build']}"


def file_name(package: t.Mapping[str, t.Any]) -> str:
    return unquote(urlsplit(package["url"]).path).rpartition("/")[2]


def as_data(record: t.Any) -> Record:
    """A solved record as repodata.json has it."""
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "build_number": record.build_number,
        "subdir": str(record.subdir),
        "channel": str(record.channel or "").rstrip("/"),
        "url": record.url,
        "sha256": record.sha256.hex() if record.sha256 else "",
        "md5": record.md5.hex() if record.md5 else "",
        "size": record.size or 0,
        "depends": list(record.depends),
        "constrains": list(record.constrains),
        "noarch": "python" if record.noarch.python else "generic" if record.noarch.generic else "",
        "license": record.license or "",
        "timestamp": int(record.timestamp.timestamp() * 1000) if record.timestamp else 0,
        "track_features": list(record.track_features),
        "python_site_packages_path": record.python_site_packages_path or "",
    }


def as_rattlers(package: Record, scratch: Path) -> t.Any:
    """Our description of a package as rattler's, by way of a file: its constructor would leave fields out."""
    from rattler import PackageRecord
    from rattler.repo_data import RepoDataRecord

    described = {key: value for key, value in package.items() if value or key == "build_number"}
    features = package.get("track_features") or ()
    described["track_features"] = features if isinstance(features, str) else " ".join(features)
    described.setdefault("depends", [])
    path = scratch / f"{stem(package)}.index.json"
    path.write_text(json.dumps(described), encoding="utf-8")
    hashes = {name: package[name] for name in ("sha256", "md5") if package.get(name)}
    record = PackageRecord.from_index_json(path, size=package.get("size") or None, **hashes)
    return RepoDataRecord(record, file_name(package), package["url"], package["channel"])


def installed(meta: Path) -> dict[str, Record]:
    """Stem to record of conda-meta; what cannot be read is no package."""
    found: dict[str, Record] = {}
    for path in sorted(meta.glob("*.json")):
        with contextlib.suppress(ValueError, OSError):
            found[path.name[: -len(".json")]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def is_same(record: t.Mapping[str, t.Any], package: t.Mapping[str, t.Any]) -> bool:
    """Is this installed record the very package, by the strongest hash that both have?"""
    if any(record.get(key) != package[key] for key in ("name", "version", "build")):
        return False
    for name in ("sha256", "md5"):
        if record.get(name) and package.get(name):
            return bool(record[name] == package[name])
    return not package["url"] or record.get("url") == package["url"]


def prefix_record(name: str, record: Record, python: str, meta: Path, scratch: Path) -> t.Any:
    """An installed record as rattler must see it, ``python`` being the version of Python in the prefix.

    conda writes the paths of noarch packages as they are in the archive; rattler would leave those files behind.
    """
    from rattler import PrefixRecord

    paths = (record.get("paths_data") or {}).get("paths") or []
    moved = {"site-packages/": f"lib/python{'.'.join(python.split('.')[:2])}/site-packages/", "python-scripts/": "bin/"}
    if not any(item["_path"].startswith(tuple(moved)) for item in paths):
        return PrefixRecord.from_path(meta / f"{name}.json")
    for item in paths:
        for old, new in moved.items():
            if item["_path"].startswith(old):
                item["_path"] = new + item["_path"][len(old) :]
    listed = {item["_path"] for item in paths}
    paths += [{"_path": path, "path_type": "pyc_file"} for path in record.get("files") or () if path not in listed]
    mapped = scratch / f"{name}.json"
    mapped.write_text(json.dumps(record), encoding="utf-8")
    return PrefixRecord.from_path(mapped)
