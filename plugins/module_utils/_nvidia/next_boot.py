# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel boots next, from the boot loader's own files."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import systemd_boot
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.releases import sort_key

_ENTRIES = "/boot/loader/entries"
_CONFIGURATIONS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
_ENVIRONMENTS = ("/boot/grub/grubenv", "/boot/grub2/grubenv")
_MORE = "/etc/default/grub.d"
_KERNEL = re.compile(r"/vmlinuz-(\S+)")
_ENTRY = re.compile(r"^\s*(?P<kind>menuentry|submenu)\s+(?P<quote>['\"])(?P<title>.*?)(?P=quote)(?P<rest>.*)\Z")
_ID = re.compile(r"--id\s+(\S+)|\$menuentry_id_option\s+'([^']+)'")


def release(host: Host, releases: t.Collection[str], running: str) -> str:
    """The release that the boot loader is set to start, among those installed.

    Where there is no boot loader, or its files may not be read, that is the newest kernel with an image: it is what
    every supported distribution makes the default. A host without any image, such as a container, has the newest kernel
    for which it holds modules or headers, and else the one that runs.
    """
    environment = _environment(host)
    chosen = systemd_boot.release(host, releases)
    chosen = chosen or _boot_loader_specification(host, environment) or _grub_menu(host, environment)
    if chosen in releases:
        return chosen
    with_image = [name for name in releases if host.exists(f"/boot/vmlinuz-{name}")]
    with_image = with_image or [name for name in releases if host.exists(f"/lib/modules/{name}/vmlinuz")]
    on_disk = with_image or [name for name in releases if host.exists(f"/lib/modules/{name}")]
    return max(on_disk, key=sort_key, default=running)


def _environment(host: Host) -> dict[str, str]:
    text = next(filter(None, (host.read_text(path) for path in _ENVIRONMENTS)), "")
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, equals, value in pairs if equals}


def _boot_loader_specification(host: Host, environment: t.Mapping[str, str]) -> str:
    """EL's entries, one file each, in the order of grub's blscfg: the newest first, the rescue image last. C(grubenv)
    or C(GRUB_DEFAULT) name one by its file, its title or its number in that order."""
    entries = []
    for name in host.names(_ENTRIES):
        text = host.read_text(f"{_ENTRIES}/{name}") or ""
        kernel = _KERNEL.search(text)
        if name.endswith(".conf") and kernel:
            title = re.search(r"(?m)^\s*title\s+(.*?)\s*$", text)
            entries.append((name[: -len(".conf")], title.group(1) if title else "", kernel.group(1)))
    if not entries:
        return ""
    entries.sort(key=lambda entry: ("rescue" not in entry[0], sort_key(entry[2])), reverse=True)
    wanted = _wanted(host, environment)
    if wanted.isdigit() and int(wanted) < len(entries):
        return entries[int(wanted)][2]
    return next((kernel for *names, kernel in entries if wanted in names), entries[0][2])


def _grub_menu(host: Host, environment: t.Mapping[str, str]) -> str:
    """Debian's and Ubuntu's generated menu."""
    text = next(filter(None, (host.read_text(path) for path in _CONFIGURATIONS)), None)
    return "" if text is None else _walk(_menu(text), _wanted(host, environment))


def _written(host: Host) -> str:
    """The default of the menu as it was made; of the settings where there is no menu, which go into the next one."""
    menu = next(filter(None, (host.read_text(path) for path in _CONFIGURATIONS)), "")
    found = [
        value for value in re.findall(r"(?m)^\s*set default=[\"']?(.*?)[\"']?\s*$", menu) if value != "${next_entry}"
    ]
    if found:
        return str(found[-1])
    said = ""
    for path in ("/etc/default/grub", *(f"{_MORE}/{name}" for name in host.names(_MORE) if name.endswith(".cfg"))):
        match = re.search(r"(?m)^\s*GRUB_DEFAULT=[\"']?(.*?)[\"']?\s*$", host.read_text(path) or "")
        said = match.group(1) if match else said
    return said


def _wanted(host: Host, environment: t.Mapping[str, str]) -> str:
    """What grub is told to start: once, or C(GRUB_DEFAULT), which is a number, a title or id, a path of them, or
    C(saved)."""
    written = _written(host)
    # EL goes by what is saved without any line, too.
    wanted = written or ("saved" if host.exists(_ENTRIES) else "0")
    if wanted in ("saved", "${saved_entry}"):
        wanted = environment.get("saved_entry", "")
    return environment.get("next_entry") or wanted or "0"


class _Item:
    """A menu entry with its kernel, or a submenu with its items."""

    def __init__(self, title: str = "", identifier: str = "") -> None:
        self.title = title
        self.identifier = identifier
        self.kernel = ""
        self.items: list[_Item] = []


def _menu(text: str) -> _Item:
    top = _Item()
    stack: list[tuple[int, _Item]] = [(-1, top)]
    depth = 0
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            identifier = _ID.search(entry.group("rest"))
            names = identifier.groups() if identifier else ()
            item = _Item(entry.group("title"), next((name for name in names if name), ""))
            stack[-1][1].items.append(item)
            stack.append((depth, item))
        elif line.strip().startswith("linux"):
            kernel = _KERNEL.search(line)
            if kernel and not stack[-1][1].kernel:
                stack[-1][1].kernel = kernel.group(1)
        if not line.lstrip().startswith("#"):
            depth += line.count("{") - line.count("}")
        while len(stack) > 1 and depth <= stack[-1][0]:
            stack.pop()
    return top


def _walk(item: _Item, wanted: str) -> str:
    for part in wanted.split(">"):
        if part.isdigit():
            following = item.items[int(part)] if int(part) < len(item.items) else None
        else:
            following = next((each for each in item.items if part in (each.title, each.identifier)), None)
        if following is None:
            break
        item = following
    while not item.kernel and item.items:
        item = item.items[0]
    return item.kernel
