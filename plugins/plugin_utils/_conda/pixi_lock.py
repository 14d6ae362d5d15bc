# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a pixi.lock (rattler-lock, versions 4 to 7), for one environment and platform.

Source: pixi's documentation of its lock file, and the file that pixi's own tests have of version 7.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files, package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import LockedPackage, LockedPip, LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem, refusal
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import yaml_lines
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.yaml_lines import Mapping, Node, Scalar, Sequence

_VERSIONS = ("4", "5", "6", "7")
_TODO = "write the lock anew with 'pixi lock'"


def read_pixi_lock(text: bytes | str, source: str, platform: str, *, environment: str = "default") -> LockFile:
    """What a lock has for ``platform``: a conda subdir (C(linux-64)), or the lock's own name of a platform.

    Raises InvalidArguments with file, line and reason of everything that cannot be accepted.
    """
    document, _lines = yaml_lines.load(text, source)
    return _Reader(document, source, platform, environment).read()


class _Reader:
    def __init__(self, document: Mapping, source: str, platform: str, environment: str) -> None:
        self._document = document
        self._source = source
        self._platform = platform
        self._environment = environment
        self._problems: list[Problem] = []

    def read(self) -> LockFile:
        wanted = f"the packages that {self._source} locks for {self._environment} on {self._platform}"
        version = self._document.get("version")
        if not isinstance(version, Scalar) or version.text not in _VERSIONS:
            written = version.text if isinstance(version, Scalar) else "none"
            line = self._document.line_of("version")
            reason = f"its version is {written}; {', '.join(_VERSIONS)} are known"
            self._refuse(line, f"version: {written}", reason, _TODO)
            raise refusal(self._problems, wanted)
        environment = self._environment_node()
        subdir, entries = self._entries(environment) if environment else ("", [])
        known = self._known()
        packages: list[LockedPackage] = []
        pip: dict[str, LockedPip] = {}
        for entry in entries:
            self._entry(entry, known, subdir, packages, pip)
        kept, conflicts = files.unique(self._source, packages)
        problems = sorted([*self._problems, *conflicts], key=lambda item: item.line)
        if problems:
            raise refusal(problems, wanted)
        return LockFile(self._source, "pixi", subdir, tuple(kept), tuple(pip.values()), self._channels(environment))

    # --- which environment and platform --------------------------------------------------------------------------

    def _environment_node(self) -> Mapping | None:
        node = self._document.get("environments")
        if not isinstance(node, Mapping):
            self._refuse(self._document.line, "environments", "it has no environments", _TODO)
            return None
        found = node.get(self._environment)
        if not isinstance(found, Mapping):
            reason = f"it has no environment {self._environment!r}; it has {', '.join(node.items) or 'none'}"
            self._refuse(node.line, "environments", reason, "name an environment that the lock has")
            return None
        return found

    def _entries(self, environment: Mapping) -> tuple[str, list[Node]]:
        """The subdir of the chosen platform, and what the environment has on it."""
        by_platform = environment.get("packages")
        if not isinstance(by_platform, Mapping):
            self._refuse(environment.line, "packages", "the environment has no packages by platform", _TODO)
            return "", []
        subdirs = {name: self._subdirs().get(name, name) for name in by_platform.items}
        named = [name for name in subdirs if name == self._platform]
        alike = [name for name, subdir in subdirs.items() if subdir == self._platform]
        chosen = named or alike
        if len(chosen) != 1:
            there = ", ".join(f"{name} ({subdir})" if name != subdir else name for name, subdir in subdirs.items())
            reason = f"the environment is locked for {there or 'no platform'}, and the host is {self._platform}"
            to_fix = f"lock for {self._platform} too"
            if alike:
                to_fix = f"name one of {', '.join(alike)} as the platform"
            self._refuse(by_platform.line, "packages", reason, to_fix, "conda_wrong_platform")
            return "", []
        entries = by_platform.get(chosen[0])
        return subdirs[chosen[0]], entries.items if isinstance(entries, Sequence) else []

    def _subdirs(self) -> dict[str, str]:
        """Since version 7 a platform has a name of its own, and beside it the subdir, where that is another."""
        node = self._document.get("platforms")
        found = {}
        for item in node.items if isinstance(node, Sequence) else []:
            if isinstance(item, Mapping) and _text(item, "name"):
                found[_text(item, "name")] = _text(item, "subdir") or _text(item, "name")
        return found

    # --- packages ------------------------------------------------------------------------------------------------

    def _known(self) -> dict[tuple[str, str], Mapping]:
        """What the lock says of each package, by kind and location."""
        node = self._document.get("packages")
        found: dict[tuple[str, str], Mapping] = {}
        for item in node.items if isinstance(node, Sequence) else []:
            if not isinstance(item, Mapping):
                self._refuse(item.line, "packages", "an entry is no mapping", _TODO)
                continue
            for kind in ("conda", "pypi"):
                location = _text(item, kind)
                if not location and _text(item, "kind") == kind:  # as up to version 5
                    location = _text(item, "url") or _text(item, "path")
                if location:
                    found.setdefault((kind, location), item)
        return found

    def _entry(
        self,
        entry: Node,
        known: t.Mapping[tuple[str, str], Mapping],
        subdir: str,
        packages: list[LockedPackage],
        pip: dict[str, LockedPip],
    ) -> None:
        kinds = [kind for kind in ("conda", "pypi") if isinstance(entry, Mapping) and _text(entry, kind)]
        if not isinstance(entry, Mapping) or len(kinds) != 1:
            self._refuse(entry.line, "packages", "an entry is neither 'conda: URL' nor 'pypi: URL'", _TODO)
            return
        location = _text(entry, kinds[0])
        described = known.get((kinds[0], location))
        if described is None:
            self._refuse(entry.line, location, "the lock has no hash of it below 'packages:'", _TODO)
        elif kinds[0] == "conda":
            self._conda(location, entry.line, described, subdir, packages)
        else:
            self._pypi(location, entry.line, described, pip)

    def _conda(self, location: str, line: int, described: Mapping, subdir: str, packages: list[LockedPackage]) -> None:
        try:
            found = package_url.parse(location)
        except package_url.BadPackageUrl as exc:
            reason = "it is built from source, which no engine here does" if "://" not in location else str(exc)
            self._refuse(line, location, reason, "publish the package in a channel and lock anew")
            return
        if found.subdir not in ("", "noarch", subdir):
            self._problems.append(files.not_of_platform(self._source, line, location, found.subdir, subdir))
        md5, sha256 = _text(described, "md5").lower(), _text(described, "sha256").lower()
        if not md5 and not sha256:
            self._refuse(described.line, location, "it has no hash", _TODO, "conda_hash_missing", found.name)
        packages.append(LockedPackage(found.name, found.version, found.build, found.url, md5, sha256, line))

    def _pypi(self, location: str, line: int, described: Mapping, pip: dict[str, LockedPip]) -> None:
        name, version = _text(described, "name"), _text(described, "version")
        if not name:
            self._refuse(described.line, location, "it has no name", _TODO)
            return
        if "://" not in location:
            reason = "it is a folder or file of the project, which the host does not have"
            self._refuse(line, location, reason, "publish it, or install it by pip_pinned", name=name)
            return
        location = location.removeprefix("direct+")
        pip[names.normalize(name)] = LockedPip(
            names.normalize(name), version, location, _text(described, "sha256").lower(), line
        )

    def _channels(self, environment: Mapping | None) -> tuple[str, ...]:
        listed = environment.get("channels") if environment else None
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
