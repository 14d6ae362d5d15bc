# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages a toolkit is, by NVIDIA's and the distributions' names. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    COMPAT,
    COMPILER,
    DISTRIBUTION,
    FULL,
    NVIDIA,
    RUNTIME,
    Desired,
    DesiredToolkit,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import ABSENT, PRESENT, DesiredPackage

DISTRIBUTION_PACKAGE = "nvidia-cuda-toolkit"
# What is a driver, or builds one. The distribution's own library of the driver (libcuda1) is not: its toolkit links it.
DRIVER = (
    r"(?:cuda-drivers|nvidia-open(?:-\d+)?\Z|nvidia-driver|nvidia-headless|nvidia-dkms|nvidia-kernel|nvidia-open-kernel"
    r"|kmod-nvidia|akmod-nvidia|linux-modules-nvidia|cuda-runtime-)"
)
WHY_NO_DRIVER = "toolkits come without a driver here: ask for the driver with nvidia_driver, and for a toolkit alone"

# NVIDIA's packages of a release end in it; these are the ones that do, and that no other publisher has.
_OF_RELEASE = r"^(?:cuda|lib(?:cu|npp|nv)|nsight|gds|nvidia-gds)[a-z0-9-]*-{dashed}\Z"
_SHARED = r"^(?:cuda-toolkit(?:-\d+)?(?:-config-common)?|libcudnn\d.*|libnccl.*|cudnn.*)\Z"
_MAJORS = ("11", "12", "13")  # for which there is a cuDNN 9
_OF_MAJOR = r"^(?:cuda-toolkit-{major}(?:-config-common)?|libcudnn\d+(?:-[a-z]+)?-cuda-{major})\Z"


def of_toolkit(toolkit: DesiredToolkit, manager: str) -> list[tuple[str, str]]:
    """The packages to ask for, each with a version or a pattern; empty for methods that bring none."""
    if toolkit.method == DISTRIBUTION:
        return [(DISTRIBUTION_PACKAGE, f"{toolkit.version or toolkit.release}*")]
    if toolkit.method != NVIDIA:
        return []
    dashed, version = toolkit.dashed, toolkit.version
    headers = {"apt": "cuda-cudart-dev", "dnf": "cuda-cudart-devel"}[manager]
    return {
        FULL: [(f"cuda-toolkit-{dashed}", version)],
        COMPILER: [(f"cuda-compiler-{dashed}", version), (f"{headers}-{dashed}", "")],
        RUNTIME: [(f"cuda-libraries-{dashed}", version)],
    }[toolkit.components]


def of_libraries(desired: Desired) -> list[tuple[str, str]]:
    """cuDNN and NCCL for the default toolkit's major release."""
    chosen = desired.chosen
    if chosen is None:
        return []
    found = []
    headers = {"apt": "dev", "dnf": "devel"}[desired.manager]
    if desired.cudnn:
        number = desired.cudnn.partition(".")[0].rstrip("*")
        pattern = desired.cudnn if "." in desired.cudnn else f"{number}.*"
        if int(number) >= 9:
            names = (f"libcudnn{number}-cuda-{chosen.major}", f"libcudnn{number}-{headers}-cuda-{chosen.major}")
            found += [(name, pattern) for name in names]
        else:
            # Before 9 the release of CUDA stood in the version.
            suffix = f"{pattern.rstrip('*')}*+cuda{chosen.major}.*"
            found += [(name, suffix) for name in (f"libcudnn{number}", f"libcudnn{number}-{headers}")]
    if desired.nccl:
        pattern = f"{desired.nccl.rstrip('*')}*+cuda{chosen.major}.*"
        library = {"apt": "libnccl2", "dnf": "libnccl"}[desired.manager]
        found += [(library, pattern), (f"libnccl-{headers}", pattern)]
    return found


def of_compatibility(desired: Desired) -> list[tuple[str, str]]:
    """The forward compatibility packages, where they are wanted."""
    if desired.driver != COMPAT:
        return []
    return [(f"cuda-compat-{toolkit.dashed}", "") for toolkit in desired.present if toolkit.method == NVIDIA]


def wanted(desired: Desired, installed: t.Sequence[str]) -> list[DesiredPackage]:
    """Everything that shall be there. A hold covers all packages of its release among ``installed``: parts of a toolkit
    are upgraded one by one."""
    entries: dict[str, DesiredPackage] = {}
    for toolkit in desired.present:
        for name, version in of_toolkit(toolkit, desired.manager):
            entries[name] = DesiredPackage(name, (name,), PRESENT, version, toolkit.hold)
        if toolkit.hold is not None and toolkit.method == NVIDIA:
            for name in of_release(toolkit.dashed, installed):
                entries.setdefault(name, DesiredPackage(name, (name,), PRESENT, "", toolkit.hold))
    for name, version in [*of_libraries(desired), *of_compatibility(desired)]:
        entries[name] = DesiredPackage(name, (name,), PRESENT, version)
    for name in _of_other_majors(desired):
        entries[name] = DesiredPackage(name, (name,), ABSENT, "", False)
    return list(entries.values())


def _of_other_majors(desired: Desired) -> list[str]:
    """cuDNN for other major releases: they bring the same files, so there can be one only."""
    wanted = [name for name, _version in of_libraries(desired)]
    numbered = [
        name for name in wanted if desired.chosen is not None and name.endswith(f"-cuda-{desired.chosen.major}")
    ]
    return [
        f"{name.rpartition('-')[0]}-{major}" for name in numbered for major in _MAJORS if not name.endswith(f"-{major}")
    ]


def unwanted(desired: Desired, installed: t.Sequence[str]) -> list[str]:
    """What goes with the toolkits that shall be absent. Shared parts go with the last one that needs them."""
    gone: set[str] = set()
    for toolkit in desired.absent:
        if toolkit.method == NVIDIA:
            gone |= set(of_release(toolkit.dashed, installed))
        elif toolkit.method == DISTRIBUTION:
            gone |= {name for name in installed if name == DISTRIBUTION_PACKAGE}
    left = [name for name in installed if name not in gone and re.match(r"^cuda-.*-\d+-\d+\Z", name)]
    if not any(toolkit.method == NVIDIA for toolkit in desired.absent):
        return sorted(gone)
    staying = [toolkit.dashed for toolkit in desired.present if toolkit.method == NVIDIA]
    for major in {toolkit.major for toolkit in desired.absent}:
        if not any(re.search(rf"-{major}-\d+\Z", name) for name in left) and not any(
            dashed.startswith(f"{major}-") for dashed in staying
        ):
            gone |= {name for name in installed if re.match(_OF_MAJOR.format(major=major), name)}
    if not left and not staying:
        gone |= {name for name in installed if re.match(_SHARED, name)}
    return sorted(gone)


def of_release(dashed: str, installed: t.Iterable[str]) -> list[str]:
    """The installed packages of one release."""
    pattern = re.compile(_OF_RELEASE.format(dashed=re.escape(dashed)))
    return sorted(name for name in installed if pattern.match(name))


def driver_needs_repository(installed: t.Iterable[str]) -> bool:
    """Whether packages of a driver are there, whose repository must then stay."""
    return any(re.match(DRIVER, name) for name in installed)
