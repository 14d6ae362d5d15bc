# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's package repositories: a row for each distribution and architecture, with key and fingerprint.

Where NVIDIA's own images hold the key's file against a digest and nobody told the fingerprint, that digest stands in
its place. The directory of 64-bit Arm servers is C(sbsa). Clones of RHEL use its directories.
"""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, rows

SITE = "https://developer.download.nvidia.com/compute/cuda/repos"
# Which NVIDIA/gpu-driver-container holds the key against, without its line that begins with Version.
_RHEL10_KEY = "sha256:afbea87d3b979b3788ef34223aeeb323ade481128e2c133723ae99b8a51368bb"
TABLE = f"""
folder            | key          | fingerprint                              | status    | source
ubuntu2004/x86_64 | 3bf863cc.pub | EB693B3035CD5710E231E123A4B469963BF863CC | verified  | gcp-installer
ubuntu2204/x86_64 | 3bf863cc.pub | EB693B3035CD5710E231E123A4B469963BF863CC | verified  | repo-issue-39
ubuntu2204/sbsa   | 3bf863cc.pub | EB693B3035CD5710E231E123A4B469963BF863CC | derived   | repo-issue-39
ubuntu2404/x86_64 | 3bf863cc.pub | EB693B3035CD5710E231E123A4B469963BF863CC | verified  | repo-issue-39
ubuntu2404/sbsa   | 3bf863cc.pub | EB693B3035CD5710E231E123A4B469963BF863CC | derived   | repo-issue-39
ubuntu2604/x86_64 | 60DF8A40.pub | 14BAFBC7562AD710CA04E69905FBB6DA60DF8A40 | secondary | key-lists
ubuntu2604/sbsa   | 60DF8A40.pub | 14BAFBC7562AD710CA04E69905FBB6DA60DF8A40 | secondary | key-lists
debian12/x86_64   | 3bf863cc.pub | EB693B3035CD5710E231E123A4B469963BF863CC | memory    | memory
debian13/x86_64   | 8793F200.pub |                                          | secondary | repo-issue-39
rhel8/x86_64      | D42D0685.pub | 610C7B14E068A878070DA4E99CD0A493D42D0685 | verified  | slurm-appliance
rhel8/sbsa        | D42D0685.pub | 610C7B14E068A878070DA4E99CD0A493D42D0685 | derived   | slurm-appliance
rhel9/x86_64      | D42D0685.pub | 610C7B14E068A878070DA4E99CD0A493D42D0685 | verified  | slurm-appliance
rhel9/sbsa        | D42D0685.pub | 610C7B14E068A878070DA4E99CD0A493D42D0685 | derived   | slurm-appliance
rhel10/x86_64     | CDF6BA43.pub | {_RHEL10_KEY}                            | verified  | container-el10
rhel10/sbsa       | CDF6BA43.pub | {_RHEL10_KEY}                            | verified  | container-el10
"""
# The key that NVIDIA withdrew in April 2022 and that must not stay trusted (NVIDIA/cuda-repo-management, issue 4).
WITHDRAWN_FINGERPRINT = "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80"
_MACHINES = {"x86_64": "x86_64", "aarch64": "sbsa"}
_CLONES_OF_RHEL = ("rhel", "rocky", "almalinux", "centos", "ol")


def repository(distribution: str, version: str, architecture: str) -> Row | None:
    """The row of a system by ID and VERSION_ID of its os-release, or None where NVIDIA publishes none."""
    major, _dot, minor = version.partition(".")
    if distribution in _CLONES_OF_RHEL:
        system = f"rhel{major}"
    else:
        system = f"ubuntu{major}{minor}" if distribution == "ubuntu" else f"{distribution}{major}"
    wanted = f"{system}/{_MACHINES.get(architecture, architecture)}"
    return next((row for row in rows(TABLE) if row["folder"] == wanted), None)


def folder(distribution: str, version: str, architecture: str) -> str:
    """The directory below SITE, or empty."""
    row = repository(distribution, version, architecture)
    return row["folder"] if row is not None else ""
