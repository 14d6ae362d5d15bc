# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.

"""Finding the environments of a host that an audit is about. Only names and links are read."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

AUTO = "auto"
_DEEPEST = 8  # levels below a root that is searched: nobody keeps environments deeper, and trees of data are endless
_NEVER = {"/proc", "/sys", "/dev", "/run"}


@dataclass(frozen=True)
class Question:
    """One thing to audit: ``prefix`` is where its packages are, ``path`` how people call it.

    Of a generation the record tells ``asked``, the names that somebody wished for, ``indexes``, where it was built
    from, and ``built``, names to versions. ``damage`` says why there is no generation where one should be.
    """

    name: str
    path: str
    prefix: str
    kind: str  # venv, conda, system, file or absent
    generation: str = ""
    in_use: bool = True
    asked: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()
    built: t.Mapping[str, str] = field(default_factory=dict)
    damage: str = ""


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
    return Question(name, path, path, kind_of(path))


def kind_of(path: str) -> str:
    """C(conda), C(venv), C(system) for any other Python, or C(absent)."""
    if os.path.isdir(path):
        if os.path.isdir(os.path.join(path, "conda-meta")):
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta

            if meta.is_prefix(path):
                return "conda"
        if os.path.exists(os.path.join(path, "pyvenv.cfg")):
            return "venv"
        return "system" if program_of(path) else "absent"
    return "system" if os.access(path, os.X_OK) else "absent"


def program_of(path: str) -> str:
    """The Python of a folder, or the path itself where that is a program; empty where there is none."""
    if os.path.isfile(path):
        return path
    candidates = (os.path.join(path, "bin", name) for name in ("python3", "python"))
    return next((item for item in candidates if os.access(item, os.X_OK)), "")


def below(root: str, known: t.Container[str]) -> t.Iterator[Question]:
    """Environments of others below a folder. Links are not followed, and what was found is not entered."""
    pending = [(os.path.normpath(root), 0)]
    while pending:
        folder, depth = pending.pop()
        if folder in _NEVER or os.path.realpath(folder) in known:
            continue
        kind = "" if not os.path.isdir(folder) else kind_of(folder)
        if kind in ("conda", "venv"):
            yield named(folder)
            if kind == "venv":
                continue
        try:
            with os.scandir(folder) as entries:
                names = sorted(item.name for item in entries if item.is_dir(follow_symlinks=False))
        except OSError:
            continue  # another user's, or gone meanwhile
        if kind == "conda":  # a base installation keeps its environments in here
            names = ["envs"] if "envs" in names else []
        if depth < _DEEPEST:
            pending += [(os.path.join(folder, name), depth + 1) for name in reversed(names) if name != ".generations"]
