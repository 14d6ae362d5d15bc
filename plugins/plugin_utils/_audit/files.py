# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What requirement, lock and environment files pin, in the form in which a host tells what it has installed."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockedPip
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirement_files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import toml_locks

PLATFORM = "linux-64"
_PINNED = re.compile(r"={1,2}(?P<version>[^=<>!~|,*\[]+)(?:=.*)?", re.DOTALL)
_TOML = re.compile(rb"^\[\[packages?\]\]\s*$", re.MULTILINE)
_EDITABLE = "requirement_editable"
_OF_FILES = (
    "requirement_file_unreadable",
    "requirement_file_encoding",
    "requirement_include_cycle",
    "requirement_include_depth",
    "requirement_include_url",
)
_YAML = (".yml", ".yaml", ".lock")

Load = t.Callable[[str], bytes]
Told = dict[str, t.Any]


def read(path: str, load: Load) -> Told:
    """The packages and problems of one file. ``load`` gives the bytes of a path. Raises MlstackError."""
    try:
        data = load(path)
    except OSError as exc:
        raise MlstackError(
            "file_unreadable",
            wanted=f"audit the file {path}",
            found=str(exc.strerror or exc),
            to_fix="correct the path; files are looked for on the controller unless remote_src is true",
        ) from exc
    if _of_conda(path, data):
        return _conda(path, data, load)
    if path.endswith(".toml") or _TOML.search(data):
        return toml_locks.read(path, data)
    return _requirements(path, load)


def _of_conda(path: str, data: bytes) -> bool:
    name = os.path.basename(path).lower()
    head = data[:65536]
    lines = [line.strip() for line in head.splitlines()]
    if b"@EXPLICIT" in lines:
        return True
    # A lock of pip may be called anything, that of pixi or conda-lock is a YAML mapping from its first word on.
    words = (b"dependencies:", b"channels:", b"package:", b"environments:", b"version:", b"name:")
    first = next((line for line in lines if line and not line.startswith((b"#", b"---"))), b"")
    return name.endswith(_YAML) and first.startswith(words)


def _conda(path: str, data: bytes, load: Load) -> Told:
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import environment_files

    found = environment_files.read_file(data, path, PLATFORM)
    told: Told = {"packages": [], "problems": [], "indexes": []}
    if isinstance(found, EnvironmentFile):
        for spec in found.specs:
            _conda_spec(told, spec.text, f"{path}:{spec.line}")
        if found.pip:
            pip = _requirements(path, lambda name: found.pip_text().encode() if name == path else load(name))
            for key, value in pip.items():
                told[key] += value
        told["indexes"] += found.channels
        return told
    for package in found.packages:
        item = {"name": package.name, "version": package.version, "kind": "conda", "installer": "conda"}
        told["packages"].append({**item, "origin": package.url.rpartition("/")[0].rpartition("/")[0]})
        if not (package.md5 or package.sha256):
            _problem(told, "unhashed", package.name, f"{path}:{package.line}: {package.name} has no hash")
    for locked in found.pip:
        _locked_pip(told, path, locked)
    return told


def _locked_pip(told: Told, path: str, locked: LockedPip) -> None:
    name = names.normalize(locked.name)
    told["packages"].append({"name": name, "version": locked.version})
    if not locked.sha256:
        _problem(told, "unhashed", name, f"{path}:{locked.line}: {name} has no hash")


def _conda_spec(told: Told, text: str, where: str) -> None:
    """A match specification names a package that an audit can judge where it pins a version, if only by C(=)."""
    spec = match_spec.parse(text)
    pinned = _PINNED.fullmatch(str(spec).rpartition("::")[2][len(spec.name) :])
    if pinned:
        package = {"name": spec.name, "version": pinned.group("version"), "kind": "conda", "requested": True}
        told["packages"].append({**package, **({"origin": spec.channel} if spec.channel else {})})
    else:
        _problem(told, "unpinned", spec.name, f"{where}: {text} pins no version")


def _requirements(path: str, load: Load) -> Told:
    found, problems = requirement_files.read_leniently([path], load=load)
    if problems and not found.requirements and any(item.code != _EDITABLE for item in problems):
        raise _invalid(path, problems)
    told: Told = {"packages": [], "problems": [], "indexes": []}
    for item in found.requirements:
        _requirement(told, item)
    for problem in problems:
        _problem(told, "not_audited", names.normalize(problem.name or ""), f"nothing is known of {problem}")
    whole = [problem for problem in problems if problem.code in _OF_FILES]
    if whole:  # what it would have brought nobody knows
        told["failed"] = str(_invalid(path, whole))
    told["indexes"] += [url for url in (found.options.index_url, *found.options.extra_index_urls) if url]
    return told


def _invalid(path: str, problems: t.Sequence[t.Any]) -> InvalidArguments:
    return InvalidArguments(
        "file_invalid",
        wanted=f"audit the file {path}",
        found="; ".join(str(problem) for problem in problems[:5]),
        to_fix="correct the lines",
    )


def _requirement(told: Told, item: Requirement) -> None:
    title = item.name or item.text
    if item.version is None or item.name is None:
        if item.commit is None and not item.hashes:
            _problem(told, "unpinned", title, f"{item.source}: {item.text} pins no version")
        else:
            _problem(told, "not_audited", title, f"{item.source}: only its archive says which version {title} has")
        return
    package: Told = {"name": item.name, "version": item.version, "requested": True}
    if item.url:
        package["origin"] = item.url
    if not item.hashes and item.commit is None:
        _problem(told, "unhashed", item.name, f"{item.source}: {item.name} {item.version} has no hash")
    if package not in told["packages"]:
        told["packages"].append(package)


def _problem(told: Told, kind: str, package: str, text: str) -> None:
    told["problems"].append({"kind": kind, "package": package, "text": text})
