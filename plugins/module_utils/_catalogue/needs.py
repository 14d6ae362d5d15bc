# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CUDA releases and framework builds ask of GPUs, drivers and Pythons. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import Driver, Known
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import CPU, Reason
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, minor_of, number

# How a driver runs programs of a CUDA release, the best first: as that release's own driver, inside its major version,
# or with the libraries of the package cuda-compat.
FULL, MINOR, FORWARD = 0, 1, 2


@dataclass(frozen=True)
class Release:
    """A CUDA release. ``row`` is None for one newer than the tables; ``like`` is then the newest row."""

    version: str
    row: Row | None
    like: Row

    @property
    def rule(self) -> Row:
        return self.row if self.row is not None else self.like

    @property
    def minor(self) -> str:
        return minor_of(self.version)

    @property
    def major(self) -> int:
        return number(self.version)[0]

    @property
    def minimum(self) -> str:
        """The driver that the release itself asks for, empty where nobody knows."""
        return self.row["driver"] if self.row is not None else ""

    @property
    def minor_minimum(self) -> str:
        """Empty where the release has no minor-version compatibility."""
        if self.row is None and number(self.like["version"])[0] != self.major:
            return ""
        return self.rule["minor_driver"]


@dataclass(frozen=True)
class Build:
    """A build of a framework. ``known`` is false for a release newer than the tables, which is taken to be like the
    newest one of ``row``."""

    name: str
    version: str
    row: Row
    known: bool = True

    @property
    def tag(self) -> str:
        return self.row["tag"]

    @property
    def on_cpu(self) -> bool:
        return self.row["tag"] == CPU

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}" + (f" ({self.tag})" if self.tag else "")


def refuses_release(gpu: Known, release: Release) -> Reason | None:
    """Why a GPU and a toolkit do not go together."""
    generation = gpu.generation
    if generation is None:
        return None
    first, last = generation["first_cuda"], generation["last_cuda"]
    if first and number(release.minor) < number(first):
        return generation.reason(f"CUDA {release.minor} does not know {gpu.title}: {first} is the first that does")
    if last and number(release.minor) > number(last):
        return generation.reason(f"CUDA {release.minor} has dropped {gpu.title}: {last} is the last with it")
    return None


def mode_of(
    driver: Driver, release: Release, gpus: t.Sequence[Known], catalogue: Catalogue, compat: bool
) -> tuple[int, Reason | None]:
    """How a driver runs a release, and if not, why. ``compat`` allows the forward compatibility package."""
    if driver.reaches(release.minimum):
        return FULL, None
    if release.minor_minimum and driver.reaches(release.minor_minimum):
        return MINOR, None
    needed = release.minor_minimum or release.minimum
    why = release.rule.reason(f"CUDA {release.minor} needs driver {needed} or newer, and {driver.title} is older")
    if not compat:
        return FORWARD, why
    forward = catalogue.forward(release.major)
    if forward is None or driver.branch not in forward["base_branches"].split():
        works = f"works on the branches {forward['base_branches']}" if forward else "is not known"
        reason = f"cuda-compat for CUDA {release.major} {works}"
        return FORWARD, forward.reason(reason) if forward else Reason(reason)
    other = next((gpu for gpu in gpus if not gpu.data_center), None)
    if other is not None:
        return FORWARD, forward.reason(f"cuda-compat is for data-centre GPUs, and this host has {other.title}")
    return FORWARD, None


def framework_mode(
    driver: Driver, build: Build, gpus: t.Sequence[Known], catalogue: Catalogue, architecture: str
) -> tuple[int, Reason | None]:
    """How a driver runs a framework's build on these GPUs, and if not, why."""
    minimum = catalogue.toolkit_minimum(build.row["cuda"])
    if minimum is None:
        return FULL, None
    best = MINOR
    if driver.reaches(minimum["driver"]):
        best = FULL
    elif not driver.reaches(minimum["minor_driver"] or minimum["driver"]):
        needed = minimum["minor_driver"] or minimum["driver"]
        text = f"{build.title} is built with CUDA {build.row['cuda']}, which needs driver {needed} or newer"
        return MINOR, minimum.reason(f"{text}, and {driver.title} is older")
    elif any(from_ptx(gpu, build, catalogue, architecture) for gpu in gpus):
        # Compiling PTX is a feature of the toolkit's own driver, not of minor-version compatibility.
        text = f"{build.title} has no machine code for these GPUs and compiles it, which needs driver"
        return MINOR, minimum.reason(f"{text} {minimum['driver']} or newer")
    return best, None


def refuses_build(gpu: Known, build: Build, catalogue: Catalogue, architecture: str) -> Reason | None:
    """Why a framework's build has no code for a GPU."""
    if build.on_cpu or not gpu.capability:
        return None
    wheel = catalogue.wheel(build.name, build.tag, architecture, build.version)
    if wheel is None:
        if architecture != "x86_64":
            return Reason(f"the tables have no wheel of {build.title} for {architecture}")
        return refuses_release(gpu, Release(build.row["cuda"], build.row, build.row))
    if not wheel["capabilities"]:
        return wheel.reason(f"wheels of {build.title} for {architecture} are builds for the CPU")
    if wheel["up_to"] and number(gpu.capability) > number(wheel["up_to"]):
        newest = f"{wheel['up_to']} is the newest capability with which they do"
        return wheel.reason(f"wheels of {build.title} do not work on {gpu.title}: {newest}")
    if _has_code(gpu, wheel) or from_ptx(gpu, build, catalogue, architecture):
        return None
    return wheel.reason(f"wheels of {build.title} have code for {wheel['capabilities']}, not for {gpu.title}")


def from_ptx(gpu: Known, build: Build, catalogue: Catalogue, architecture: str) -> bool:
    """Whether a GPU runs a build only by compiling its PTX."""
    wheel = catalogue.wheel(build.name, build.tag, architecture, build.version)
    if build.on_cpu or wheel is None or not gpu.capability or _has_code(gpu, wheel):
        return False
    return bool(wheel["ptx"]) and number(gpu.capability) >= number(wheel["ptx"])


def _has_code(gpu: Known, wheel: Row) -> bool:
    """Machine code for x.y runs on x.z where z is at least y (CUDA programming guide, binary compatibility)."""
    have = number(gpu.capability)
    return any(number(code)[0] == have[0] and number(code) <= have for code in wheel["capabilities"].split())


def refuses_glibc(build: Build, glibc: str, catalogue: Catalogue) -> Reason | None:
    """Why a build's wheels do not load on a host's glibc, None where that is not known."""
    row = catalogue.glibc(build.name, build.version)
    if row is None or not glibc or number(glibc) >= number(row["glibc"]):
        return None
    return row.reason(f"wheels of {build.name} {build.version} need glibc {row['glibc']}, and this host has {glibc}")


def refuses_python(build: Build, python: str) -> Reason | None:
    """Why a build has no wheel for a Python. A release newer than the tables may have one for a newer Python."""
    first, last = build.row["python_from"], build.row["python_to"]
    if number(python) < number(first) or (build.known and number(python) > number(last)):
        return build.row.reason(f"{build.name} {build.version} has wheels for Python {first} to {last}, not {python}")
    return None
