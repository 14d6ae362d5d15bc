# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answering for a host what it would get; nothing is changed."""

from __future__ import annotations

import datetime
import os
import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import day
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue, load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import (
    desired_stack_of,
    facts_of,
    shown_answer,
    shown_facts,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    STACK_OPTIONS,
    DesiredStack,
    HostFacts,
    Refusal,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.facts import host_facts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe

_STACK_OPTIONS = (*STACK_OPTIONS, "compat")
_PYTHON_FOLDERS = ("/usr/bin", "/usr/local/bin")
_GCC_FOLDER = "/usr/lib/gcc"
_PYTHON = re.compile(r"python(3\.[0-9]+)")


@dataclass(frozen=True)
class Question:
    """``given`` are facts that stand in for what would be found on the host."""

    all_desired: DesiredStack
    given: dict[str, t.Any]
    catalogue: Catalogue
    refuse: bool
    ask_driver: bool


class StackPlan(Inquiry[Question, HostFacts]):
    """The loop's resource of stack_plan; its plans are empty."""

    _age: dict[str, t.Any]

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        catalogue = load(params["catalogue"])
        self._age = day.looked_at(params, context.warn)
        return [
            Question(
                desired_stack_of({name: params[name] for name in _STACK_OPTIONS}),
                dict(params["facts"] or {}),
                catalogue,
                params["fail_when_impossible"],
                params["ask_driver"],
            )
        ]

    def title(self, desired: Question) -> str:
        return "stack"

    def observe(self, desired: Question, context: Context) -> HostFacts:
        given = facts_of(desired.given)
        if "gpus" in desired.given:
            return given if given.today else replace(given, today=_today())
        seen = surroundings(context.host, observed(context, desired.ask_driver))
        return replace(seen, **{name: getattr(given, name) for name in desired.given})

    def describe(self, desired: Question, observed: HostFacts) -> dict[str, t.Any]:
        answer = solve(observed, desired.all_desired, desired.catalogue)
        shown = {
            "facts": shown_facts(observed, desired.catalogue),
            "desired": desired.all_desired.given(),
            "catalogue": self._age,
            **shown_answer(answer),
        }
        if desired.refuse and isinstance(answer, Refusal):
            raise answer.error("", **shown)
        return shown


def observed(context: Context, ask_driver: bool) -> HostFacts:
    """What gpu_info sees, in the words of the solver."""
    found = observe(context.host, context.commands, detail=False, ask_driver=ask_driver)
    return host_facts(found, context.host, today=_today())


def surroundings(host: Host, facts: HostFacts) -> HostFacts:
    """Compilers, glibc and Pythons of a host, from the names of files."""
    glibc = ""
    if host.root == "/" and "CS_GNU_LIBC_VERSION" in os.confstr_names:
        glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]
    return replace(facts, gcc=_gcc(host), glibc=glibc, pythons=_pythons(host))


def _pythons(host: Host) -> tuple[str, ...]:
    """The one that C(python3) starts comes first, then the newest."""
    found = {}
    for folder in _PYTHON_FOLDERS:
        for name in host.names(folder):
            version = _PYTHON.fullmatch(name)
            if version is not None:
                found[version.group(1)] = True
    default = _PYTHON.fullmatch(os.path.basename(os.path.realpath(host.path("/usr/bin/python3"))))
    first = [default.group(1)] if default is not None and default.group(1) in found else []
    newest = sorted(found, key=lambda version: int(version.partition(".")[2]), reverse=True)
    return tuple(dict.fromkeys([*first, *newest]))


def _gcc(host: Host) -> str:
    """The gcc that C(gcc) starts, by its link on Debian, else the newest whose libraries are there."""
    if not host.exists("/usr/bin/gcc"):
        return ""
    linked = re.search(r"gcc-([0-9]+)\Z", os.path.realpath(host.path("/usr/bin/gcc")))
    if linked is not None:
        return linked.group(1)
    versions = [name for folder in host.names(_GCC_FOLDER) for name in host.names(f"{_GCC_FOLDER}/{folder}")]
    return max((name for name in versions if name.isdigit()), key=int, default="")


def _today() -> str:
    return datetime.date.today().isoformat()
