# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a mirror of uv's managed Pythons: one build, made of an interpreter of this machine.

The archive has the layout of python-build-standalone's C(install_only) builds (a folder C(python) with C(bin) and
C(lib)), the list the form that C(UV_PYTHON_DOWNLOADS_JSON_URL) takes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

_ASK = """
import json, sys, sysconfig
print(json.dumps({"version": list(sys.version_info[:3]), "executable": sys.executable,
                  "stdlib": sysconfig.get_path("stdlib"), "base": sys.base_prefix}))
"""


class Mirror(NamedTuple):
    """``list_url`` is the list of builds, ``version`` the one build in it."""

    list_url: str
    version: str


def mirror(folder: Path, python: str) -> Mirror:
    """Write archive and list into ``folder``."""
    asked = subprocess.run([python, "-c", _ASK], check=True, capture_output=True, text=True).stdout
    facts = json.loads(asked)
    major, minor, patch = facts["version"]
    top = folder / "python"
    _copy(facts, top, f"{major}.{minor}")
    archive = folder / "python.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as opened:
        opened.add(top, "python")
    shutil.rmtree(top)
    entry = {
        "name": "cpython",
        "arch": {"family": platform.machine(), "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": major,
        "minor": minor,
        "patch": patch,
        "prerelease": "",
        "url": archive.as_uri(),
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "variant": None,
        "build": "20260101",
    }
    listed = folder / "downloads.json"
    listed.write_text(json.dumps({f"cpython-{major}.{minor}.{patch}-linux-{platform.machine()}-gnu": entry}))
    return Mirror(str(listed), f"{major}.{minor}.{patch}")


def _copy(facts: dict[str, object], top: Path, minor: str) -> None:
    (top / "bin").mkdir(parents=True)
    program = top / "bin" / f"python{minor}"
    shutil.copy2(os.path.realpath(str(facts["executable"])), program)
    for name in ("python3", "python"):
        (top / "bin" / name).symlink_to(program.name)
    left_out = shutil.ignore_patterns("__pycache__", "test", "tests", "idlelib", "site-packages", "dist-packages")
    shutil.copytree(str(facts["stdlib"]), top / "lib" / f"python{minor}", ignore=left_out)
    for library in Path(str(facts["base"]), "lib").glob(f"libpython{minor}.so*"):
        shutil.copy2(library, top / "lib" / library.name)
