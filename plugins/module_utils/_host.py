# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observed machine: its files, programs and name. The seam that tests use: they give another root."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FAMILIES = {
    "Debian": {"debian", "ubuntu"},
    "RedHat": {"rhel", "centos", "fedora", "rocky", "almalinux", "ol"},
}


@dataclass(frozen=True)
class Distribution:
    """What os-release says. ``family`` is C(Debian), C(RedHat) or empty for any other."""

    id: str
    version: str
    codename: str
    name: str
    family: str

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]


class Host:
    """Files and programs below ``root``. Everything here only reads."""

    def __init__(self, root: str = "/", environ: t.Mapping[str, str] | None = None) -> None:
        self.root = root
        self.environ = dict(os.environ if environ is None else environ)

    def path(self, path: str) -> str:
        """Where an absolute path of the host really lies."""
        if self.root == "/":
            return path
        return os.path.join(self.root, path.lstrip("/"))

    def exists(self, path: str) -> bool:
        return os.path.exists(self.path(path))

    def read_text(self, path: str, default: str | None = None) -> str | None:
        """The content of a file, or ``default`` where it is absent or not readable for this user."""
        try:
            with open(self.path(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            return default

    def read_bytes(self, path: str) -> bytes:
        """The content of a file; nothing where it is absent or not readable for this user."""
        try:
            with open(self.path(path), "rb") as stream:
                return stream.read()
        except OSError:
            return b""

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory; an empty list where there is none."""
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def which(self, program: str) -> str | None:
        """The absolute path of a program. sbin is searched too: it is not on every user's PATH. Root takes none from a
        folder that others can write to: trust.own_variables() took those from PATH, and told so."""
        search = self.environ.get("PATH", "")
        folders = [folder for folder in f"{search}:{_DEFAULT_PATH}".split(":") if folder.startswith("/")]
        if self.root == "/" and self.is_root:
            folders = [folder for folder in folders if os.path.isdir(folder) and trust.flaw_of(folder) is None]
        return shutil.which(program, path=":".join(self.path(folder) for folder in dict.fromkeys(folders)))

    @property
    def is_root(self) -> bool:
        return os.geteuid() == 0

    @property
    def machine(self) -> str:
        """The hardware name: C(x86_64), C(aarch64)."""
        return platform.machine()

    def distribution(self) -> Distribution:
        text = self.read_text("/etc/os-release") or self.read_text("/usr/lib/os-release") or ""
        return parse_os_release(text)


def parse_os_release(text: str) -> Distribution:
    """Read an os-release file (U(https://www.freedesktop.org/software/systemd/man/latest/os-release.html))."""
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                fields[name] = " ".join(shlex.split(value))
            except ValueError:
                fields[name] = value
    alike = {fields.get("ID", ""), *fields.get("ID_LIKE", "").split()}
    family = next((name for name, ids in _FAMILIES.items() if alike & ids), "")
    return Distribution(
        id=fields.get("ID", ""),
        version=fields.get("VERSION_ID", ""),
        codename=fields.get("VERSION_CODENAME", ""),
        name=fields.get("PRETTY_NAME", "") or fields.get("NAME", ""),
        family=family,
    )
