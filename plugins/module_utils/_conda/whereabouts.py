# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path to a conda environment means: the same for its shim, its prefix and a plain environment of conda's."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError


class Whereabouts(t.NamedTuple):
    """``prefix`` is the real environment. One of ours has its ``generation``, and ``name`` below ``root``."""

    prefix: str
    generation: Generation | None = None
    root: str = ""
    name: str = ""

    @property
    def record(self) -> t.Mapping[str, t.Any]:
        return self.generation.record if self.generation is not None else {}


def of(path: str) -> Whereabouts:
    """What stands at a path: a shim leads to its prefix by the records that it links; a path without any is itself."""
    records_folder = os.path.join(path, meta.FOLDER)
    if not os.path.isdir(records_folder):
        return Whereabouts(os.path.abspath(path))
    prefix = os.path.dirname(os.path.realpath(records_folder))
    folder, last = os.path.split(prefix)
    store, _slash, _generation = folder.rpartition("/")
    root, generations = os.path.split(os.path.dirname(store))
    if last != "prefix" or generations != ".generations":
        return Whereabouts(prefix)
    try:
        generation = records.load(folder)
    except (records.DamagedRecord, MlstackError):
        generation = None
    return Whereabouts(prefix, generation, root, os.path.basename(store)) if generation else Whereabouts(prefix)
