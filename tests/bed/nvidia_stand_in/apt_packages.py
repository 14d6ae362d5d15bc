# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for a driver's packages for apt: NVIDIA's repositories for Ubuntu and for Debian, and Ubuntu's archive.

Relations are those of `relations/`, each row with where it was read. NVIDIA's for Ubuntu are Canonical's of the same
branch, changed where a report tells of a difference; see README.md for what is not known.
"""

from __future__ import annotations

import base64
import csv
import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..package_specs import Package
from . import kernel_headers
from .driver_packages import (
    BRANCHES,
    FLAVOURS,
    LIBRARIES,
    RENAMED_ALL,
    RENAMED_DAEMONS,
    build,
    daemon,
    nvidia_smi,
    sources,
    unbuild,
)
from .kernel_module import module_file

_RELATIONS = Path(__file__).resolve().parent / "relations"
# Up to this branch NVIDIA's firmware had the version in its name, as Ubuntu's has.
_NAMED_FIRMWARE_UNTIL = 575
# The platform libraries come from other makers, with versions of their own.
_EGL = {
    "archive": {"libnvidia-egl-wayland1": ("1:1.1.13", "1build1")},
    "nvidia": {
        "libnvidia-egl-wayland1": ("1:1.1.20", "1ubuntu1"),
        "libnvidia-egl-gbm1": ("1.1.2.1", "1ubuntu1"),
        "libnvidia-egl-xcb1": ("1.0.3", "1ubuntu1"),
        "libnvidia-egl-xlib1": ("1.0.3", "1ubuntu1"),
    },
}
_BESIDE = ("nvidia-modprobe", "nvidia-settings")
_LIBRARY = f"{LIBRARIES['apt']}/libnvidia-ml.so"


@functools.cache
def _rows(table: str) -> tuple[Mapping[str, str], ...]:
    with (_RELATIONS / f"{table}.tsv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def _relations(text: str) -> tuple[str, ...]:
    """`a (>= 1), b` as this bed writes it: `a >= 1` and `b`."""
    words = (" ".join(part.replace("(", "").replace(")", "").split()) for part in text.split(","))
    return tuple(word.replace("<<", "<") for word in words if word)


def _driver(of_set: str, suffix: str, version: str, revision: str, made_from: str = "") -> Iterator[Package]:
    """The packages of one set of Ubuntu's archive, with this suffix in their names."""
    for row in _rows("ubuntu"):
        if row["set"] != of_set:
            continue

        def written(column: str, row: Mapping[str, str] = row) -> str:
            text = row[column] if suffix else row[column].replace("-{b}", "")
            return text.format(b=suffix.removeprefix("-"), version=version, full=f"{version}-{revision}")

        name = written("package")
        conflicts, replaces = _relations(written("conflicts")), _relations(written("replaces"))
        superseded = tuple(other for other in conflicts if other in replaces and other != name)
        yield Package(
            name,
            version,
            revision,
            _relations(written("depends")),
            tuple(other for other in conflicts if other not in superseded and other != name),
            superseded,
            tuple(other for other in _relations(written("provides")) if other != name),
            stand_in_for=name,
            made_from=made_from or f"nvidia-graphics-drivers-{of_set}",
        )


def _with_content(package: Package, suffix: str) -> Package:
    """A package with what makes a host see a driver."""
    version = package.upstream
    stem = package.name.replace(suffix, "", 1) if suffix else package.name
    flavour = "open" if stem.endswith("-open") else "proprietary"
    stem = stem.removesuffix("-open")
    if stem == "nvidia-kernel-common":
        return replace(package, files={f"/usr/lib/modprobe.d/nvidia{suffix}.conf": "blacklist nouveau\n"})
    if stem == "libnvidia-compute":
        links = {f"{_LIBRARY}.1": f"libnvidia-ml.so.{version}"}
        return replace(package, files={f"{_LIBRARY}.{version}": "stand-in\n"}, links=links)
    if stem == "nvidia-utils":
        return replace(package, files={"/usr/bin/nvidia-smi": nvidia_smi(version)})
    if stem == "nvidia-compute-utils":
        return replace(package, files=daemon("nvidia-persistenced", "nvidia-persistenced"))
    if stem == "nvidia-kernel-source":
        return replace(package, files=sources(version, flavour))
    if stem == "nvidia-dkms":
        return replace(package, after_install=build(version), before_removal=unbuild(version))
    return package


def archive(release: str) -> Iterator[Package]:
    """Ubuntu's archive, of a release such as 24.04: server branches, one that is not, and the dummies of another."""
    revision = f"0ubuntu0.{release}.1"
    for of_set in ("535-server", "580-server", "580"):
        branch = of_set.partition("-")[0]
        version, suffix = BRANCHES[branch][-1], f"-{of_set}"
        for package in _driver(of_set, suffix, version, revision):
            yield _with_content(package, suffix)
        if of_set != "580":
            yield from _archive_beside(branch, version, revision)
            yield from _prebuilt(branch, version, suffix)
    # Empty packages keep their old number and bring the next branch.
    yield from _driver("570-server", "-570-server", "570.211.01", f"0ubuntu1.{release}.1")
    yield from _egl("archive")


