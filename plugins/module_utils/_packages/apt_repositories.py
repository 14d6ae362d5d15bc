# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories, preferences and the list of unattended-upgrades, as files of apt.

Formats: sources.list(5) (deb822 with C(Signed-By), so that a key is good for its own repository alone),
apt_preferences(5), and C(Unattended-Upgrade::Package-Blacklist), whose entries are regular expressions.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    ABSENT,
    Pin,
    Repository,
    Sources,
    UpgradeBlock,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.sources import OURS, SourcesOfHost

_PARTS = "/etc/apt/sources.list.d"
_ONE_LINE = re.compile(r"^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(?P<address>\S+)", re.MULTILINE)


class AptSources(SourcesOfHost):
    """Debian and Ubuntu."""

    manager = "apt"

    def _files(self, desired: Sources) -> t.Iterator[ManagedFile]:
        if desired.streams:
            raise InvalidArguments(
                "invalid_repository",
                wanted=f"the module stream of {desired.streams[0].module}",
                found="a host with apt, which has no module streams",
                to_fix="leave streams to hosts with dnf",
            )
        for repository in desired.repositories:
            path = f"{_PARTS}/{repository.name}.sources"
            text = self._source(repository) if repository.state != ABSENT else None
            yield ManagedFile(path, text, f"the repository {repository.url or repository.name}")
        for pin in desired.pins:
            text = _preference(pin) if pin.state != ABSENT else None
            yield ManagedFile(f"/etc/apt/preferences.d/{pin.name}", text, "what goes before what")
        for block in desired.upgrade_blocks:
            text = _blacklist(block) if block.state != ABSENT else None
            # After 50unattended-upgrades, which begins the list.
            yield ManagedFile(f"/etc/apt/apt.conf.d/52{block.name}", text, "kept from unattended upgrades")

    def _key_path(self, name: str) -> str:
        return f"/etc/apt/keyrings/{name}.asc"

    def _source(self, repository: Repository) -> str:
        fields = {
            "X-Repolib-Name": repository.title,
            "Types": "deb",
            "URIs": repository.url,
            "Suites": repository.suite,
            "Components": " ".join(repository.components),
            "Architectures": " ".join(repository.architectures),
            "Signed-By": self._key_path(repository.name),
        }
        return OURS + "".join(f"{name}: {value}\n" for name, value in fields.items() if value)

    def _definitions(self) -> list[str]:
        parts = [name for name in self.host.names(_PARTS) if name.endswith((".list", ".sources"))]
        return ["/etc/apt/sources.list", *(f"{_PARTS}/{name}" for name in parts)]

    def _addresses(self, path: str, text: str) -> list[str]:
        if path.endswith(".list"):
            return _ONE_LINE.findall(text)
        found: list[str] = []
        for stanza in re.split(r"\n\s*\n", text):
            fields = {}
            for line in stanza.splitlines():
                name, colon, value = line.partition(":")
                if colon and not line.startswith(("#", " ", "\t")):
                    fields[name.strip().lower()] = value.strip()
            if fields.get("enabled", "yes").lower() not in ("no", "false", "0"):
                found += fields.get("uris", "").split()
        return found


def _preference(pin: Pin) -> str:
    fields = {
        "Explanation": pin.reason,
        "Package": " ".join(pin.packages),
        "Pin": pin.pin,
        "Pin-Priority": str(pin.priority),
    }
    return OURS + "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def _blacklist(block: UpgradeBlock) -> str:
    entries = "".join(f'    "{pattern}";\n' for pattern in block.patterns)
    return f"{OURS.replace('#', '//', 1)}Unattended-Upgrade::Package-Blacklist {{\n{entries}}};\n"
