# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that belong to this collection as a whole: planned as data, written atomically, put back after a failure."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action


@dataclass(frozen=True)
class ManagedFile:
    """A file with all its text; None means that it shall not be there. ``purpose`` ends the sentence of its step."""

    path: str
    text: str | None
    purpose: str = ""
    mode: int = 0o644


def observe(host: Host, files: t.Iterable[ManagedFile]) -> dict[str, str | None]:
    """The present text of each, None where there is no such file."""
    return {file.path: host.read_text(file.path) for file in files}


def differing(files: t.Iterable[ManagedFile], found: t.Mapping[str, str | None]) -> list[ManagedFile]:
    """Those that are not as they shall be."""
    return [file for file in files if found.get(file.path) != file.text]


def actions(files: t.Iterable[ManagedFile], found: t.Mapping[str, str | None]) -> list[Action]:
    """A step for each of these files."""
    steps = []
    for file in files:
        verb = "delete" if file.text is None else "write"
        purpose = f" ({file.purpose})" if file.purpose else ""
        steps.append(Action(verb, file.path, f"{verb} {file.path}{purpose}"))
    return steps


def lines(files: t.Iterable[ManagedFile], texts: t.Mapping[str, str | None]) -> list[str]:
    """What a diff shows of these files."""
    shown = []
    for file in files:
        text = texts.get(file.path)
        if text is not None:
            shown += [f"{file.path}: {line}" for line in text.splitlines()]
    return shown


def texts(files: t.Iterable[ManagedFile]) -> dict[str, str | None]:
    """The texts as desired, in the form in which they are observed."""
    return {file.path: file.text for file in files}


@contextlib.contextmanager
def restored_on_failure(host: Host, paths: t.Iterable[str]) -> t.Iterator[None]:
    """Run the body; when it fails, these files are again what they were before it."""
    import os
    import stat

    before: dict[str, tuple[str, int] | None] = {}
    for path in paths:
        text = host.read_text(path)
        mode = stat.S_IMODE(os.stat(host.path(path)).st_mode) if text is not None else 0
        before[path] = None if text is None else (text, mode)
    try:
        yield
    except BaseException:
        for path, content in before.items():
            text, mode = content or (None, 0)
            if host.read_text(path) != text:
                write(host, ManagedFile(path, text, mode=mode))
        raise


def write(host: Host, file: ManagedFile) -> None:
    """Bring one file to what it shall be. Raises MlstackError where the disk or the rights do not allow it."""
    import os

    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, trust, writing

    path = host.path(file.path)
    with disk.explained(f"{'delete' if file.text is None else 'write'} {file.path}"):
        if file.text is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        disk.make_folder(os.path.dirname(path))
        trust.require(os.path.dirname(path), f"write {file.path}")
        writing.write_whole(path, file.text, file.mode)
