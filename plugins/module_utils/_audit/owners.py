# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which package of the distribution a file belongs to, by dpkg's or rpm's own data.

Dpkg keeps a list of files for each package and one record of all of them: text files, which are read. Rpm is asked once
for all files. What neither owns was put there by somebody else.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_STATUS = "/var/lib/dpkg/status"
_LISTS = "/var/lib/dpkg/info"
# All files of the packages, since rpm does not say which of the files it was asked for an answer is about.
_RPM_FORMAT = r"[%{=NAME}\t%{=EPOCHNUM}:%{=VERSION}-%{=RELEASE}\t%{=SOURCERPM}\t%{=VENDOR}\t%{FILENAMES}\n]"
_RPM_FORMAT_OF_ALL = r"%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{SOURCERPM}\t%{VENDOR}\t-\n"
_SOURCE_RPM = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:no)?src\.rpm")
_MOST_ASKED = 1000  # files of one question


class Owner(t.NamedTuple):
    """An installed package; ``source`` is what it was made from, ``vendor`` who made it as far as that is told."""

    kind: str  # deb or rpm
    package: str
    version: str
    source: str
    source_version: str
    vendor: str = ""


class Owners:
    """The owners of files of one host."""

    def __init__(self, host: Host, commands: Commands) -> None:
        self._host, self._commands = host, commands

    @property
    def system(self) -> dict[str, str]:
        """The distribution, as os-release names it."""
        found = self._host.distribution()
        return {"id": found.id, "version": found.version, "name": found.name}

    def of(self, paths: t.Collection[str]) -> dict[str, Owner]:
        """The owners of absolute paths. Raises MlstackError where rpm cannot tell."""
        if not paths:
            return {}
        if self._host.exists(_STATUS):
            return self._of_dpkg(set(paths))
        return self._of_rpm(sorted(paths)) if self._host.which("rpm") else {}

    def everything(self) -> list[Owner]:
        """All installed packages, by name. Raises MlstackError where rpm cannot tell."""
        if self._host.exists(_STATUS):
            found = [owner for _name, owner in dpkg_records(self._host.read_text(_STATUS) or "", None)]
        elif self._host.which("rpm"):
            argv = ["rpm", "--query", "--all", f"--queryformat={_RPM_FORMAT_OF_ALL}"]
            text = self._commands.run(argv, purpose="list installed packages").out
            found = [owner for _path, owner in rpm_lines(text, {"-"})]
        else:
            found = []
        return sorted(found)

    def _of_dpkg(self, paths: set[str]) -> dict[str, Owner]:
        names: dict[str, str] = {}
        lists = [name for name in self._host.names(_LISTS) if name.endswith(".list")]
        # Most of what Python has is in packages that are called so.
        for name in sorted(lists, key=lambda name: not name.startswith("python")):
            if len(names) == len(paths):
                break
            lines = (self._host.read_text(f"{_LISTS}/{name}") or "").splitlines()
            names.update(dict.fromkeys(paths.intersection(lines), name[: -len(".list")].partition(":")[0]))
        installed = dict(dpkg_records(self._host.read_text(_STATUS) or "", set(names.values())))
        return {path: installed[name] for path, name in names.items() if name in installed}

    def _of_rpm(self, paths: t.Sequence[str]) -> dict[str, Owner]:
        found: dict[str, Owner] = {}
        for start in range(0, len(paths), _MOST_ASKED):
            part = paths[start : start + _MOST_ASKED]
            argv = ["rpm", "--query", f"--queryformat={_RPM_FORMAT}", "--file", *part]
            result = self._commands.run(argv, purpose="ask rpm whose the packages of Python are", check=False)
            found.update(rpm_lines(result.out, set(part)))
            # It fails where a file is nobody's, and says so of each.
            if not result.ok and not found and "is not owned by any package" not in result.out + result.err:
                raise MlstackError(
                    "rpm_unreadable",
                    wanted="know which of Python's packages are the distribution's",
                    found=(result.err or result.out).strip()[:500] or "rpm says nothing",
                    to_fix="see that rpm --query --all works on the host",
                )
        return found


def dpkg_records(text: str, wanted: t.Container[str] | None) -> t.Iterator[tuple[str, Owner]]:
    """The packages of dpkg's record that are there and wanted (all for None), by name."""
    for record in text.split("\n\n"):
        fields = {}
        for line in record.strip("\n").split("\n"):
            name, colon, value = line.partition(": ")
            if colon and name in ("Package", "Status", "Source", "Version"):
                fields[name] = value.strip()
        package, version = fields.get("Package", ""), fields.get("Version", "")
        known = wanted is None or package in wanted
        if not known or not version or not fields.get("Status", "").endswith(" installed"):
            continue
        source, _blank, other = fields.get("Source", package).partition(" ")
        yield package, Owner("deb", package, version, source, other.strip("()") or version)


def rpm_lines(text: str, wanted: t.Container[str]) -> t.Iterator[tuple[str, Owner]]:
    """The owners of the files that are wanted, out of what rpm says in the format above."""
    for line in text.splitlines():
        parts = line.split("\t")
        if len(parts) == 5 and parts[4] in wanted:
            name, version, source, vendor, path = parts
            version = version.removeprefix("(none):").removeprefix("0:")
            made_from = _SOURCE_RPM.fullmatch(source)
            source_name = made_from.group("name") if made_from else name
            yield path, Owner("rpm", name, version, source_name, version, "" if vendor == "(none)" else vendor)
