# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf's version locks, read and written as the file that its plugin keeps.

The file is the plugin's interface for people too: one C(name-epoch:version-release.arch) a line, wildcards allowed,
C(!) before an exclusion, C(#) before a comment
(U(https://dnf-plugins-core.readthedocs.io/en/latest/versionlock.html)). Reading it costs no start of dnf.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import tempfile
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

PLUGIN_PACKAGE = "python3-dnf-plugin-versionlock"
_CONFIGURATION = "/etc/dnf/plugins/versionlock.conf"
_DEFAULT_LIST = "/etc/dnf/plugins/versionlock.list"
_ENTRY = re.compile(r"^(?P<name>.+)-(?:(?P<epoch>\d+|\*):)?(?P<version>[^-:]+)-(?P<release>[^-]+)\.(?P<arch>[^.-]+)\Z")


class VersionLocks:
    """The locks of one host. Without the plugin there are none, whatever the file says."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def usable(self) -> bool:
        """Whether dnf heeds locks here: the plugin is installed and not switched off."""
        settings = self._host.read_text(_CONFIGURATION)
        return settings is not None and not re.search(r"(?mi)^\s*enabled\s*=\s*(0|false|no|off)\s*$", settings)

    def held_at(self, name: str, version: str) -> str | None:
        """The version that a lock names for a package: ``version`` itself if it fits, None if there is no lock."""
        found = [entry_version(line, name) for line in self._entries()] if self.usable else []
        patterns = [pattern for pattern in found if pattern]
        if any(fnmatch.fnmatchcase(_with_epoch(version), _with_epoch(pattern)) for pattern in patterns):
            return version
        return patterns[0] if patterns else None

    def set(self, versions: t.Mapping[str, str]) -> None:
        """Lock these packages at these versions, in place of the locks they have."""
        lines = self._without(versions)
        self._write([*lines, *(f"{name}-{_with_epoch(version)}.*" for name, version in versions.items())])

    def clear(self, names: t.Collection[str]) -> None:
        self._write(self._without(names))

    @contextlib.contextmanager
    def lifted(self, names: t.Collection[str]) -> t.Iterator[list[str]]:
        """Options with which dnf runs without the locks of these packages. The host's own list stays as it is, so a
        kill cannot lose a lock."""
        if not names or not self.usable:
            yield []
            return
        folder = tempfile.mkdtemp(prefix="gpufleet-mlstack-")
        try:
            with open(os.path.join(folder, "versionlock.list"), "w", encoding="utf-8") as stream:
                stream.writelines(f"{line}\n" for line in self._without(names))
            with open(os.path.join(folder, "versionlock.conf"), "w", encoding="utf-8") as stream:
                stream.write(f"[main]\nenabled = 1\nlocklist = {folder}/versionlock.list\n")
            # Of several folders the last one wins, file by file: other plugins keep their settings.
            yield [f"--setopt=pluginconfpath={os.path.dirname(_CONFIGURATION)},{folder}"]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _list(self) -> str:
        found = re.search(r"(?m)^\s*locklist\s*=\s*(\S+)", self._host.read_text(_CONFIGURATION) or "")
        return found.group(1) if found else _DEFAULT_LIST

    def _lines(self) -> list[str]:
        return (self._host.read_text(self._list) or "").splitlines()

    def _entries(self) -> list[str]:
        return [line.strip() for line in self._lines() if line.strip() and line.strip()[0] not in "#!"]

    def _without(self, names: t.Collection[str]) -> list[str]:
        kept = []
        for line in self._lines():
            entry = line.strip()
            concerns = [name for name in names if entry and entry[0] not in "#!" and entry_version(entry, name)]
            if concerns and any(character in entry.rsplit("-", 2)[0] for character in "*?["):
                raise MlstackError(
                    "shared_hold",
                    wanted=f"change the hold of {', '.join(concerns)}",
                    found=f"the line {entry} of {self._list} holds other packages too",
                    to_fix="write that line as one line for each package",
                )
            if not concerns:
                kept.append(line)
        return kept

    def _write(self, lines: t.Sequence[str]) -> None:
        path = self._host.path(self._list)
        trust.require(os.path.dirname(path), f"write {self._list}")
        writing.write_whole(path, "".join(f"{line}\n" for line in lines))


def entry_version(entry: str, name: str) -> str:
    """The version pattern of a lock if it is one for this package, else empty. A bare name locks any version."""
    match = _ENTRY.match(entry)
    if match is not None and fnmatch.fnmatchcase(name, match.group("name")):
        epoch = match.group("epoch")
        return (
            f"{epoch}:{match.group('version')}-{match.group('release')}"
            if epoch
            else (f"{match.group('version')}-{match.group('release')}")
        )
    return "*" if entry == name else ""


def _with_epoch(version: str) -> str:
    return version if ":" in version or version == "*" else f"0:{version}"
