# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the solver is told of a host, what can be wanted of it, and the two answers: a set that holds together, or why
there is none.

Versions are strings as people write them. A driver branch is the first number of its versions (C(580)). Whatever is not
known is empty, and the solver then neither refuses nor promises.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

OPEN, PROPRIETARY, AUTO = "open", "proprietary", "auto"
# As a desired state of a driver: the one that the host has, as it is.
PRESENT = "present"
OWN = "host"
# The wheel tag of builds without CUDA.
CPU = "cpu"
# The frameworks that can be asked for, in the order in which they are chosen.
FRAMEWORKS = ("torch", "tensorflow", "jax")


@dataclass(frozen=True)
class Gpu:
    """One GPU. ``pci_id`` is its device id, four lower-case hex digits (C(20b2)); ``product`` and ``capability``
    (C(8.0)) are what somebody who knows better than the catalogue says, ``mig`` that its MIG mode is on."""

    pci_id: str
    product: str = ""
    capability: str = ""
    mig: bool = False


@dataclass(frozen=True)
class PresentDriver:
    """The driver of the host. ``source`` is C(distribution), C(nvidia), C(runfile) or C(unknown)."""

    version: str
    flavour: str = ""
    source: str = ""


@dataclass(frozen=True)
class HostFacts:
    """What the host is.

    ``distribution`` and ``version`` are ID and VERSION_ID of os-release, ``architecture`` is the machine's
    (C(x86_64), C(aarch64)). ``pythons`` are the versions (C(3.11)) that it has, ``managed_pythons`` tells that others
    can be had. ``nvswitches`` counts them. ``secure_boot`` and ``key_enrolled`` are None where nobody knows. ``today``
    (C(2026-11-23)) is the day by which end of life is judged; empty, it is not. ``owner`` is whose the driver of the
    host is, in the words of gpu_info; one of somebody else stays as it is.
    """

    gpus: tuple[Gpu, ...] = ()
    nvswitches: int = 0
    distribution: str = ""
    version: str = ""
    architecture: str = "x86_64"
    kernel: str = ""
    secure_boot: bool | None = None
    key_enrolled: bool | None = None
    gcc: str = ""
    glibc: str = ""
    pythons: tuple[str, ...] = ()
    managed_pythons: bool = True
    driver: PresentDriver | None = None
    today: str = ""
    owner: str = OWN

    @property
    def foreign(self) -> bool:
        """Whether the driver is somebody else's to change."""
        return self.owner != OWN


@dataclass(frozen=True)
class DesiredStack:
    """What is wanted of a host. What is empty is left to the solver, or not wanted at all.

    ``driver`` is a branch (C(580)), an exact version, or C(present). Empty, a driver that fits stays.
    ``cuda`` is a toolkit (C(12.4), C(12.4.1)) or C(auto), the newest that fits. ``torch``, ``tensorflow`` and
    ``jax`` are versions as C(2.x), C(2.8), C(2.8.0), C(==2.8.0) or C(>=2.6,<2.9). ``wheel`` is a tag of PyTorch such as
    C(cu126), C(cpu), or C(auto). ``python`` is C(3.11). ``compat`` allows the forward compatibility package where the
    driver is too old for ``cuda``.
    """

    driver: str = ""
    flavour: str = AUTO
    cuda: str = ""
    torch: str = ""
    tensorflow: str = ""
    jax: str = ""
    wheel: str = AUTO
    python: str = ""
    compat: bool = False

    def given(self) -> dict[str, str]:
        """The desired states that can conflict, by name: those that are not left to the solver."""
        named = {name: getattr(self, name) for name in STACK_OPTIONS}
        return {name: value for name, value in named.items() if value not in ("", AUTO) or (name == "cuda" and value)}


# The names of desired states, in the order in which they are told.
STACK_OPTIONS = ("driver", "flavour", "cuda", *FRAMEWORKS, "wheel", "python")


@dataclass(frozen=True)
class Note:
    """Something that a person should know of a set. ``code`` is stable: C(branch_end_of_life), C(unverified),
    C(minor_compatibility), C(forward_compatibility), C(host_compiler), C(secure_boot), C(mig), C(no_gpu), ..."""

    code: str
    text: str


@dataclass(frozen=True)
class DriverChoice:
    """``version`` is exact or empty; ``minimum`` is what the branch must at least be at, empty where any release of it
    does. ``kept`` tells that the host has it already. ``fabric_manager`` tells that the host needs the Fabric Manager
    of the very same version."""

    branch: str
    flavour: str
    minimum: str = ""
    version: str = ""
    kept: bool = False
    fabric_manager: bool = False


@dataclass(frozen=True)
class ToolkitChoice:
    """A CUDA toolkit by its release (C(12.4.1)). ``compat_package`` is the forward compatibility package that its
    programs need with the driver, or empty. ``host_gcc`` is the newest gcc that its nvcc takes, or empty."""

    version: str
    compat_package: str = ""
    host_gcc: str = ""


@dataclass(frozen=True)
class FrameworkChoice:
    """``name`` is C(torch), C(tensorflow) or C(jax); ``version`` the newest release of the tables that fits (C(2.8));
    ``requirement`` what pip is asked for. ``tag`` is the wheel tag, ``index`` the URL of the index that has it, or
    empty for the index that is used anyway."""

    name: str
    version: str
    requirement: str
    tag: str = ""
    index: str = ""
    cuda: str = ""
    pythons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """One set that holds together. Parts that nobody asked for and nothing needs are None. ``repository`` is the
    directory of NVIDIA's repository for this host (C(ubuntu2404/x86_64)), or empty."""

    driver: DriverChoice | None = None
    toolkit: ToolkitChoice | None = None
    frameworks: tuple[FrameworkChoice, ...] = ()
    python: str = ""
    repository: str = ""
    notes: tuple[Note, ...] = ()

    def framework(self, name: str) -> FrameworkChoice | None:
        return next((choice for choice in self.frameworks if choice.name == name), None)


@dataclass(frozen=True)
class Reason:
    """One fact that stands in the way. ``source`` is where it is written; ``verified`` tells that it was read there."""

    text: str
    source: str = ""
    verified: bool = True

    def __str__(self) -> str:
        return self.text + (f" ({self.source}{'' if self.verified else ', unverified'})" if self.source else "")


@dataclass(frozen=True)
class Alternative:
    """The nearest set that holds when ``instead_of`` is given up; ``text`` says it in words. ``instead_of`` names a
    desired state, or a GPU that would have to go."""

    instead_of: str
    text: str
    stack: Stack


@dataclass(frozen=True)
class Refusal:
    """No set holds. ``desired`` are the fewest that cannot hold together on this host, by name; they are empty where
    the host's own parts contradict each other. Dropping any one of them leaves desired states that can hold."""

    all_desired: dict[str, str] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def error(self, title: str, **details: t.Any) -> MlstackError:
        """The refusal as the error of a module. ``title`` says what is refused (C(driver 590 on gpu01))."""
        return MlstackError(
            "stack_impossible",
            wanted=title or " with ".join(f"{name} {value}" for name, value in self.all_desired.items()),
            found="; ".join(str(reason) for reason in self.reasons),
            to_fix="; or ".join(choice.text for choice in self.alternatives) or "change the hardware of this host",
            conflict=dict(self.all_desired),
            **details,
        )
