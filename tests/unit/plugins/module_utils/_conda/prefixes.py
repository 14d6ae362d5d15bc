# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prefixes as conda, mamba and rattler leave them, written by hand: a few files and their records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHANNEL = "https://conda.example/main"
SITE = "lib/python3.11/site-packages"


def record(
    prefix: Path,
    name: str,
    version: str = "1.0",
    build: str = "0",
    contents: Mapping[str, str] | None = None,
    **changes: Any,
) -> Path:
    """Write a package's files, and its record as rattler writes it; ``changes`` replace keys of the record."""
    paths = []
    for path, content in (contents or {}).items():
        place = prefix / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        entry = {"_path": path, "path_type": "hardlink", "size_in_bytes": len(content.encode())}
        paths.append({**entry, "sha256": digest, "sha256_in_prefix": digest})
    written = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "subdir": "noarch",
        "channel": CHANNEL,
        "url": f"{CHANNEL}/noarch/{name}-{version}-{build}.conda",
        "fn": f"{name}-{version}-{build}.conda",
        "md5": hashlib.md5(name.encode()).hexdigest(),
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "depends": [],
        "constrains": [],
        "files": [item["_path"] for item in paths],
        "paths_data": {"paths_version": 1, "paths": paths},
        **changes,
    }
    meta = prefix / "conda-meta"
    meta.mkdir(parents=True, exist_ok=True)
    path = meta / f"{name}-{version}-{build}.json"
    path.write_text(json.dumps(written))
    return path


def python(prefix: Path, version: str = "3.11.7", **changes: Any) -> Path:
    """Python's record, with an executable that only stands there."""
    return record(prefix, "python", version, "0_cpython", {"bin/python3.11": "#!/bin/false\n"}, **changes)


def module(prefix: Path, name: str, version: str = "1.0", **changes: Any) -> Path:
    """A package with one module and its metadata, as pip would write it."""
    files = {
        f"{SITE}/{name}.py": f"__version__ = {version!r}\n",
        f"{SITE}/{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{SITE}/{name}-{version}.dist-info/INSTALLER": "conda\n",
        f"{SITE}/{name}-{version}.dist-info/RECORD": f"{name}.py,,\n",
    }
    return record(prefix, name, version, "py_0", files, **changes)


def pip_installed(prefix: Path, name: str, version: str = "1.0", content: str = "x = 1\n") -> Path:
    """A distribution beside conda's packages, with a RECORD that has its module's hash."""
    import base64

    site = prefix / SITE
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (site / f"{name}.py").write_text(content)
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "INSTALLER").write_text("uv\n")
    rows = [f"{name}.py,sha256={digest},{len(content)}", f"{folder.name}/METADATA,,", f"{folder.name}/RECORD,,"]
    (folder / "RECORD").write_text("\n".join([*rows, f"{folder.name}/INSTALLER,,", ""]))
    return folder
