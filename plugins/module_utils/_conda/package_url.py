# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a conda package lies, and what its URL says of it: C(CHANNEL/SUBDIR/NAME-VERSION-BUILD.conda#HASH).

Source: conda's documentation of channels and of explicit specification files.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

SUFFIXES = (".conda", ".tar.bz2")
_SUBDIR = re.compile(r"noarch|(?:linux|osx|win|freebsd|emscripten|wasi|zos)-[a-z0-9]+")
_SCHEME = re.compile(r"(?:https?|file|ftp|s3|oci)://", re.IGNORECASE)
_MD5 = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_PART = re.compile(r"[A-Za-z0-9_.+!*~]+")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_TOKEN = re.compile(r"(?<=[a-z0-9])/t/[^/\s]+(?=/|\Z)")


class BadPackageUrl(ValueError):
    """A text that does not lead to a conda package; says why."""


class PackageUrl(t.NamedTuple):
    """A package by its URL. ``channel`` and ``subdir`` are empty for a file that lies in no channel's folder."""

    url: str  # without the hash
    channel: str
    subdir: str
    fn: str
    name: str
    version: str
    build: str
    md5: str = ""
    sha256: str = ""


def public(text: str) -> str:
    """A text with URLs, without credentials in them: neither users nor anaconda.org's C(/t/TOKEN)."""
    return _TOKEN.sub("", _USERINFO.sub("", text)) if "://" in text else text


def is_archive(text: str) -> bool:
    return text.endswith(SUFFIXES)


def is_subdir(text: str) -> bool:
    """Whether a folder's name is that of a platform's part of a channel, or C(noarch)."""
    return _SUBDIR.fullmatch(text) is not None


def parse(text: str) -> PackageUrl:
    """Read C(URL#HASH); the hash, MD5 or SHA-256, may be missing. An absolute path becomes a file URL.

    Raises BadPackageUrl.
    """
    url, mark, fragment = text.strip().partition("#")
    if url.startswith("/"):
        url = "file://" + url
    if not _SCHEME.match(url) or any(character in url for character in " \t"):
        raise BadPackageUrl("it is no URL of a package")
    folder, _slash, fn = url.rpartition("/")
    name, version, build = parts(unquote(fn))
    channel, _slash, subdir = folder.rpartition("/")
    if not is_subdir(subdir):
        channel, subdir = "", ""
    md5, sha256 = _hashes(fragment) if mark else ("", "")
    return PackageUrl(url, channel, subdir, fn, name, version, build, md5, sha256)


def parts(fn: str) -> tuple[str, str, str]:
    """Name, version and build that an archive's file name says. Raises BadPackageUrl."""
    stem = next((fn[: -len(suffix)] for suffix in SUFFIXES if fn.endswith(suffix)), None)
    if stem is None:
        raise BadPackageUrl(f"{fn!r} ends in neither .conda nor .tar.bz2")
    pieces = stem.rsplit("-", 2)
    if len(pieces) != 3 or not all(pieces):
        raise BadPackageUrl(f"{fn!r} is not NAME-VERSION-BUILD")
    name, version, build = pieces
    if not _NAME.fullmatch(name) or not _PART.fullmatch(version) or not _PART.fullmatch(build):
        raise BadPackageUrl(f"{fn!r} is not NAME-VERSION-BUILD")
    return name, version, build


def _hashes(fragment: str) -> tuple[str, str]:
    value = fragment.lower()
    if _MD5.fullmatch(value):
        return value, ""
    value = value[len("sha256:") :] if value.startswith("sha256:") else value
    if _SHA256.fullmatch(value):
        return "", value
    raise BadPackageUrl(f"#{fragment} is neither an MD5 nor a SHA-256")
