# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a package manager would answer once pins or streams were changed, without changing them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.plan_sources import SourcesChange
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Sources

_PREFERENCES = "/etc/apt/preferences.d"


@contextlib.contextmanager
def options(host: Host, desired: Sources | None, change: SourcesChange) -> t.Iterator[tuple[str, ...]]:
    """Options for apt-get or dnf, good for the body.

    Apt reads its preferences from a copy of the folder, with the change made in it. Dnf sees all of a repository whose
    stream is to be switched; the versions of what is asked for tell the streams apart as well.
    """
    pins = [file for file in change.files if file.path.startswith(_PREFERENCES)]
    if change.streams and desired is not None:
        yield tuple(f"--setopt={repository.name}.module_hotfixes=1" for repository in desired.repositories)
    elif pins:
        folder = tempfile.mkdtemp(prefix="gpufleet-mlstack-")
        try:
            _copy(host, pins, folder)
            yield (f"--option=Dir::Etc::PreferencesParts={folder}",)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        yield ()


def _copy(host: Host, pins: t.Sequence[ManagedFile], folder: str) -> None:
    changed = {os.path.basename(file.path): file.text for file in pins}
    texts = {name: host.read_text(f"{_PREFERENCES}/{name}") for name in host.names(_PREFERENCES)}
    for name, text in {**texts, **changed}.items():
        if text is not None:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                stream.write(text)
