# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the place of an existing plain directory: it is moved aside whole, and never deleted."""

from __future__ import annotations

import json
import os
import typing as t
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.place import Place
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, reading, writing

_MOST_BYTES = 1 << 16

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.users import Usage


def adopt(place: Place, generation: str, now: datetime) -> str:
    """Put the link where a directory stands; returns where the directory lies then.

    With RENAME_EXCHANGE the two swap places in one system call. Where the filesystem cannot do that there are two
    renames, and a journal from which repair() puts the directory back should we be killed between them.
    """
    with disk.explained(f"move {place.link} aside and put the environment in its place"):
        folder = _folder(place, now)
        aside = os.path.join(folder, "prefix")
        note = {
            "adopted": True,
            "from": place.link,
            "created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "note": f"Made at {place.link}: its scripts and settings name that path. Kept for its owner, never used.",
        }
        writing.write_whole(os.path.join(folder, records.FILE), records.render(note, id=os.path.basename(folder)))
        # The link waits where the directory is to go: after the swap nothing is left to tidy.
        os.symlink(place.target(generation), aside)
        if not disk.exchange(aside, place.link):
            _in_two_steps(place, generation, aside)
        disk.sync_folder(folder)
        disk.sync_folder(place.root)
    return aside


def _folder(place: Place, now: datetime) -> str:
    stem = os.path.join(place.store, now.strftime("adopted-%Y%m%dT%H%M%S"))
    folder, count = stem, 1
    while os.path.lexists(folder):
        count += 1
        folder = f"{stem}-{count}"
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    return folder


def _in_two_steps(place: Place, generation: str, aside: str) -> None:
    writing.write_whole(place.journal, json.dumps({"aside": aside, "generation": generation}))
    os.unlink(aside)
    os.rename(place.link, aside)
    writing.replace_link(place.link, place.target(generation), place.new_link)
    os.unlink(place.journal)


def repair(place: Place) -> None:
    """Undo an adoption that was killed between its two renames: what stood there stands there again."""
    try:
        aside = str(json.loads(reading.read_text(place.journal, _MOST_BYTES))["aside"])
    except reading.NotReadable as exc:
        if exc.code == reading.ABSENT:
            return
        raise MlstackError(
            "file_unreadable",
            wanted=f"put back what stood at {place.link}",
            found=f"the note of where it lies, {place.journal}, cannot be read: {exc.reason}",
            to_fix="see what that is, and delete it",
        ) from exc
    with disk.explained(f"put back what stood at {place.link}"):
        ours = os.path.dirname(os.path.dirname(aside)) == place.store
        if ours and not os.path.lexists(place.link) and os.path.isdir(aside) and not os.path.islink(aside):
            os.rename(aside, place.link)
            disk.sync_folder(place.root)
        os.unlink(place.journal)


def refuse_in_use(place: Place, usage: Usage) -> None:
    """Raise MlstackError, naming them, while processes use what is about to be moved or deleted."""
    if not usage.users and usage.complete:
        return
    listed = [str(user) for user in usage.users]
    raise MlstackError(
        "in_use",
        wanted=f"take away what stands at {place.link}",
        found=f"it is used by {', '.join(listed)}" if listed else "this user may not see whether processes use it",
        to_fix="end these processes, then run the task again" if listed else "run the task as root",
        users=listed,
    )
