# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections that molecule's docker driver needs, out of the `ansible` wheel: no Galaxy server is asked.

They are the ones that requirements.yml names, and what those depend on. The collection itself needs none of them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from .host import BedError, run, state_directory

# The ansible package whose collections go with ansible-core 2.19, and its digest on the Python package index.
WHEEL = "ansible-12.3.0-py3-none-any.whl"
WHEEL_REQUIREMENT = "ansible==12.3.0"
WHEEL_SHA256 = "cd156f82fa87f7a899212b0efa9f7ca3a24d609212de9f78428a572eb01e5414"

COLLECTIONS = (
    "ansible.posix",
    "community.docker",
    "community.library_inventory_filtering_v1",  # community.docker depends on it
)


def directory() -> Path:
    """Where the collections lie; another wheel or list gives another directory."""
    content = "\n".join([WHEEL_SHA256, *COLLECTIONS])
    return state_directory().parent / "collections" / hashlib.sha256(content.encode()).hexdigest()[:12]


def ensure() -> Path:
    """Fetch and unpack the collections unless they are there; return what goes on ANSIBLE_COLLECTIONS_PATH."""
    target = directory()
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        unpacked = Path(scratch) / "unpacked"
        _unpack(_fetch(Path(scratch)), unpacked)
        try:
            unpacked.rename(target)
        except OSError:  # another process was first, and its copy is the same
            if not target.is_dir():
                raise
    return target


def _fetch(scratch: Path) -> Path:
    python = next((path for path in (sys.executable, shutil.which("python3")) if path and _has_pip(path)), None)
    if python is None:
        raise BedError("pip fetches the wheel with molecule's collections, and this Python has none: install pip.")
    run([python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, WHEEL_REQUIREMENT])
    wheel = scratch / WHEEL
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise BedError(f"{WHEEL} has the SHA-256 {found}, and not the pinned {WHEEL_SHA256}; it is not used.")
    return wheel


def _has_pip(python: str) -> bool:
    try:
        run([python, "-c", "import pip"])
    except BedError:
        return False
    return True


def _unpack(wheel: Path, target: Path) -> None:
    wanted = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in COLLECTIONS)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(wanted):
                archive.extract(name, target)
    absent = [
        name for name in COLLECTIONS if not os.path.isdir(target / "ansible_collections" / name.replace(".", "/"))
    ]
    if absent:
        raise BedError(f"{WHEEL} holds no {', '.join(absent)}.")
