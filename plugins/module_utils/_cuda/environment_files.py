# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files by which every shell, and the loader, find the default toolkit."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import LINK
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile

MARK = "Written by gpufleet.mlstack: a change by hand is taken back."
PROFILE = "/etc/profile.d/gpufleet-cuda.sh"
LOADER = "/etc/ld.so.conf.d/gpufleet-cuda.conf"
# On the PATH of every shell, cron job and ssh command: those that are no login shells never read profile.d.
LAUNCHER = "/usr/local/bin/nvcc"

_PROFILE = f"""\
# {MARK}
case ":${{PATH}}:" in
    *:{LINK}/bin:*) ;;
    *) PATH="{LINK}/bin${{PATH:+:${{PATH}}}}" ;;
esac
CUDA_HOME="{LINK}"
export PATH CUDA_HOME
"""
_LAUNCHER = f"""\
#!/bin/sh
# {MARK}
# Debian's nvcc brings a choice of the host's compilers beside it, and looks for that on the PATH.
PATH="{LINK}/bin${{PATH:+:${{PATH}}}}"
export PATH
exec {LINK}/bin/nvcc "$@"
"""


def files(wanted: bool, *, compiler: bool, compat: bool = False) -> tuple[ManagedFile, ...]:
    """The three files as they shall be.

    ``compiler`` tells that the default toolkit has one, ``compat`` that its forward compatibility libraries go before
    the driver's own.
    """
    folders = [f"{LINK}/compat"] if compat else []
    folders += [f"{LINK}/lib64", f"{LINK}/lib"]
    loader = f"# {MARK}\n" + "".join(f"{folder}\n" for folder in folders)
    return (
        ManagedFile(PROFILE, _PROFILE if wanted else None, "for login shells"),
        ManagedFile(LOADER, loader if wanted else None, "for the loader"),
        ManagedFile(LAUNCHER, _LAUNCHER if wanted and compiler else None, "for all other shells", 0o755),
    )
