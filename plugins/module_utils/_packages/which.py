# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package manager a host has, with its repositories, and whether files show that it was cut off."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution, Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import TRANSACTIONS, PackageManager
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.sources import SourcesOfHost


def manager_for(host: Host, commands: Commands, distribution: Distribution) -> PackageManager:
    """The package manager of a distribution's family. Raises MlstackError for any other, or where it is missing."""
    # Imported here: a host needs one of them only, and the modules travel in source form.
    if name_for(host, distribution) == "apt":
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.apt import Apt

        return Apt(host, commands)
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf import Dnf

    return Dnf(host, commands)


def name_for(host: Host, distribution: Distribution) -> str:
    """C(apt) or C(dnf). Raises MlstackError where neither is at home."""
    if distribution.family == "Debian" and host.which("apt-get"):
        return "apt"
    dnf = host.which("dnf")
    if distribution.family == "RedHat" and dnf and os.path.basename(os.path.realpath(dnf)) != "dnf5":
        return "dnf"
    known = distribution.name or distribution.id or "no os-release file"
    raise MlstackError(
        "unsupported_host",
        wanted="manage system packages",
        found=f"{known}, where neither apt-get (Debian, Ubuntu) nor dnf 4 (Rocky, Alma, RHEL 9 and 10) is at home",
        to_fix="use a supported distribution, or leave this phase out for this host",
    )


def sources_for(host: Host, commands: Commands, manager: str) -> SourcesOfHost:
    """The one of the host's package manager, C(apt) or C(dnf)."""
    if manager == "apt":
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.apt_repositories import AptSources

        return AptSources(host, commands)
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_repositories import DnfSources

    return DnfSources(host, commands)


def left_unfinished(host: Host, distribution: Distribution) -> bool:
    """Whether files show that an earlier run has left something, for whom a manager is not worth asking. What dpkg has
    left is in the state of each package."""
    if host.names(TRANSACTIONS):
        return True
    if distribution.family != "RedHat":
        return False
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_history import History

    return bool(History(host).unfinished())
