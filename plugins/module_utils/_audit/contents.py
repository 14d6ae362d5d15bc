# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an environment holds, as an audit needs it: names, versions, who asked, from where, who needs whom, licences.

No program of an environment is started: its folders say what a marker can ask for and where its Python looks.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.owners import Owner, Owners
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.resources import Question
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    check,
    distributions,
    eggs,
    names,
    prefix,
    tree,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Broken, Distribution

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta

_MOST_PACKAGES = 20_000
_OF_SYSTEM = "/usr/"
_OF_OTHERS = "/usr/local/"
Problem = tuple[str, str, str]  # kind, package, text


def contents(question: Question, commands: Commands, owners: Owners | None = None) -> dict[str, t.Any]:
    """All of one environment as plain data; ``owners`` tell which of it is the distribution's.

    Raises MlstackError where it cannot be read.
    """
    if question.kind == "absent":
        raise MlstackError(
            "no_environment",
            wanted=f"audit {question.path}",
            found=question.damage or "neither a virtual environment, a conda prefix nor a Python is there",
            to_fix=(
                "run the play that builds it, which puts a sound generation there"
                if question.damage
                else "correct the path, or leave it out of 'paths'"
            ),
        )
    with prefix.opened(question.prefix, question.kind, commands, within=question.within) as look:
        return _told(question, look, owners)


def _told(question: Question, look: prefix.Look, owners: Owners | None) -> dict[str, t.Any]:
    conda = _conda_of(look) if question.kind == "conda" else None
    found, broken = _layered(look.places, look.tree) if look.layered else _of(look.places, look.tree)
    problems = [("not_audited", "", note) for note in look.notes]
    if question.kind != "conda" and not look.places:
        problems.append(("not_audited", "", "it has no folder of packages that could be looked at"))
    if len(found) > _MOST_PACKAGES:
        problems.append(("not_audited", "", f"it has {len(found)} packages: {_MOST_PACKAGES} of them are told"))
        del found[_MOST_PACKAGES:]
    installed = list({item.name: item for item in reversed(found)}.values())
    verdict = check.check(installed, look.environment)
    problems += [("broken_requirement", item.package, str(item)) for item in verdict.conflicts]
    problems += [("unreadable_requirement", line.partition(":")[0], line) for line in verdict.unreadable]
    problems += [("broken_metadata", item.name, f"{item.folder}: {item.reason}") for item in broken]
    needs = tree.edges(installed, look.environment)
    owned = _owned(found, owners)
    packages = [_package(item, needs[item.name], question, owned.get(item.folder)) for item in found]
    packages += _unread(broken, {item.name for item in found})
    packages.sort(key=lambda item: (item["name"], item["version"]))
    if conda is not None:
        packages = _with_conda(conda, packages)
        problems += [("broken_metadata", "", f"{item.file}: {item.reason}") for item in conda.broken]
    told: dict[str, t.Any] = {
        "python": look.version,
        "packages": packages,
        "problems": [{"kind": kind, "package": package, "text": text} for kind, package, text in problems],
    }
    told.update({"indexes": list(question.indexes)} if question.indexes else {})
    told.update({"system": owners.system} if owners is not None and owned else {})
    return told


def _of(places: t.Sequence[Folder], root: Folder) -> tuple[list[Distribution], list[Broken]]:
    """Everything in folders, the same name and version once."""
    seen = distributions.look(places)
    more, broken = eggs.beside(places, root)
    found: dict[tuple[str, str], Distribution] = {}
    for item in (*seen.distributions, *seen.others, *more):
        found.setdefault((item.name, item.version), item)
    return sorted(found.values(), key=lambda item: (item.name, item.version)), [*seen.broken, *broken]


def _layered(places: t.Iterable[Folder], root: Folder) -> tuple[list[Distribution], list[Broken]]:
    """What is imported from folders in this order: the same name again, further down, is out of sight."""
    seen: dict[str, list[Distribution]] = {}
    broken: list[Broken] = []
    for place in places:
        found, more = _of([place], root)
        broken += more
        by_name: dict[str, list[Distribution]] = {}
        for item in found:
            by_name.setdefault(item.name, []).append(item)
        seen = {**by_name, **seen}
    return [item for name in sorted(seen) for item in seen[name]], broken


def _owned(found: t.Iterable[Distribution], owners: Owners | None) -> dict[str, Owner]:
    """The owners of metadata that lie where a distribution puts its packages, by the folder of the metadata."""
    if owners is None:
        return {}
    # Of a folder several packages may own a part; the file in it is one package's.
    files = {item.folder: _metadata_file(item.folder) for item in found if item.folder.startswith(_OF_SYSTEM)}
    files = {folder: path for folder, path in files.items() if not folder.startswith(_OF_OTHERS)}
    known = owners.of(set(files.values()))
    return {folder: known[path] for folder, path in files.items() if path in known}


def _metadata_file(folder: str) -> str:
    for name in ("METADATA", "PKG-INFO"):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            return path
    return folder


def _unread(broken: t.Iterable[Broken], known: t.Container[str]) -> list[dict[str, t.Any]]:
    """What is there, as its name says, and whose metadata may not be read: it is matched nevertheless."""
    pairs = {(names.normalize(item.name), item.version) for item in broken if item.version}
    return [{"name": name, "version": version} for name, version in sorted(pairs) if name not in known]


def _package(
    item: Distribution, needs: tuple[str, ...], question: Question, owner: Owner | None = None
) -> dict[str, t.Any]:
    added = bool(question.built) and question.built.get(item.name) != item.version
    # A direct URL may stand in a desired state without a name, and what came later stands in none: then the mark
    # counts.
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
    if owner is not None:
        told["owner"] = owner._asdict()
    return told


def _origin(direct_url: t.Mapping[str, t.Any]) -> str:
    """A URL as pip would write it: C(git+https://...@commit)."""
    url = str(direct_url["url"])
    vcs = direct_url.get("vcs_info")
    if isinstance(vcs, dict):
        return f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}"
    return url


def _conda_of(look: prefix.Look) -> meta.Inventory:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta

    found = meta.look(look.tree)
    python = found.find("python")
    look.version = python.version if python is not None else look.version
    return found


def _with_conda(found: meta.Inventory, python_packages: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Add conda's packages; those of Python that conda brought say from which channel."""
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
        needs = {spec.split()[0] for spec in package.depends if spec.split()}
        line["needs"] = sorted(needs & by_name.keys())
        line.update({"requested": True} if record.requested else {})
        told.append(line)
    return told
