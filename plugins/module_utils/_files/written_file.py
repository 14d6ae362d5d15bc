# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that a user asked to have written: its content now, and its replacement."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading, trust

_MOST_BYTES = 64 << 20


def read(path: str, wanted: str) -> str | None:
    """The content, None where there is no file yet. Raises MlstackError where none can be written."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise MlstackError(
            "folder_missing",
            wanted=wanted,
            found=f"there is no folder {folder}",
            to_fix="make the folder, or name a file in another one",
        )
    trust.require(folder, wanted, "name a file in another folder")
    if os.path.isdir(path):
        raise MlstackError(
            "not_a_file", wanted=wanted, found=f"{path} is a folder", to_fix="name a file, in that folder for example"
        )
    try:
        return reading.read_text(path, _MOST_BYTES)
    except reading.NotReadable as exc:
        if exc.code in (reading.ABSENT, reading.LINK):
            return None  # a link is replaced and not followed: it may lead to anything
        raise MlstackError(
            "file_unreadable",
            wanted=wanted,
            found=f"{path} cannot be read: {exc.reason}",
            to_fix="become a user who may, or name another file",
        ) from exc


def write(path: str, text: str, wanted: str) -> None:
    """Replace the content in one rename; whoever reads meanwhile sees the old text or the new one."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, writing

    with disk.explained(wanted):
        writing.write_for_people(path, text, wanted)
