# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed files against the hashes that their installer recorded: what somebody changed, removed or put in by hand.

Source: the recording installed projects specification of packaging.python.org (RECORD). Bytecode is left alone: Python
writes it when it likes.
"""

from __future__ import annotations

import base64
import csv
import io
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Allowance, Folder, below

_MOST_BYTES = 64 << 20  # of a RECORD; TensorFlow's has 3 MB
_ALGORITHMS = ("sha256", "sha384", "sha512")
# What venv and uv put into a fresh environment; it belongs to no distribution.
_OF_THE_ENVIRONMENT = frozenset({"_virtualenv.py", "_virtualenv.pth"})


class Findings(t.NamedTuple):
    """Paths relative to the site-packages folder, sorted; all empty where nothing was touched."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unrecorded: tuple[str, ...]
    without_record: tuple[str, ...]  # metadata folders that have no RECORD, or one that cannot be read

    @property
    def clean(self) -> bool:
        return not any(self)


class Compared(t.NamedTuple):
    """The files of one distribution; ``recorded`` are all of them, normalised."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    recorded: frozenset[str]


def compare(directory: str, entry: str, *, within: str = "") -> Compared | None:
    """Compare one distribution's files with its RECORD; None where it has none that can be read.

    Outside of ``within``, a folder above, and behind links that lead there, nothing is read: it counts as changed.
    """
    try:
        rows = _rows(os.path.join(directory, entry), within)
    except (OSError, ValueError, csv.Error):
        return None
    states = {
        path: _compare(os.path.join(directory, path), digest, within) for path, digest in rows if not _is_bytecode(path)
    }
    return Compared(
        missing=tuple(path for path, state in states.items() if state == "missing"),
        changed=tuple(path for path, state in states.items() if state == "changed"),
        recorded=frozenset(os.path.normpath(path) for path, _digest in rows),
    )


def verify(directory: str) -> Findings:
    """Compare every file of a site-packages folder with the RECORDs in it, and look for files that none names."""
    missing: list[str] = []
    changed: list[str] = []
    without: list[str] = []
    recorded: set[str] = set()
    for entry in sorted(os.listdir(directory)):
        if not entry.endswith(".dist-info"):
            continue
        compared = compare(directory, entry)
        if compared is None:
            without.append(entry)
            continue
        missing += compared.missing
        changed += compared.changed
        recorded |= compared.recorded
    unrecorded = [path for path in _files(directory) if path not in recorded and not _is_excused(path, without)]
    return Findings(*(tuple(sorted(items)) for items in (missing, changed, unrecorded, without)))


def _rows(folder: str, within: str = "") -> list[tuple[str, str]]:
    with Folder.at(folder, within=within) as place:
        text = place.read("RECORD", _MOST_BYTES).decode("utf-8")
    rows = [(row[0], row[1] if len(row) > 1 else "") for row in csv.reader(io.StringIO(text, ""), strict=True) if row]
    if not rows:
        raise ValueError("an empty RECORD")
    return rows


def _compare(path: str, recorded: str, within: str) -> str | None:
    """'missing', 'changed' or None. A row without a hash (RECORD's own) asks for the file alone."""
    algorithm, _equals, digest = recorded.partition("=")
    if not recorded:
        return None if os.path.lexists(path) else "missing"
    if algorithm not in _ALGORITHMS:
        return "changed"
    try:
        actual = _hash(path, algorithm, within)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return "changed"
    return None if actual == digest.rstrip("=") else "changed"


def _hash(path: str, algorithm: str, within: str) -> str:
    folder, name = os.path.split(os.path.normpath(path))
    with Folder.at(folder, Allowance.for_files(), within=within) as place:
        return base64.urlsafe_b64encode(place.digest(name, algorithm)[0]).rstrip(b"=").decode()


def _files(directory: str) -> t.Iterator[str]:
    for entry in below(directory, without=("__pycache__",)):
        if not entry.is_dir(follow_symlinks=False):
            yield os.path.relpath(entry.path, directory)


def _is_bytecode(path: str) -> bool:
    return path.endswith((".pyc", ".pyo"))


def _is_excused(path: str, without: list[str]) -> bool:
    # The folder of a lost RECORD is named as a whole already.
    return _is_bytecode(path) or path in _OF_THE_ENVIRONMENT or path.partition(os.sep)[0] in without
