# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts, desired states, sets and refusals as plain data: what modules take and return, and filters work with. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, fields

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import gpus
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    DesiredStack,
    Gpu,
    HostFacts,
    PresentDriver,
    Refusal,
    Stack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments


def desired_stack_of(given: t.Mapping[str, t.Any]) -> DesiredStack:
    """Desired states by their names; what is None or missing is left to the solver. Raises InvalidArguments for
    other names.
    """
    known = {field.name: field.default for field in fields(DesiredStack)}
    _only_known("the desired state", given, known)
    kept = {name: value for name, value in given.items() if value is not None and value != ""}
    typed: dict[str, t.Any] = {
        name: bool(value) if isinstance(known[name], bool) else str(value) for name, value in kept.items()
    }
    return DesiredStack(**typed)


def facts_of(given: t.Mapping[str, t.Any]) -> HostFacts:
    """The facts that shown_facts() wrote, or that somebody made up for a host that is not there yet."""
    known = {field.name: field.default for field in fields(HostFacts)}
    _only_known("the fact", given, known)
    facts: dict[str, t.Any] = {}
    for name, value in given.items():
        if name == "gpus":
            facts[name] = tuple(_gpu(entry) for entry in value or [])
        elif name == "driver":
            facts[name] = _driver(value) if value else None
        elif name == "pythons":
            facts[name] = tuple(map(str, value or []))
        elif name == "nvswitches":
            facts[name] = int(value or 0)
        elif isinstance(known[name], str):
            facts[name] = "" if value is None else str(value)
        else:
            facts[name] = value
    return HostFacts(**facts)


def _gpu(entry: t.Any) -> Gpu:
    if isinstance(entry, str):
        return Gpu(entry.lower().rpartition(":")[2])
    names = {"pci_id", "product", "capability", "mig"}
    given = {name: value for name, value in dict(entry).items() if name in names and value is not None}
    pci_id = str(given.pop("pci_id", "")).lower().rpartition(":")[2]
    mig = given.pop("mig", False)
    # gpu_info tells the mode as a mapping.
    on = mig.get("current") == "Enabled" if isinstance(mig, t.Mapping) else bool(mig)
    return Gpu(pci_id, mig=on, **{name: str(value) for name, value in given.items()})


def _driver(value: t.Any) -> PresentDriver:
    if isinstance(value, t.Mapping):
        return PresentDriver(*(str(value.get(name) or "") for name in ("version", "flavour", "source")))
    return PresentDriver(str(value))


def _only_known(what: str, given: t.Mapping[str, t.Any], known: t.Container[str]) -> None:
    for name in given:
        if name not in known:
            raise InvalidArguments(
                "unknown_name",
                wanted=f"{what} {name}",
                found="there is none of that name",
                to_fix="see the documentation of gpufleet.mlstack.stack_plan",
            )


def shown_facts(facts: HostFacts, catalogue: Catalogue) -> dict[str, t.Any]:
    """Facts with what the catalogue knows of the GPUs."""
    shown = asdict(facts)
    shown["pythons"] = list(facts.pythons)
    shown["gpus"] = []
    for gpu in facts.gpus:
        known = gpus.known(gpu, catalogue)
        shown["gpus"].append(
            {"pci_id": gpu.pci_id, "product": known.product, "capability": known.capability, "mig": gpu.mig}
        )
    return shown


def shown_stack(stack: Stack) -> dict[str, t.Any]:
    """A set as data; frameworks by name."""
    return {
        "driver": asdict(stack.driver) if stack.driver else None,
        "toolkit": asdict(stack.toolkit) if stack.toolkit else None,
        "frameworks": {choice.name: {**asdict(choice), "pythons": list(choice.pythons)} for choice in stack.frameworks},
        "python": stack.python,
        "repository": stack.repository,
        "notes": [asdict(note) for note in stack.notes],
        "summary": summary(stack),
    }


def shown_answer(answer: Stack | Refusal) -> dict[str, t.Any]:
    """The answer of the solver: C(possible), and C(stack) or C(refusal)."""
    if isinstance(answer, Stack):
        return {"possible": True, "stack": shown_stack(answer), "refusal": None}
    refusal = {
        "conflict": dict(answer.all_desired),
        "reasons": [asdict(reason) for reason in answer.reasons],
        "alternatives": [
            {"instead_of": choice.instead_of, "text": choice.text, "stack": shown_stack(choice.stack)}
            for choice in answer.alternatives
        ],
        "text": str(answer.error("")),
    }
    return {"possible": False, "stack": None, "refusal": refusal}


def summary(stack: Stack) -> str:
    """A set in one line."""
    parts = []
    if stack.driver is not None:
        driver = stack.driver
        least = f" >= {driver.minimum}" if driver.minimum else ""
        kept = ", kept" if driver.kept else ""
        parts.append(f"driver {driver.version or driver.branch}{least} ({driver.flavour}{kept})")
        if driver.fabric_manager:
            parts.append("Fabric Manager")
    if stack.toolkit is not None:
        through = f" with {stack.toolkit.compat_package}" if stack.toolkit.compat_package else ""
        parts.append(f"CUDA {stack.toolkit.version}{through}")
    parts += [choice.requirement for choice in stack.frameworks]
    if stack.python:
        parts.append(f"Python {stack.python}")
    return ", ".join(parts) or "nothing to do"
