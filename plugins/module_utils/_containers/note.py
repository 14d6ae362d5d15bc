# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we keep of what we did, so that taking it back leaves the user's things as they were."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import NOTE, Note
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_MOST_BYTES = 8 << 20


def read(host: Host) -> Note:
    """Our note; an empty one where there is none. Raises MlstackError for one that cannot be read: what it held of the
    user's would be lost."""
    try:
        text = reading.read_text(host.path(NOTE), _MOST_BYTES, errors="strict")
    except reading.NotReadable as exc:
        if exc.code in (reading.ABSENT, reading.NOT_PERMITTED):
            return Note()
        raise _unreadable(exc.reason) from exc
    try:
        data = json.loads(text)
        before = {str(path): None if held is None else str(held) for path, held in data["before"].items()}
        return Note(before, tuple(map(str, data["made"])), there=True)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _unreadable("it is none of ours") from exc


def with_file(note: Note, path: str, text: str | None) -> Note:
    """The note, knowing what a file held before our first change of it."""
    return Note({path: text, **note.before}, note.made, there=True)


def with_made(note: Note, path: str) -> Note:
    """The note, knowing a file as ours."""
    return Note(note.before, tuple(dict.fromkeys((*note.made, path))), there=True)


def write(host: Host, note: Note) -> None:
    """Keep the note, for root alone: a configuration can hold passwords of proxies."""
    text = json.dumps({"before": dict(note.before), "made": list(note.made)}, indent=1, sort_keys=True)
    managed.write(host, managed.ManagedFile(NOTE, text + "\n", mode=0o600))


def forget(host: Host) -> None:
    managed.write(host, managed.ManagedFile(NOTE, None))


def _unreadable(why: str) -> t.Any:
    return MlstackError(
        "note_unreadable",
        wanted="to know what was changed here before",
        found=f"{NOTE} cannot be read: {why}",
        to_fix="look at it; without it daemon.json has to be brought back by hand",
    )
