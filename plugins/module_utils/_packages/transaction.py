# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The folder in which a run of a package manager writes down what it does."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

FOLDER = "/var/lib/gpufleet-mlstack/transactions"


@contextlib.contextmanager
def folder(host: Host, wished: str) -> t.Iterator[str]:
    """A new folder that only root may read, gone at the end. Raises MlstackError where none can be made."""
    path = f"{host.path(FOLDER)}/{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    with disk.explained(wished):
        disk.make_folder(os.path.dirname(path))
        os.chmod(os.path.dirname(path), 0o700)
        os.mkdir(path, 0o700)
    try:
        yield path
    finally:
        disk.delete(path)
