# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories as files of dnf, and module streams.

Formats: C([id]) sections of dnf.conf(5), always with C(gpgcheck=1) and a key in a file; the state of a module in
C(/etc/dnf/modules.d), which is read there and changed by C(dnf module) alone, since that knows which streams there are.
"""

from __future__ import annotations

import configparser
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import CHANGE_TIMEOUT
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    ABSENT,
    ModuleStream,
    Repository,
    Sources,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.sources import OURS, SourcesOfHost

_PARTS = "/etc/yum.repos.d"
_MODULES = "/etc/dnf/modules.d"


class DnfSources(SourcesOfHost):
    """Rocky, Alma and RHEL. Pins are apt's, and version locks do what its upgrade blocks do."""

    manager = "dnf"

    def _files(self, desired: Sources) -> t.Iterator[ManagedFile]:
        for repository in desired.repositories:
            text = self._section(repository) if repository.state != ABSENT else None
            purpose = f"the repository {repository.url or repository.name}"
            yield ManagedFile(f"{_PARTS}/{repository.name}.repo", text, purpose)

    def _key_path(self, name: str) -> str:
        return f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{name}"

    def _section(self, repository: Repository) -> str:
        fields = {
            "name": repository.title or repository.name,
            "baseurl": repository.url,
            "enabled": "1",
            "gpgcheck": "1",
            "repo_gpgcheck": "1" if repository.check_metadata else "0",
            "gpgkey": f"file://{self._key_path(repository.name)}",
            "priority": "" if repository.priority is None else str(repository.priority),
        }
        lines = "".join(f"{name}={value}\n" for name, value in fields.items() if value)
        return f"{OURS}[{repository.name}]\n{lines}"

    def _definitions(self) -> list[str]:
        return [f"{_PARTS}/{name}" for name in self.host.names(_PARTS) if name.endswith(".repo")]

    def _addresses(self, path: str, text: str) -> list[str]:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(text)
        except configparser.Error:
            return []
        sections = [parser[name] for name in parser.sections()]
        return [
            section.get("baseurl", "").split()[0]
            for section in sections
            if section.get("enabled", "1") == "1" and section.get("baseurl", "").split()
        ]

    def _stream(self, module: str) -> str:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(self.host.read_text(self.stream_path(module)) or "")
        except configparser.Error:
            return ""
        if not parser.has_section(module) or parser.get(module, "state", fallback="") != "enabled":
            return ""
        return parser.get(module, "stream", fallback="")

    def stream_path(self, module: str) -> str:
        return f"{_MODULES}/{module}.module"

    def _switch(self, stream: ModuleStream) -> None:
        # Enabling another stream without a reset is refused by dnf, unless a setting allows it.
        self._module("reset", stream.module, stream)
        if stream.stream:
            self._module("enable", f"{stream.module}:{stream.stream}", stream)

    def _module(self, verb: str, subject: str, stream: ModuleStream) -> None:
        result = self.commands.run(
            ["dnf", "--color=never", "-y", "module", verb, subject],
            timeout=CHANGE_TIMEOUT,
            check=False,
            outlives_us=True,
        )
        if result.ok:
            return
        if verb == "reset" and "missing groups or modules" in result.err:
            # No repository knows the module any more, and dnf only forgets what it knows.
            managed.write(self.host, ManagedFile(self.stream_path(stream.module), None))
            return
        told = result.err.partition("Error:")[2] or result.err[-500:]
        raise MlstackError(
            "module_stream",
            wanted=f"the module stream {stream.module}:{stream.stream or '(none)'}",
            found=f"dnf module {verb} ended with {result.rc}: {' '.join(told.split())}",
            to_fix="see which streams 'dnf module list' shows, and name one of them",
            rc=result.rc,
            stdout=result.out,
            stderr=result.err,
        )
