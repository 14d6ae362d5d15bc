# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a conda-lock.yml of version 1, for one platform and some categories.

Source: conda-lock's documentation of its unified lock file and of categories.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files, package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import LockedPackage, LockedPip, LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem, refusal
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import yaml_lines
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.yaml_lines import Mapping, Scalar, Sequence

_MD5 = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TODO = "write the lock anew with conda-lock"
MAIN = "main"


def read_conda_lock(
    text: bytes | str, source: str, platform: str, *, categories: t.Collection[str] = (MAIN,)
) -> LockFile:
    """What a lock has for ``platform`` (C(linux-64), ...) in ``categories``.

    Raises InvalidArguments with file, line and reason of everything that cannot be accepted.
    """
    document, _lines = yaml_lines.load(text, source)
    return _Reader(document, source, platform, categories).read()


class _Reader:
    def __init__(self, document: Mapping, source: str, platform: str, categories: t.Collection[str]) -> None:
        self._document = document
        self._source = source
        self._platform = platform
        self._categories = set(categories)
        self._problems: list[Problem] = []

    def read(self) -> LockFile:
        self._check_version()
        entries = self._entries()
        here = [entry for entry in entries if _text(entry, "platform") == self._platform]
        if not here and not self._problems:
            self._no_such_platform(entries)
        chosen = [entry for entry in here if self._categories & set(_categories(entry))]
        self._check_categories(here)
        packages: list[LockedPackage] = []
        pip: dict[str, LockedPip] = {}
        for entry in chosen:
            if _text(entry, "manager") == "pip":
                self._pip(entry, pip)
            else:
                self._conda(entry, packages)
        kept, conflicts = files.unique(self._source, packages)
        problems = sorted([*self._problems, *conflicts], key=lambda item: item.line)
        if problems:
            raise refusal(problems, f"the packages that {self._source} locks for {self._platform}")
        return LockFile(self._source, "conda-lock", self._platform, tuple(kept), tuple(pip.values()), self._channels())

    def _check_version(self) -> None:
        # micromamba's own tests have locks without a version; those are of version 1.
        version = self._document.get("version")
        written = version.text if isinstance(version, Scalar) else "nothing"
        if version is not None and written != "1":
            reason = f"it is of version {written}, and version 1 is known"
            self._refuse(version.line, f"version: {written}", reason, _TODO)

    def _entries(self) -> list[Mapping]:
        node = self._document.get("package")
        if not isinstance(node, Sequence):
            if not self._problems:
                line = node.line if node is not None else self._document.line
                self._refuse(line, "package", "it has no list of packages below 'package:'", _TODO)
            return []
        for item in node.items:
            if not isinstance(item, Mapping):
                self._refuse(item.line, "package", "an entry is no mapping", _TODO)
        return [item for item in node.items if isinstance(item, Mapping)]

    def _no_such_platform(self, entries: list[Mapping]) -> None:
        there = sorted({_text(entry, "platform") for entry in entries} - {""})
        reason = f"it locks for {', '.join(there) or 'no platform'}, and the host is {self._platform}"
        self._refuse(self._document.line, "package", reason, f"lock for {self._platform} too", "conda_wrong_platform")

    def _check_categories(self, entries: list[Mapping]) -> None:
        there = {category for entry in entries for category in _categories(entry)}
        for category in sorted(self._categories - there - {MAIN}):
            reason = f"it has no category {category!r}; it has {', '.join(sorted(there)) or 'none'}"
            self._refuse(self._document.line, category, reason, "name a category that the lock has")

    def _conda(self, entry: Mapping, packages: list[LockedPackage]) -> None:
        url, line = _text(entry, "url"), entry.line
        missing = [key for key in ("name", "version", "url", "manager", "hash") if entry.get(key) is None]
        name = _text(entry, "name")
        if missing:
            self._refuse(line, name, f"it has no {' and no '.join(missing)}", _TODO, name=name)
            return
        if _text(entry, "manager") != "conda":
            reason = f"its manager is {_text(entry, 'manager')!r}; conda and pip are known"
            self._refuse(entry.line_of("manager"), name, reason, _TODO, name=name)
            return
        md5, sha256 = self._hashes(entry, name)
        try:
            found = package_url.parse(url)
        except package_url.BadPackageUrl as exc:
            self._refuse(entry.line_of("url"), url, str(exc), _TODO, name=name)
            return
        if found.subdir not in ("", "noarch", self._platform):
            at = entry.line_of("url")
            self._problems.append(files.not_of_platform(self._source, at, url, found.subdir, self._platform))
        if (found.name, found.version) != (name.lower(), _text(entry, "version")):
            reason = f"the URL is that of {found.name} {found.version}, the entry of {name} {_text(entry, 'version')}"
            self._refuse(entry.line_of("url"), url, reason, _TODO, name=name)
        packages.append(LockedPackage(found.name, found.version, found.build, found.url, md5, sha256, line))

    def _hashes(self, entry: Mapping, name: str) -> tuple[str, str]:
        node = entry.get("hash")
        md5 = sha256 = ""
        if isinstance(node, Mapping):
            md5, sha256 = _text(node, "md5").lower(), _text(node, "sha256").lower()
        well = (not md5 or _MD5.fullmatch(md5)) and (not sha256 or _SHA256.fullmatch(sha256))
        if not well or not (md5 or sha256):
            reason = "its hash is no MD5 and no SHA-256" if md5 or sha256 else "it has no hash"
            self._refuse(entry.line_of("hash"), name, reason, _TODO, "conda_hash_missing", name)
        return md5, sha256

    def _pip(self, entry: Mapping, pip: dict[str, LockedPip]) -> None:
        name, url = _text(entry, "name"), _text(entry, "url")
        missing = [key for key in ("name", "version", "url") if not _text(entry, key)]
        if missing:
            self._refuse(entry.line, name, f"it has no {' and no '.join(missing)}", _TODO, name=name)
            return
        sha256 = ""
        if entry.get("hash") is not None:
            _md5, sha256 = self._hashes(entry, name)
        found = LockedPip(names.normalize(name), _text(entry, "version"), url, sha256, entry.line)
        earlier = pip.setdefault(found.name, found)
        if (earlier.version, earlier.url) != (found.version, found.url):
            self._refuse(entry.line, name, f"it is {earlier.version} in line {earlier.line}", _TODO, name=name)

    def _channels(self) -> tuple[str, ...]:
        metadata = self._document.get("metadata")
        listed = metadata.get("channels") if isinstance(metadata, Mapping) else None
        items = listed.items if isinstance(listed, Sequence) else []
        found = [_text(item, "url") if isinstance(item, Mapping) else getattr(item, "text", "") for item in items]
        return tuple(dict.fromkeys(channel.rstrip("/") for channel in found if channel))

    def _refuse(
        self, line: int, text: str, reason: str, to_fix: str, code: str = "conda_bad_lock", name: str | None = None
    ) -> None:
        self._problems.append(Problem(code, self._source, line, text, reason, to_fix, name or None))


def _text(mapping: Mapping, key: str) -> str:
    node = mapping.get(key)
    return node.text.strip() if isinstance(node, Scalar) else ""


def _categories(entry: Mapping) -> list[str]:
    return [_text(entry, "category") or MAIN]
