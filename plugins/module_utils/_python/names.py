# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of distributions, and what the file names of wheels, sdists and metadata folders say.

Sources: the name normalisation and binary and source distribution format specifications of packaging.python.org
(PEP 503, PEP 427, PEP 625, PEP 376).
"""

from __future__ import annotations

import re

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
ARCHIVE_SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar", ".tbz", ".txz", ".tlz", ".tar.lz")

_valid = re.compile(NAME, re.ASCII).fullmatch
_runs = re.compile(r"[-_.]+").sub


def normalize(name: str) -> str:
    """The one spelling under which two names are the same project (PEP 503)."""
    return _runs("-", name).lower()


def is_valid(name: str) -> bool:
    """Whether a name may be a project's at all: ASCII letters, digits, and ``-_.`` between them."""
    return _valid(name) is not None


def leading(line: str) -> str:
    """The normalised name at the head of a requirement that an engine or we wrote."""
    return normalize(re.split(r"[\s\[;=<>!~@]", line, maxsplit=1)[0])


def wheel_parts(filename: str) -> tuple[str, str] | None:
    """Normalised name and version that a wheel's file name declares, None where it isn't a wheel's name.

    Installers refuse a wheel whose metadata disagrees with its file name, so the pair is binding.
    """
    if not filename.endswith(".whl"):
        return None
    parts = filename[:-4].split("-")
    if len(parts) not in (5, 6) or not all(parts) or not is_valid(parts[0]):
        return None
    return normalize(parts[0]), parts[1].replace("_", "-")


def sdist_parts(filename: str) -> tuple[str, str] | None:
    """Normalised name and version that a source archive's name suggests: old archives may say anything."""
    for suffix in ARCHIVE_SUFFIXES[1:]:
        if filename.endswith(suffix):
            name, dash, version = filename[: -len(suffix)].rpartition("-")
            return (normalize(name), version) if dash and is_valid(name) and version[:1].isdigit() else None
    return None


def metadata_folder_parts(folder: str) -> tuple[str, str] | None:
    """Name as spelled and version of ``NAME-VERSION.dist-info`` or ``.egg-info``, None for any other name.

    Today's builders escape a dash inside either half to an underscore, so the first dash divides them. Old wheels may
    spell one into the name: the last dash before a digit divides those.
    """
    stem, _dot, kind = folder.rpartition(".")
    if kind not in ("dist-info", "egg-info"):
        return None
    name, dash, version = stem.partition("-")
    if dash and not version[:1].isdigit():
        name, dash, version = stem.rpartition("-")
    if kind == "egg-info":
        version = re.sub(r"-py\d+\.\d+(?:-.*)?\Z", "", version)
    return (name, version.replace("_", "-")) if dash and version and is_valid(name) else None
