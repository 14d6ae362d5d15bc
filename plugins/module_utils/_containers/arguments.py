# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a task's arguments to what is desired."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import (
    Desired,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

# Readers of CDI take files with these endings alone, and nvidia-ctk its form by it.
_CDI_FILE = re.compile(r"/[^\x00-\x1f\x7f]+/[^/\x00-\x1f\x7f]+\.(?:yaml|json)\Z")
_PATH = re.compile(r"/[^\x00-\x1f\x7f]+\Z")


def read(params: t.Mapping[str, t.Any]) -> Desired:
    """The task. Raises InvalidArguments."""
    cdi_file = params["cdi_file"] or ""
    if cdi_file and not _CDI_FILE.match(cdi_file):
        raise _invalid(f"cdi_file {cdi_file!r}", "that is no absolute path that ends in .yaml or .json")
    if not _PATH.match(params["docker_config"]):
        raise _invalid(f"docker_config {params['docker_config']!r}", "that is no absolute path")
    return Desired(
        state=params["state"],
        engines=tuple(dict.fromkeys(params["engines"])),
        default_runtime=params["default_runtime"],
        cdi=params["cdi"],
        cdi_file=cdi_file,
        restart=params["restart"],
        docker_config=params["docker_config"],
        toolkit_follows=params["toolkit_follows"],
    )


def _invalid(wanted: str, found: str) -> InvalidArguments:
    return InvalidArguments("invalid_arguments", wanted=wanted, found=found, to_fix="name such a file")
