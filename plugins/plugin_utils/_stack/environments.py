# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments that ask for frameworks, told as environments with pinned packages."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import desired_stack_of, facts_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    AUTO,
    FRAMEWORKS,
    PRESENT,
    Refusal,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.told import TORCH_INDEX

# The keys of an environment that are ours and that pip_pinned does not know.
KEYS = (*FRAMEWORKS, "cuda")
_RELEASE = re.compile(r"([0-9]+)\.([0-9]+)(?:\.[0-9]+)?")
_VERSION = re.compile(r"[0-9]+\.[0-9]+(?:\.[0-9]+)?")
# A match specification of conda for its Python: python=3.11, conda-forge::python ==3.11.9, python>=3.10.
_CONDA_PYTHON = re.compile(
    r"(?:[\w./-]+::)?python(?:\s*={1,2}\s*([0-9]+\.[0-9]+)(?:[.0-9]*|\.\*)(?:=.*)?|[\s<>=!~].*)?"
)


@dataclass(frozen=True)
class Resolved:
    """Environments in the words of pip_pinned or conda_env, and the indexes that they need beside the usual one."""

    environments: tuple[dict[str, t.Any], ...]
    indexes: tuple[str, ...]


def resolved(
    environments: t.Sequence[t.Mapping[str, t.Any]],
    found: t.Any,
    rows: t.Any = None,
    index: str = "",
    conda: bool = False,
) -> Resolved:
    """Each environment with C(torch), C(tensorflow) or C(jax) gets the build for GPUs and driver of this host.

    ``found`` is a result of stack_plan, ``index`` the address of a mirror of the indexes of PyTorch's builds. In
    environments of ``conda`` pip installs it. Raises MlstackError where a desired state is impossible.
    """
    facts, catalogue = facts_of(dict(found)["facts"]), load(rows)
    if conda:
        facts = replace(facts, pythons=(), managed_pythons=True)  # each environment brings its own
    told: list[dict[str, t.Any]] = []
    indexes: dict[str, None] = {}
    for environment in environments:
        rest = {name: value for name, value in environment.items() if name not in KEYS}
        given = {name: environment[name] for name in FRAMEWORKS if environment.get(name)}
        if given:
            all_desired = desired_stack_of(
                {**given, "wheel": tag_of(environment.get("cuda")), "python": _python(rest, conda)}
            )
            # A driver that the host has is not changed for a Python environment.
            all_desired = replace(all_desired, driver=PRESENT if facts.driver is not None and facts.gpus else "")
            answer = solve(facts, all_desired, catalogue)
            if isinstance(answer, Refusal):
                raise answer.error(f"{_told(given)} in the environment {environment.get('name')}")
            key = "pip_packages" if conda else "packages"
            rest[key] = [*(rest.get(key) or []), *(part.requirement for part in answer.frameworks)]
            if conda and not rest.get("file") and not _conda_pythons(rest):
                rest["packages"] = [f"python={answer.python}", *(rest.get("packages") or [])]
            elif not conda and not rest.get("python") and facts.pythons and answer.python != facts.pythons[0]:
                rest["python"] = answer.python
            needed = [part.index for part in answer.frameworks if part.index]
            indexes.update(
                dict.fromkeys(url.replace(TORCH_INDEX, index.rstrip("/"), 1) if index else url for url in needed)
            )
        told.append(rest)
    return Resolved(tuple(told), tuple(indexes))


def _python(environment: t.Mapping[str, t.Any], conda: bool) -> str:
    """The version that an environment names; a path, C(auto) and a range say nothing of it."""
    if conda:
        return next((match.group(1) for match in _conda_pythons(environment) if match.group(1)), "")
    text = str(environment.get("python") or "")
    return text if _VERSION.fullmatch(text) else ""


def _conda_pythons(environment: t.Mapping[str, t.Any]) -> list[re.Match[str]]:
    """What an environment of conda asks of its Python."""
    matches = (_CONDA_PYTHON.fullmatch(str(spec).strip()) for spec in environment.get("packages") or [])
    return [match for match in matches if match is not None]


def tag_of(cuda: t.Any) -> str:
    """The wheel tag that C(cuda) of an environment means: C(auto), C(cpu), C(cu126), or a release (C(12.6))."""
    text = str(cuda or AUTO)
    release = _RELEASE.fullmatch(text)
    return f"cu{release.group(1)}{release.group(2)}" if release else text


def _told(given: t.Mapping[str, t.Any]) -> str:
    return " and ".join(f"{name} {value}" for name, value in given.items())
