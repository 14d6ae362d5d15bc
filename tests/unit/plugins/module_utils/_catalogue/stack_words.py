# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and answers in the words of the table stacks.txt, so that a person can read and extend it."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    DesiredStack,
    Gpu,
    HostFacts,
    PresentDriver,
    Refusal,
    Stack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import minor_of

GPUS = {
    "fermi": "06d1",
    "gtx680": "1180",
    "k10": "118f",
    "k80": "102d",
    "gtx750ti": "1380",
    "gm107m": "179c",
    "m60": "13f2",
    "gp100": "15f0",
    "gp100board": "15fb",
    "p100": "15f8",
    "gtx1080": "1b80",
    "v100": "1db6",
    "t4": "1eb8",
    "a100": "20b2",
    "a10": "2236",
    "rtx3090": "2204",
    "l40s": "26b9",
    "rtx4090": "2684",
    "h100": "2330",
    "h200": "2335",
    "gh200": "2342",
    "b100": "2920",
    "b200": "2901",
    "hgxb200": "2909",
    "b300": "3182",
    "gb300": "31c3",
    "rubin": "3021",
    "rtx5060": "2f06",
    "rtx5090": "2b85",
    "rtxpro6000": "2bb5",
    "gb10": "2e12",
    "n1x": "2e03",
    "unknown": "ffff",
}
ARM = {"gh200", "gb10", "gb300", "n1x"}
# The distribution, its version, and the Python that it comes with.
SYSTEMS = {
    "jammy": ("ubuntu", "22.04", "3.10", "ubuntu2204"),
    "noble": ("ubuntu", "24.04", "3.12", "ubuntu2404"),
    "bookworm": ("debian", "12", "3.11", "debian12"),
    "trixie": ("debian", "13", "3.13", "debian13"),
    "rocky9": ("rocky", "9.6", "3.9", "rhel9"),
    "rocky10": ("rocky", "10.0", "3.12", "rhel10"),
}
TODAY = "2026-11-23"


def facts(gpus: str, host: str, present: str) -> HostFacts:
    """A host by the first three columns."""
    names = [name for name in gpus.split() if name not in ("none", "mig")]
    system, *traits = host.split()
    distribution, version, python, _folder = SYSTEMS[system]
    seen = HostFacts(
        gpus=tuple(Gpu(GPUS[name], mig="mig" in gpus.split()) for name in names),
        nvswitches=4 if "switches" in traits else 0,
        distribution=distribution,
        version=version,
        architecture="aarch64" if ARM & set(names) else "x86_64",
        pythons=(python,),
        managed_pythons="own" not in traits,
        secure_boot="secure" in traits,
        gcc=next((trait[3:] for trait in traits if trait.startswith("gcc")), ""),
        kernel=next((trait[6:] for trait in traits if trait.startswith("kernel")), ""),
        glibc=next((trait[5:] for trait in traits if trait.startswith("glibc")), ""),
        today=TODAY,
    )
    return seen if present == "-" else replace(seen, driver=PresentDriver(*present.split()))


def all_desired(text: str) -> DesiredStack:
    """Desired states by the fourth column: names and values, with commas between them."""
    given: dict[str, object] = {}
    for part in [] if text == "-" else split_desired(text):
        name, _space, value = part.partition(" ")
        given[name] = value or True
    return DesiredStack(**given)  # type: ignore[arg-type] # the words of a table, of any type


def split_desired(text: str) -> list[str]:
    """At commas that a name follows: a version range has commas of its own."""
    parts: list[str] = []
    for part in text.split(","):
        if part.strip()[:1].isalpha() or not parts:
            parts.append(part.strip())
        else:
            parts[-1] += f",{part}"
    return parts


def told(answer: Stack | Refusal) -> str:
    """An answer in the words of the last column."""
    if isinstance(answer, Refusal):
        return " ".join(["no", *answer.all_desired])
    notes = [(note.code, note.text) for note in answer.notes]
    parts = []
    if answer.driver is not None:
        driver = answer.driver
        kept = " kept" if driver.kept else ""
        fabric = " with fabric manager" if driver.fabric_manager else ""
        parts.append(f"driver {driver.version or driver.branch} {driver.flavour}{kept}{fabric}")
    if answer.toolkit is not None:
        how = f" by {answer.toolkit.compat_package}" if answer.toolkit.compat_package else ""
        parts.append(f"cuda {minor_of(answer.toolkit.version)}{how or by_minor(notes, 'CUDA')}")
    for framework in answer.frameworks:
        shown = f"{framework.name} {framework.tag}" if framework.name in ("torch", "jax") else framework.name
        host = " with libraries of the host" if "host_libraries" in dict(notes) else ""
        parts.append(shown + (host if framework.name == "tensorflow" else "") + by_minor(notes, framework.name))
    extra = {"branch_end_of_life": "end of life", "mig": "mig", "secure_boot": "secure boot"}
    parts += [word for code, word in extra.items() if code in dict(notes)]
    if answer.toolkit is not None and "host_compiler" in dict(notes):
        parts.append(f"gcc {answer.toolkit.host_gcc}")
    return ", ".join(parts) or "nothing"


def by_minor(notes: list[tuple[str, str]], name: str) -> str:
    found = any(code == "minor_compatibility" and text.startswith(name) for code, text in notes)
    return " by minor compatibility" if found else ""
