# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the conda program that a host has to the one that it should have: pure decisions."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

INSTALLER, BINARY = "installer", "binary"
# Where the projects publish their releases; {platform} is what each calls the machine.
_PUBLISHED = {
    INSTALLER: "https://github.com/conda-forge/miniforge/releases/download/{version}/Miniforge3-{version}-Linux-{platform}.sh",
    BINARY: "https://github.com/mamba-org/micromamba-releases/releases/download/{version}/micromamba-{platform}",
}
_PLATFORMS = {
    INSTALLER: {"x86_64": "x86_64", "aarch64": "aarch64", "ppc64le": "ppc64le"},
    BINARY: {"x86_64": "linux-64", "aarch64": "linux-aarch64", "ppc64le": "linux-ppc64le"},
}


@dataclass(frozen=True)
class DesiredProgram:
    """The program from ``url`` is to be at ``prefix``: unpacked by itself (Miniforge's C(.sh)), or as one file
    (micromamba). ``shell_init`` says whether login shells are to know it."""

    kind: str
    url: str
    sha256: str
    prefix: str
    shell_init: bool


@dataclass(frozen=True)
class ObservedProgram:
    """``sha256`` is that of the installer that made the prefix, as we noted it, else empty. ``standing`` is C(absent),
    C(ours), C(foreign) or C(unfinished). ``profile`` is the content of the prefix's file for login shells, None without
    it."""

    standing: str
    sha256: str = ""
    profile: str | None = None


def plan_program(desired: DesiredProgram, observed: ObservedProgram, profile: str) -> Plan:
    """The steps; ``profile`` is what the file for login shells should hold. Raises MlstackError."""
    actions: list[Action] = []
    if observed.standing == "foreign":
        raise MlstackError(
            "occupied",
            wanted=f"a conda program at {desired.prefix}",
            found="something stands there that is not of this collection's making",
            to_fix="name it with the option executable of conda_env as it is, or choose another prefix",
        )
    if observed.standing == "unfinished":
        actions.append(
            Action("clean", desired.prefix, f"delete what an interrupted installation left in {desired.prefix}")
        )
    if observed.standing == "ours" and desired.kind == INSTALLER and observed.sha256 != desired.sha256:
        # An installer refuses to update a prefix, and the environments in it are people's.
        raise MlstackError(
            "other_release",
            wanted=f"the release with sha256 {desired.sha256[:12]} at {desired.prefix}",
            found=f"that with {observed.sha256[:12]}",
            to_fix="give the new release a prefix of its own, or update the old one with conda itself",
        )
    if observed.standing != "ours" or observed.sha256 != desired.sha256:
        actions.append(Action("install", desired.prefix, f"install {desired.url} into {desired.prefix}"))
    if desired.shell_init and observed.profile != profile:
        actions.append(Action("init", desired.prefix, f"let login shells know {desired.prefix}"))
    if not desired.shell_init and observed.profile is not None:
        actions.append(Action("uninit", desired.prefix, f"let login shells know {desired.prefix} no longer"))
    before = {name: f"{desired.prefix} {observed.sha256}" for name in ("program",) if observed.sha256}
    changing = any(action.verb == "install" for action in actions)
    after = {"program": f"{desired.prefix} {desired.sha256}"} if changing else before
    return Plan(tuple(actions), tuple(before.values()), tuple(after.values()))


def published(kind: str, version: str, machine: str) -> str:
    """The URL of a release for a machine; empty where the project publishes none for it."""
    platform = _PLATFORMS[kind].get(machine, "")
    return _PUBLISHED[kind].format(version=version, platform=platform) if platform else ""


def profile_path(prefix: str) -> str:
    """The file for login shells: one for each prefix, so that none takes away what another one has put there."""
    return f"/etc/profile.d/mlstack-{re.sub('[^A-Za-z0-9._+-]', '-', prefix.strip('/'))}.sh"


def profile_text(desired: DesiredProgram) -> str:
    """What login shells read: the program on PATH, and for an installation its shell function, which activates."""
    lines = ["# Made by gpufleet.mlstack.conda_program; it takes this file away again."]
    if desired.kind == INSTALLER:
        lines.append(
            f'if [ -f "{desired.prefix}/etc/profile.d/conda.sh" ]; then . "{desired.prefix}/etc/profile.d/conda.sh"; fi'
        )
    else:
        lines.append(f'export PATH="$PATH:{desired.prefix}/bin"')
    return "".join(f"{line}\n" for line in lines)


def result(desired: DesiredProgram) -> dict[str, t.Any]:
    name = "conda" if desired.kind == INSTALLER else "micromamba"
    return {"prefix": desired.prefix, "executable": f"{desired.prefix}/bin/{name}"}
