# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding the environments of a host that an audit is about. Only names and links are read."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import (
    LINK,
    Allowance,
    Folder,
    Unfinished,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.prefix import program_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

AUTO = "auto"
_DEEPEST = 8  # levels below a root that is searched: nobody keeps environments deeper, and trees of data are endless
_NEVER = {"/proc", "/sys", "/dev", "/run"}
_LONGEST = 600.0  # seconds for one search; a home on a network with millions of files takes minutes


@dataclass(frozen=True)
class Question:
    """One thing to audit: ``prefix`` is where its packages are, ``path`` how people call it.

    Of a generation the record tells ``asked``, the names that somebody asked for, ``indexes``, where it was built
    from, and ``built``, names to versions. ``damage`` says why there is no generation where one should be.
    Of what was found in a search, ``within`` is where that began; ``notes`` say what it could not look at, and of the
    operating system which packages are meant.
    """

    name: str
    path: str
    prefix: str
    kind: str  # venv, conda, system, file, search, os or absent
    generation: str = ""
    in_use: bool = True
    asked: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()
    built: t.Mapping[str, str] = field(default_factory=dict)
    damage: str = ""
    within: str = ""
    notes: tuple[str, ...] = ()


def managed(host: Host, root: str, *, all_generations: bool, redactor: Redactor) -> list[Question]:
    """The environments of this collection below ``root``, with every generation that is kept for a way back."""
    found = []
    for name in host.names(root):
        path = os.path.join(root, name)
        if name.startswith(".") or not os.path.islink(path):
            continue
        store = Store(root, name, redactor)
        state = store.observe()
        current = state.current
        if current is None:
            if state.standing == "dangling":  # what people would get is not there: nothing to see is not all well
                found.append(Question(name, path, path, "absent", damage=state.damage or "its generation is not there"))
            continue
        kept = store.generations() if all_generations else [current]
        for generation in sorted(kept, key=lambda item: (item.id != current.id, item.id)):
            found.append(
                Question(
                    name,
                    path,
                    generation.prefix,
                    kind_of(generation.prefix),
                    generation.id,
                    in_use=generation.id == current.id,
                    asked=_asked(generation.record),
                    indexes=tuple(map(str, generation.record.get("sources", ()))),
                    built=dict(generation.record.get("installed", {})),
                )
            )
    return found


def _asked(record: t.Mapping[str, t.Any]) -> frozenset[str]:
    """Names of what a virtual environment was asked for. uv marks all that it installs as requested."""
    if record.get("kind") != "venv":
        return frozenset()
    lines = map(str, record.get("requirements", ()))
    return frozenset(names.normalize(re.split(r"[\s\[;=<>!~@]", line, maxsplit=1)[0]) for line in lines)


def named(path: str) -> Question:
    """What stands at a path that the user gave: an environment's folder, or the program of a Python."""
    name = os.path.basename(path.rstrip("/")) or path
    kind, prefix = kind_of(path), path
    if kind == "system" and os.path.isfile(path):  # bin/python of an environment stands for that
        around = os.path.dirname(os.path.dirname(os.path.abspath(path)))
        if os.path.isdir(around) and kind_of(around) in ("venv", "conda"):
            kind, prefix = kind_of(around), around
    return Question(name, path, prefix, kind)


def kind_of(path: str) -> str:
    """C(conda), C(venv), C(system) for any other Python, or C(absent)."""
    if os.path.isdir(path):
        try:
            with Folder.at(path) as tree:
                kind = _kind_in(tree)
        except OSError:
            kind = ""
        return kind or ("system" if program_of(path) else "absent")
    return "system" if os.access(path, os.X_OK) else "absent"


def _kind_in(tree: Folder) -> str:
    """C(conda), C(venv), or nothing."""
    if tree.what("conda-meta") in ("a folder", LINK):
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta

        if meta.is_in(tree):
            return "conda"
    return "venv" if tree.what("pyvenv.cfg") else ""


def below(root: str, known: t.Container[str], notes: list[str] | None = None) -> t.Iterator[Question]:
    """Environments of others below a folder. Links are not followed, and what was found is not entered.

    What could not be looked at is added to ``notes``.
    """
    notes = [] if notes is None else notes
    root = os.path.normpath(root)
    try:
        with Folder.at(root, Allowance(_LONGEST)) as tree:
            for path, kind in _below(tree, os.path.realpath(root), 0, known, notes):
                yield Question(os.path.basename(path) or path, path, path, kind, within=root)
    except FileNotFoundError:
        return
    except OSError as exc:
        notes.append(f"{root} is not looked into: {exc.strerror}")
    except Unfinished as exc:
        notes.append(f"{root} was not looked through: {exc.found}")


def _below(
    place: Folder, real: str, depth: int, known: t.Container[str], notes: list[str]
) -> t.Iterator[tuple[str, str]]:
    """Paths and kinds; ``real`` is where ``place`` lies with its links resolved."""
    if place.path in _NEVER or real in known:
        return
    kind = _kind_in(place)
    if kind:
        yield place.path, kind
        if kind == "venv":
            return
    try:
        folders = place.folders()
    except OSError as exc:
        notes.append(f"{place.path} is not looked into: {exc.strerror}")
        return
    if kind == "conda":  # a base installation keeps its environments in here
        folders = ["envs"] if "envs" in folders else []
    for name in folders if depth < _DEEPEST else ():
        if name == ".generations" or os.path.join(place.path, name) in _NEVER:
            continue
        try:
            inside = place.folder(name)
        except FileNotFoundError:
            continue  # gone meanwhile
        except OSError as exc:
            notes.append(f"{os.path.join(place.path, name)} is not looked into: {exc.strerror}")
            continue
        with inside:
            yield from _below(inside, os.path.join(real, name), depth + 1, known, notes)
