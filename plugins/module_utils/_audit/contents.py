# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.

"""What an environment holds, as an audit needs it: names, versions, who asked, from where, who needs whom, licences.

No Python is started for a virtual environment or a conda prefix: their folders say what a marker can ask for. One that
imports what the system has, too, is asked itself.
"""

from __future__ import annotations

import json
import os
import platform
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.subjects import Question, program_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import check, probe, tree
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import (
    Broken,
    Distribution,
    inventory,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import PROBE, Environment

_PATH = f"{PROBE}print(json.dumps(sys.path))\n"
_FOLDER = re.compile(r"python(?P<version>[0-9]+\.[0-9]+)t?")


def contents(question: Question, commands: Commands) -> dict[str, t.Any]:
    """All of one environment as plain data. Raises MlstackError where it cannot be read."""
    if question.kind == "absent":
        raise MlstackError(
            "no_environment",
            wished=f"audit {question.path}",
            found=question.damage or "neither a virtual environment, a conda prefix nor a Python is there",
            todo=(
                "run the play that builds it, which puts a sound generation there"
                if question.damage
                else "correct the path, or leave it out of 'paths'"
            ),
        )
    asks = question.kind == "system" or (question.kind == "venv" and _sees_others(question.prefix))
    folders, environment = _asked(question, commands) if asks else _prefix(question.prefix)
    distributions, broken = _layered(folders) if asks else inventory(*folders)[:2]
    verdict = check.check(distributions, environment)
    problems = [("broken_requirement", item.package, str(item)) for item in verdict.conflicts]
    problems += [("unreadable_requirement", line.partition(":")[0], line) for line in verdict.unreadable]
    problems += [("broken_metadata", "", f"{item.folder}: {item.reason}") for item in broken]
    needs = tree.edges(distributions, environment)
    packages = [_package(item, needs[item.name], question) for item in distributions]
    if question.kind == "conda":
        packages, more = _with_conda(question.prefix, packages)
        problems += more
    told: dict[str, t.Any] = {
        "python": environment.get("python_full_version", ""),
        "packages": packages,
        "problems": [{"kind": kind, "package": package, "text": text} for kind, package, text in problems],
    }
    told.update({"indexes": list(question.indexes)} if question.indexes else {})
    return told


def _layered(folders: t.Iterable[str]) -> tuple[list[Distribution], list[Broken]]:
    """What is imported from folders in this order: the same name again, further down, is out of sight."""
    seen: dict[str, Distribution] = {}
    broken: list[Broken] = []
    for folder in dict.fromkeys(map(os.path.realpath, folders)):
        found = inventory(folder)
        broken += found.broken
        for item in found.distributions:
            seen.setdefault(item.name, item)
    return [seen[name] for name in sorted(seen)], broken


def _package(item: Distribution, needs: tuple[str, ...], question: Question) -> dict[str, t.Any]:
    added = bool(question.built) and question.built.get(item.name) != item.version
    # A direct URL may stand in a wish without a name, and what came later stands in none: then the mark counts.
    marked = item.requested and (added or not question.asked or bool(item.direct_url))
    requested = marked or item.name in question.asked
    told: dict[str, t.Any] = {"name": item.name, "version": item.version}
    # Left out where empty: three hundred of them travel from a thousand hosts.
    told.update({"needs": list(needs)} if needs else {})
    told.update({"requested": True} if requested else {})
    told.update({"added": True} if added else {})  # by hand, after the generation was built
    told.update({"licence": item.licence} if item.licence else {})
    told.update({"installer": item.installer} if item.installer else {})
    if item.direct_url:
        told["origin"] = _origin(item.direct_url)
    return told


def _origin(direct_url: t.Mapping[str, t.Any]) -> str:
    """A URL as pip would write it: C(git+https://...@commit)."""
    url = str(direct_url["url"])
    vcs = direct_url.get("vcs_info")
    if isinstance(vcs, dict):
        return f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}"
    return url


def _prefix(prefix: str) -> tuple[list[str], Environment]:
    """The folders of site-packages, and the markers' variables, by names alone."""
    folders = []
    version = ""
    for library in ("lib", "lib64"):
        base = os.path.join(prefix, library)
        if os.path.islink(base) or not os.path.isdir(base):
            continue
        for name in sorted(os.listdir(base)):
            match = _FOLDER.fullmatch(name)
            folder = os.path.join(base, name, "site-packages")
            if match and os.path.isdir(folder):
                folders.append(folder)
                version = version or match.group("version")
    return folders, _environment(prefix, version)


def _environment(prefix: str, version: str) -> Environment:
    full = _full_version(prefix, version)
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": full,
        "python_version": version,
        "sys_platform": "linux",
    }


def _full_version(prefix: str, version: str) -> str:
    # venv says version, uv and virtualenv version_info; the latter goes on after the release.
    for key in ("version", "version_info"):
        value = _setting(prefix, key)
        found = re.match(r"[0-9]+\.[0-9]+\.[0-9]+", value)
        if found and value.startswith(f"{version}."):
            return found.group()
    # It costs more than a small environment does.
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta

    python = next((stem for stem in meta.names(prefix).stems if stem.startswith("python-")), "")
    return python.split("-")[1] if python else f"{version}.0" if version else ""


def _asked(question: Question, commands: Commands) -> tuple[list[str], Environment]:
    """A Python knows best where it imports from: distributions and people add folders, to some only by files."""
    program = program_of(question.prefix)
    result = commands.run([program, "-I", "-c", _PATH], purpose=f"ask the Python {program}", timeout=60)
    first, _newline, second = result.out.partition("\n")
    facts = probe.described(first, program)
    return [folder for folder in json.loads(second) if os.path.isdir(folder)], facts["environment"]


def _sees_others(prefix: str) -> bool:
    """Whether a virtual environment imports what its Python has, too."""
    return _setting(prefix, "include-system-site-packages").lower() == "true"


def _setting(prefix: str, wanted: str) -> str:
    """A value of pyvenv.cfg; empty where there is none."""
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as stream:
            for line in stream:
                key, _equals, value = (part.strip() for part in line.partition("="))
                if key.lower() == wanted:
                    return value
    except OSError:
        pass
    return ""


def _with_conda(
    prefix: str, python_packages: list[dict[str, t.Any]]
) -> tuple[list[dict[str, t.Any]], list[tuple[str, str, str]]]:
    """Add conda's packages; those of Python that conda brought say from which channel."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta

    found = meta.read(prefix)
    by_name = {item.package.name: item for item in found.installed}
    told = []
    for item in python_packages:
        record = by_name.pop(item["name"], None) or by_name.pop(item["name"].replace("-", "_"), None)
        if record is not None and record.package.version == item["version"]:
            item = {**item, "origin": record.package.channel, "installer": "conda"}
            item.pop("requested", None)  # the mark of a pip that made conda's package says nothing of this prefix
            item.update({"requested": True} if record.requested else {})
        told.append(item)
    for name, record in sorted(by_name.items()):
        package = record.package
        line: dict[str, t.Any] = {"name": name, "version": package.version, "kind": "conda", "installer": "conda"}
        line["origin"] = package.channel
        line.update({"licence": package.license} if getattr(package, "license", "") else {})
        line["needs"] = sorted({spec.split()[0] for spec in package.depends if spec.split()[0] in by_name})
        line.update({"requested": True} if record.requested else {})
        told.append(line)
    return told, [("broken_metadata", "", f"{item.file}: {item.reason}") for item in found.broken]
