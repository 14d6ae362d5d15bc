# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment that is to be cloned holds."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    contents,
    history,
    info,
    meta,
    state_file,
    whereabouts,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import verify


def of_source(source: str, desired: DesiredCondaEnvironment) -> contents.Contents:
    """The contents of ``source``: an environment below the same root by name, or any conda prefix by path."""
    place = whereabouts.of(source if "/" in source else os.path.join(desired.root, source))
    prefix, record = place.prefix, dict(place.record)
    if not meta.is_prefix(prefix):
        raise MlstackError(
            "no_such_environment",
            wanted=f"environment {desired.name} as a clone of {source}",
            found="no conda environment is there",
            to_fix="correct clone_of: the name of an environment below the same root, or the path of a prefix",
        )
    found = meta.read(prefix, entries=True)
    if found.broken:
        raise MlstackError(
            "source_broken",
            wanted=f"environment {desired.name} as a clone of {source}",
            found="; ".join(f"conda-meta/{item.file}: {item.reason}" for item in found.broken),
            to_fix="repair that environment first",
        )
    without = [item.stem for item in found.packages if not item.url]
    if without:
        raise MlstackError(
            "source_unknown",
            wanted=f"environment {desired.name} as a clone of {source}",
            found=f"the records of {', '.join(without)} do not say where these packages came from",
            to_fix="install them from a channel there, or describe the clone by packages",
        )
    pip, _broken = info.beside_conda(prefix, found)
    if not record:
        names = {item.name for item in found.packages}
        record["specs"] = list(history.requested(history.read(prefix), names).values())
    variables = state_file.read(prefix)
    return contents.of_clone(record, found.packages, [verify.frozen(item) for item in pip], variables)