def _archive_beside(branch: str, version: str, revision: str) -> Iterator[Package]:
    """Fabric Manager and NSCQ fit the server branch alone, and from 580 on its very version."""
    common = f"nvidia-kernel-common-{branch}-server"
    needed = f"{common}-{version}" if int(branch) >= RENAMED_DAEMONS else f"{common} >= {version}"
    manager, nscq = f"nvidia-fabricmanager-{branch}", f"libnvidia-nscq-{branch}"
    for name, files, source in (
        (manager, daemon("nvidia-fabricmanager", "nv-fabricmanager"), f"fabric-manager-{branch}"),
        (nscq, {f"{LIBRARIES['apt']}/libnvidia-nscq.so.{version}": "stand-in\n"}, nscq),
    ):
        single = (f"{name.removesuffix(f'-{branch}')}-any",)
        yield Package(
            name, version, revision, (needed,), (), single, single, files, stand_in_for=name, made_from=source
        )


def _prebuilt(branch: str, version: str, suffix: str) -> Iterator[Package]:
    """Modules that Ubuntu has built and signed, for one kernel."""
    kernel = kernel_headers.release()
    for flavour in FLAVOURS:
        opened = suffix + ("-open" if flavour == "open" else "")
        modules = f"linux-modules-nvidia{opened}-{kernel}"
        folder = f"/lib/modules/{kernel}/kernel/nvidia-{branch}srv{'-open' if flavour == 'open' else ''}"
        content = base64.b64encode(module_file(version, flavour)).decode()
        yield Package(
            modules,
            kernel.partition("-")[0],
            "45.45",
            (f"nvidia-kernel-common{suffix} >= {version}",),
            provides=("nvidia-prebuilt-kernel",),
            obsoletes=("nvidia-prebuilt-kernel",),
            after_install=f"mkdir -p {folder} && echo {content} | base64 -d >{folder}/nvidia.ko",
            before_removal=f"rm -rf {folder}",
            stand_in_for=modules,
            made_from="linux-restricted-modules",
        )


def _egl(of: str) -> Iterator[Package]:
    made = {"wayland1": "egl-wayland", "gbm1": "egl-gbm", "xcb1": "egl-x11", "xlib1": "egl-x11"}
    for name, (version, revision) in _EGL[of].items():
        yield Package(name, version, revision, stand_in_for=name, made_from=made[name.rpartition("-")[2]])


def nvidia_for_ubuntu() -> Iterator[Package]:
    """NVIDIA's repository for Ubuntu."""
    for branch, versions in BRANCHES.items():
        for version in versions:
            yield from _nvidias(branch, version)
            yield from _nvidias_beside(branch, version, suffixed=int(branch) < RENAMED_ALL)
    yield from _pinnings()
    yield from _egl("nvidia")
    yield _subnet_manager()


def _nvidias(branch: str, version: str) -> Iterator[Package]:
    number = int(branch)
    suffix = f"-{branch}" if number < RENAMED_ALL else ""
    for package in _driver(branch if suffix else "580", suffix, version, "0ubuntu1", "" if suffix else "nvidia-driver"):
        name = package.name
        if number > _NAMED_FIRMWARE_UNTIL:
            name = name.removesuffix(f"-{version}") if name.startswith("nvidia-firmware") else name
            package = _plainly(replace(package, name=name, stand_in_for=name), version)
        if name == f"libnvidia-gl{suffix}" and number >= RENAMED_DAEMONS:
            platform = tuple(_EGL["nvidia"])
            package = replace(package, requires=(*package.requires, *platform), conflicts=())
        if name == f"nvidia-compute-utils{suffix}" and number >= RENAMED_DAEMONS:
            yield _persistenced(version, "0ubuntu1")
            others = ("nvidia-persistenced",)
            package = replace(
                package,
                requires=(*package.requires, f"nvidia-persistenced >= {version}"),
                provides=tuple(other for other in package.provides if other not in others),
                obsoletes=tuple(other for other in package.obsoletes if other not in others),
            )
            yield package
            continue
        yield _with_content(package, suffix)
    for name in (*((f"libnvidia-gpucomp{suffix}",) if number >= RENAMED_DAEMONS else ()), *_BESIDE):
        yield Package(name, version, "0ubuntu1", stand_in_for=name)
    yield from _metapackages(branch, version, suffix)


def _plainly(package: Package, version: str) -> Package:
    """A package whose relations name no package with a version in its name: Ubuntu has such, NVIDIA has not."""
    requires = tuple(text.removesuffix(f"-{version}") for text in package.requires)
    return replace(package, requires=requires)


