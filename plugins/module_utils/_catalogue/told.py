# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A choice of rows told as a set, with what a person should know of it. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import candidates, gpus
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import Driver, Known
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    CPU,
    DesiredStack,
    DriverChoice,
    FrameworkChoice,
    HostFacts,
    Note,
    Stack,
    ToolkitChoice,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.needs import FORWARD, MINOR, Build, Release
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.repositories import folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.search import Choice
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import branch_of, number

# Each tag of PyTorch's builds is an index of its own (PyTorch, get started; the address is that of its own indexes).
TORCH_INDEX = "https://download.pytorch.org/whl"


def told(choice: Choice, facts: HostFacts, all_desired: DesiredStack, catalogue: Catalogue) -> Stack:
    """The set of a choice."""
    known = [gpus.known(gpu, catalogue) for gpu in facts.gpus]
    driver = _driver(choice, known, facts, catalogue) if choice.driver is not None else None
    return Stack(
        driver=driver,
        toolkit=_toolkit(choice, catalogue) if choice.release is not None else None,
        frameworks=tuple(_framework(build, choice.python) for build in choice.builds),
        python=choice.python,
        repository=folder(facts.distribution, facts.version, facts.architecture),
        notes=tuple(_notes(choice, driver, known, facts, all_desired, catalogue)),
    )


def _driver(choice: Choice, known: list[Known], facts: HostFacts, catalogue: Catalogue) -> DriverChoice:
    driver = t.cast(Driver, choice.driver)
    minima = [gpus.first_driver(gpu, driver.branch) for gpu in known]
    if choice.release is not None and choice.modes["cuda"] != FORWARD:
        lesser = choice.modes["cuda"] == MINOR
        minima.append(choice.release.minor_minimum if lesser else choice.release.minimum)
    for build in choice.builds:
        row = catalogue.toolkit_minimum(build.row["cuda"])
        if row is not None:
            minima.append(row["minor_driver"] if choice.modes[build.name] == MINOR else row["driver"])
    inside = [minimum for minimum in minima if branch_of(minimum) == driver.branch and "." in minimum]
    present = facts.driver.flavour if facts.driver is not None else ""
    return DriverChoice(
        branch=driver.branch,
        flavour=choice.flavour,
        minimum="" if driver.version else max(inside, key=number, default=""),
        version=driver.version,
        kept=driver.kept and present in ("", choice.flavour),
        fabric_manager=bool(facts.nvswitches) or any(_always_fabric(gpu) for gpu in known),
    )


def _always_fabric(gpu: Known) -> bool:
    return gpu.row is not None and gpu.row["fabric"] == "always"


def _toolkit(choice: Choice, catalogue: Catalogue) -> ToolkitChoice:
    release = t.cast(Release, choice.release)
    compat = f"cuda-compat-{release.minor.replace('.', '-')}" if choice.modes["cuda"] == FORWARD else ""
    gcc = catalogue.host_gcc(release.version)
    return ToolkitChoice(release.version, compat, gcc["gcc"] if gcc is not None else "")


def _framework(build: Build, python: str) -> FrameworkChoice:
    """The local part of a version tells PyTorch's builds apart, so that a build of another index never stands in."""
    pythons = (build.row["python_from"], build.row["python_to"])
    if build.name == "torch":
        requirement = f"torch=={build.version}+{build.tag}"
        index = f"{TORCH_INDEX}/{build.tag}"
    else:
        extra = f"[{build.row['extra']}]" if build.row["extra"] and not build.on_cpu else ""
        requirement, index = f"{build.name}{extra}=={build.version}", ""
    return FrameworkChoice(build.name, build.version, requirement, build.tag, index, build.row["cuda"], pythons)


def _notes(
    choice: Choice,
    driver: DriverChoice | None,
    known: list[Known],
    facts: HostFacts,
    all_desired: DesiredStack,
    catalogue: Catalogue,
) -> list[Note]:
    notes: list[Note] = []
    if driver is None:
        if all_desired.driver or all_desired.flavour != "auto":
            notes.append(Note("no_gpu", "this host has no GPU of NVIDIA, and so gets no driver"))
    elif choice.driver is not None:
        notes += _driver_notes(choice.driver, driver, known, facts)
    if choice.release is not None:
        notes += _toolkit_notes(choice, choice.release, facts, catalogue)
    notes += [note for build in choice.builds for note in _framework_notes(choice, build, facts)]
    notes += _unverified(choice, known, facts, catalogue)
    return list(dict.fromkeys(notes))


