# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel systemd-boot starts next: its entries, unified kernel images, and what it was told to prefer.

Sources: systemd-boot(7), loader.conf(5), the Boot Loader Specification and the Boot Loader Interface of systemd.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.releases import sort_key

_VARIABLES = "/sys/firmware/efi/efivars"
_LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_ATTRIBUTES = 4  # every variable begins with so many bytes about itself
_PARTITIONS = ("/efi", "/boot/efi", "/boot")
# 'token-release.efi', and how often it may still be tried: 'token-release+3-1.efi'.
_NONE_LEFT = re.compile(r"\+0(?:-\d+)?(?=\.(?:conf|efi)\Z)")
_TRIES = re.compile(r"\+\d+(?:-\d+)?(?=\.(?:conf|efi)\Z)")


@dataclass(frozen=True)
class _Entry:
    """``identifier`` is the name of its file without the count of tries; ``failed`` that none of them is left."""

    identifier: str
    sorted_by: str
    release: str
    failed: bool = False


def release(host: Host, releases: t.Collection[str]) -> str:
    """The release that comes next; empty where systemd-boot does not boot this host, or hides its files."""
    partition = next((path for path in _PARTITIONS if host.exists(f"{path}/loader/loader.conf")), "")
    if not partition or not _boots(host):
        return ""
    entries = [entry for entry in _entries(host, partition, releases) if entry.release]
    entries.sort(key=lambda entry: sort_key(entry.release), reverse=True)
    entries.sort(key=lambda entry: (entry.failed, not entry.sorted_by, entry.sorted_by))
    default = _default(host, partition)
    default = _variable(host, "LoaderEntryLastBooted") if default == "@saved" else default
    told = (_variable(host, "LoaderEntryOneShot"), _variable(host, "LoaderEntryDefault"), default)
    for wanted in filter(None, told):
        chosen = next((entry for entry in entries if fnmatch.fnmatchcase(entry.identifier, wanted)), None)
        if chosen is not None:
            return chosen.release
    return entries[0].release if entries else ""


def _boots(host: Host) -> bool:
    """A loader says its name in a variable; without one, it is the loader where there is no other."""
    said = _variable(host, "LoaderInfo")
    if said:
        return said.startswith("systemd-boot")
    return not any(host.exists(f"/boot/{name}/grub.cfg") for name in ("grub", "grub2"))


def _variable(host: Host, name: str) -> str:
    value = host.read_bytes(f"{_VARIABLES}/{name}-{_LOADER}")
    return value[_ATTRIBUTES:].decode("utf-16-le", "replace").rstrip("\0")


def _default(host: Host, partition: str) -> str:
    text = host.read_text(f"{partition}/loader/loader.conf") or ""
    found = re.findall(r"(?m)^\s*default\s+(\S+)", text)
    return found[-1] if found else ""


def _entries(host: Host, partition: str, releases: t.Collection[str]) -> t.Iterator[_Entry]:
    for name in host.names(f"{partition}/loader/entries"):
        if name.endswith(".conf"):
            text = host.read_text(f"{partition}/loader/entries/{name}") or ""
            keys = dict(re.findall(r"(?m)^\s*(version|linux|sort-key)\s+(\S+)", text))
            known = _known(f"{keys.get('version', '')} {keys.get('linux', '')} {name}", releases)
            yield _Entry(_TRIES.sub("", name), keys.get("sort-key", ""), known, bool(_NONE_LEFT.search(name)))
    for name in host.names(f"{partition}/EFI/Linux"):
        if name.endswith(".efi"):
            known = _known(_TRIES.sub("", name), releases)
            yield _Entry(_TRIES.sub("", name), "", known, bool(_NONE_LEFT.search(name)))


def _known(text: str, releases: t.Collection[str]) -> str:
    """The installed release that a text names; the longest, where one begins with another."""
    named = [each for each in releases if re.search(rf"(?<![\w.]){re.escape(each)}(?![\w+])(?!\.\d)", text)]
    return max(named, key=len, default="")