def _persistenced(version: str, revision: str) -> Package:
    files = daemon("nvidia-persistenced", "nvidia-persistenced")
    name = "nvidia-persistenced"
    return Package(name, version, revision, files=files, stand_in_for=name)


def _metapackages(branch: str, version: str, suffix: str) -> Iterator[Package]:
    drivers = f"nvidia-driver{suffix}"
    others = (f"nvidia-open{suffix}", f"{drivers}-open")
    yield Package(
        f"cuda-drivers{suffix}",
        version,
        requires=(f"{drivers} >= {version}",),
        conflicts=others,
        stand_in_for=f"cuda-drivers{suffix}",
    )
    server = f" | {drivers}-server-open" if suffix else ""
    yield Package(
        f"nvidia-open{suffix}",
        version,
        requires=(f"{drivers}-open >= {version}{server}",),
        conflicts=(f"cuda-drivers{suffix}", drivers, *((f"{drivers}-server",) if suffix else ())),
        stand_in_for=f"nvidia-open{suffix}",
    )
    if suffix:
        for meta in ("cuda-drivers", "nvidia-open"):
            yield Package(meta, version, requires=(f"{meta}{suffix} = {version}-1",), stand_in_for=meta)


def _nvidias_beside(branch: str, version: str, *, suffixed: bool) -> Iterator[Package]:
    """What has one package for a branch up to 575, and from 580 on one for all, with the old names only provided."""
    old = int(branch) < RENAMED_DAEMONS
    tail = f"-{branch}" if old else ""
    for name, files in (
        ("nvidia-fabricmanager", daemon("nvidia-fabricmanager", "nv-fabricmanager")),
        ("nvidia-imex", daemon("nvidia-imex", "nvidia-imex")),
        ("libnvidia-nscq", {f"{LIBRARIES['apt']}/libnvidia-nscq.so.{version}": "stand-in\n"}),
        ("libnvsdm", {f"{LIBRARIES['apt']}/libnvsdm.so.{version}": "stand-in\n"}),
    ):
        single = (f"{name}-any",)
        virtual = (f"{name}-{branch}",) if not old and suffixed and name != "libnvsdm" else ()
        yield Package(
            name + tail,
            version,
            files=files,
            provides=(*single, *virtual),
            obsoletes=single,
            stand_in_for=name + tail,
        )


def _pinnings() -> Iterator[Package]:
    """They hold a branch, or one version, and only one of them at a time."""
    for held in (*BRANCHES, *(version for versions in BRANCHES.values() for version in versions)):
        name = f"nvidia-driver-pinning-{held}"
        pattern = f"{held}.*" if held in BRANCHES else f"{held}-*"
        pin = f"Package: *nvidia* cuda-drivers* libxnvctrl*\nPin: version {pattern}\nPin-Priority: 1000\n"
        single = ("nvidia-driver-pinning",)
        files = {"/etc/apt/preferences.d/nvidia-driver-pinning": pin}
        yield Package(name, held, "1", (), (), single, single, files, stand_in_for=name)


def _subnet_manager() -> Package:
    """NVLink's: a calendar for a version, and nothing in it that names a driver."""
    return Package("nvlsm", "2025.10.11", stand_in_for="nvlsm")


def nvidia_for_debian() -> Iterator[Package]:
    """NVIDIA's repository for Debian, with Debian's names."""
    for branch, versions in BRANCHES.items():
        for version in versions:
            yield from _debians(version)
            yield from _nvidias_beside(branch, version, suffixed=False)
    yield from _pinnings()
    yield from _egl("nvidia")


def _debians(version: str) -> Iterator[Package]:
    full = f"{version}-1"
    for row in _rows("nvidia-debian"):
        name = row["package"].format(version=version)
        depends = _relations(row["depends"].format(full=full, version=version))
        conflicts = _relations(row["conflicts"])
        flavour = "open" if name == "nvidia-kernel-open-dkms" else "proprietary"
        content: dict[str, object] = {}
        if name == "libnvidia-ml1":
            links = {f"{_LIBRARY}.1": f"libnvidia-ml.so.{version}"}
            content = {"files": {f"{_LIBRARY}.{version}": "stand-in\n"}, "links": links}
        elif name == "nvidia-driver-cuda":
            content = {"files": {"/usr/bin/nvidia-smi": nvidia_smi(version)}}
        elif name == "nvidia-kernel-support":
            content = {"files": {"/usr/lib/modprobe.d/nvidia.conf": "blacklist nouveau\n"}}
        elif name.endswith("-dkms"):
            scripts = {"after_install": build(version), "before_removal": unbuild(version)}
            content = {"files": sources(version, flavour), **scripts}
        elif name == "nvidia-persistenced":
            content = {"files": daemon("nvidia-persistenced", "nvidia-persistenced")}
        made_from = row["made_from"] or name
        yield Package(name, version, "1", depends, conflicts, stand_in_for=name, made_from=made_from, **content)  # type: ignore[arg-type]