def _driver_notes(row: Driver, driver: DriverChoice, known: list[Known], facts: HostFacts) -> list[Note]:
    notes = []
    if facts.foreign:
        text = f"the driver of this host is somebody else's ({facts.owner}), and is taken as it is"
        notes.append(Note("driver_of_others", text))
    if row.row is not None and candidates.ended(row.row, facts.today):
        since = f" in {row.row['end']}" if number(row.row["end"]) != number("") else ""
        notes.append(Note("branch_end_of_life", f"support of driver branch {driver.branch} ended{since}"))
    if driver.fabric_manager:
        notes.append(Note("fabric_manager", "Fabric Manager must have the very version of the driver"))
    if any(_always_fabric(gpu) for gpu in known):
        notes.append(Note("nvlsm", "boards with NVLink 5 need nvlsm and infiniband-diags beside Fabric Manager"))
    if not driver.kept and any(gpu.gpu.mig for gpu in known):
        text = "MIG is on: instances do not outlive a change of the driver, and must be made again after it"
        notes.append(Note("mig", text))
    if not driver.kept and facts.secure_boot and not facts.key_enrolled:
        text = "secure boot is on: modules built here load only when signed with a key that the firmware knows"
        notes.append(Note("secure_boot", text))
    return notes


def _toolkit_notes(choice: Choice, release: Release, facts: HostFacts, catalogue: Catalogue) -> list[Note]:
    notes = []
    title = f"CUDA {release.version}"
    if choice.modes["cuda"] == MINOR:
        text = f"{title} runs by minor-version compatibility: PTX of its nvcc and new driver features need driver"
        notes.append(Note("minor_compatibility", f"{text} {release.minimum or 'newer'}"))
    elif choice.modes["cuda"] == FORWARD:
        text = f"{title} runs through cuda-compat, whose libraries programs must find before the driver's"
        notes.append(Note("forward_compatibility", text))
    limit = catalogue.host_gcc(release.version)
    if limit is not None and facts.gcc and number(facts.gcc)[0] > number(limit["gcc"])[0]:
        text = f"nvcc of {title} takes gcc up to {limit['gcc']}, and this host has {facts.gcc}: install an older one"
        notes.append(Note("host_compiler", f"{text} beside it and name it in NVCC_CCBIN"))
    return notes


def _framework_notes(choice: Choice, build: Build, facts: HostFacts) -> list[Note]:
    notes = []
    if choice.modes[build.name] == MINOR:
        text = f"{build.title} runs by minor-version compatibility with CUDA {build.row['cuda']}"
        notes.append(Note("minor_compatibility", text))
    if build.row["channel"] == "experimental":
        notes.append(Note("experimental", f"{build.title} is an experimental build"))
    if build.tag == CPU and facts.gpus:
        notes.append(Note("cpu_build", f"{build.title} does not use this host's GPUs"))
    if build.name == "tensorflow" and not build.on_cpu and not build.row["extra"]:
        text = f"{build.title} brings no libraries of CUDA: without CUDA {build.row['cuda']} and its cuDNN on the host"
        notes.append(Note("host_libraries", f"{text} it uses the CPU only"))
    if choice.python not in {python for python in facts.pythons if python} and facts.pythons:
        text = f"Python {choice.python} is not on this host ({', '.join(facts.pythons)}): a managed one is needed"
        notes.append(Note("managed_python", text))
    return notes


def _unverified(choice: Choice, known: list[Known], facts: HostFacts, catalogue: Catalogue) -> list[Note]:
    """One note for each part that rests on what nobody read in a source, or that is newer than the tables."""
    doubts = [f"{gpu.title} is not in the tables" for gpu in known if gpu.row is None]
    doubts += [f"{gpu.product} is known from memory" for gpu in known if gpu.row is not None and not gpu.verified]
    driver, release = choice.driver, choice.release
    if driver is not None and driver.row is None:
        doubts.append(f"driver branch {driver.branch} is not in the tables")
    elif driver is not None and driver.row is not None and not driver.row.verified:
        doubts.append(f"what is known of driver branch {driver.branch} was not read in a source")
    if release is not None and release.row is None:
        doubts.append(f"CUDA {release.version} is newer than the tables")
    elif release is not None and release.row is not None and not release.row.verified:
        doubts.append(f"the driver for CUDA {release.version} was not read in a source")
    if choice.modes.get("cuda") == FORWARD:
        doubts.append("the branches for cuda-compat were not read in a source")
    for build in choice.builds:
        wheel = catalogue.wheel(build.name, build.tag, facts.architecture, build.version)
        if not build.known:
            doubts.append(
                f"{build.name} {build.version} is newer than the tables and taken to be like {build.row['version']}"
            )
        elif known and not build.on_cpu and (wheel is None or not wheel.verified):
            doubts.append(f"the GPUs for which {build.title} has code were not read in a source")
    return [Note("unverified", doubt) for doubt in dict.fromkeys(doubts)]
