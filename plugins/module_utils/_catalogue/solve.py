# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compatibility solver: facts and desired states in, one set that holds together out, or the fewest desired
states that cannot.

It is pure: no file, no clock, no program. The day by which end of life is judged is part of the facts.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import candidates, gpus
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    AUTO,
    CPU,
    FRAMEWORKS,
    Alternative,
    DesiredStack,
    HostFacts,
    Refusal,
    Stack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.search import Search
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.told import told

_MOST_REASONS = 4


def solve(facts: HostFacts, all_desired: DesiredStack, catalogue: Catalogue) -> Stack | Refusal:
    """One set for this host, or why there is none. Raises InvalidArguments for a desired state that nothing could
    mean.
    """
    candidates.check(all_desired)
    choice = Search(facts, all_desired, catalogue).run()
    if choice is not None:
        return told(choice, facts, all_desired, catalogue)
    given = all_desired.given()
    for size in range(len(given) + 1):
        for names in itertools.combinations(given, size):
            few = only(all_desired, names)
            search = Search(facts, few, catalogue)
            if search.run() is None:
                found = (
                    _nearest(facts, all_desired, few, catalogue)
                    if names
                    else _without_gpus(facts, all_desired, catalogue)
                )
                conflict = {name: given[name] for name in names}
                return Refusal(conflict, tuple(search.trail.reasons[:_MOST_REASONS]), tuple(found))
    raise AssertionError("all desired states together were refused")


def only(all_desired: DesiredStack, names: t.Container[str]) -> DesiredStack:
    """These desired states alone; what is merely allowed stays allowed."""
    changes: dict[str, t.Any] = {
        name: AUTO if name in ("flavour", "wheel") else "" for name in all_desired.given() if name not in names
    }
    return replace(all_desired, **changes)


def _nearest(
    facts: HostFacts, all_desired: DesiredStack, few: DesiredStack, catalogue: Catalogue
) -> t.Iterator[Alternative]:
    """For each desired state of a conflict (``few``) the nearest value with which all the others hold, or, where
    those have a conflict of their own, the others of this one."""
    given = few.given()
    for name in given:
        for kept in (all_desired, few):
            stack = _found(facts, kept, catalogue, name)
            value = _value(stack, name) if stack is not None else ""
            if stack is not None and value not in ("", given[name]):
                yield Alternative(name, f"take {name} {value} instead of {given[name]}", stack)
            if stack is not None:
                break
    if set(FRAMEWORKS) & set(given) and all_desired.wheel == AUTO and not all_desired.cuda and facts.gpus:
        stack = _found(facts, replace(all_desired, wheel=CPU), catalogue)
        if stack is not None:
            yield Alternative("wheel", "take a build for the CPU (wheel cpu)", stack)
    if "cuda" in given and not all_desired.compat:
        stack = _found(facts, replace(all_desired, compat=True), catalogue)
        if stack is not None and stack.toolkit is not None:
            yield Alternative("compat", f"allow the package {stack.toolkit.compat_package}", stack)


def _found(facts: HostFacts, all_desired: DesiredStack, catalogue: Catalogue, *relaxed: str) -> Stack | None:
    choice = Search(facts, all_desired, catalogue, relaxed).run()
    return told(choice, facts, all_desired, catalogue) if choice is not None else None


def _value(stack: Stack, name: str) -> str:
    """What a set has in place of a desired state."""
    framework = stack.framework(name)
    if framework is not None:
        return framework.version
    if name == "wheel":
        return ", ".join(choice.tag for choice in stack.frameworks if choice.tag)
    if name == "python":
        return stack.python
    if name == "cuda":
        return stack.toolkit.version if stack.toolkit else ""
    if stack.driver is None:
        return ""
    if name == "flavour":
        return stack.driver.flavour
    least = f" ({stack.driver.minimum} or newer)" if stack.driver.minimum else ""
    return (stack.driver.version or stack.driver.branch) + least


def _without_gpus(facts: HostFacts, all_desired: DesiredStack, catalogue: Catalogue) -> t.Iterator[Alternative]:
    """Which kinds of GPU would have to go for the rest to work."""
    titles = {gpu.pci_id: gpus.known(gpu, catalogue).product for gpu in facts.gpus}
    for pci_id, title in titles.items():
        rest = tuple(gpu for gpu in facts.gpus if gpu.pci_id != pci_id)
        if not rest:
            continue
        fewer = replace(facts, gpus=rest)
        stack = _found(fewer, all_desired, catalogue)
        if stack is not None:
            yield Alternative(title, f"take {title} out of this host", stack)
