# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an environment and its generations lie."""

from __future__ import annotations

import os
import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
# A path that is too long for a #! line (255 bytes since Linux 5.1) makes engines write stranger scripts.
_MAX_ROOT = 150


class Place:
    """The paths of one environment: ``link`` is what people use, ``store`` holds its generations.

    Raises InvalidArguments for a root or name that cannot be meant.
    """

    def __init__(self, root: str, name: str) -> None:
        _check_root(root)
        _check_name(name)
        self.root = os.path.normpath(root)
        self.name = name
        self.link = os.path.join(self.root, name)
        self.all_stores = os.path.join(self.root, ".generations")
        self.store = os.path.join(self.all_stores, name)
        self.lock_file = os.path.join(self.all_stores, f"{name}.lock")
        # One fixed name: a leftover is found by looking, and only the holder of the lock makes it.
        self.new_link = os.path.join(self.root, f".{name}.new-link")
        self.journal = os.path.join(self.store, ".adopting")

    def target(self, generation: str) -> str:
        """What the link holds for a generation: relative, so that the root can be reached through any mount."""
        return f".generations/{self.name}/{generation}"

    def generation_of(self, target: str) -> str:
        """The generation that a link's text names; empty when the link is none of ours."""
        start = self.target("")
        if os.path.isabs(target):
            start = os.path.join(self.root, start)
        generation = target[len(start) :] if target.startswith(start) else ""
        return "" if "/" in generation or generation.startswith(".") else generation


def _check_root(root: str) -> None:
    problem = ""
    if not os.path.isabs(root):
        problem = "is not absolute"
    elif ".." in root.split("/"):
        problem = "has '..' in it, which means another place once a link changes"
    elif _UNPRINTABLE.search(root):
        problem = "has control characters in it"
    elif len(os.fsencode(root)) > _MAX_ROOT:
        problem = f"is longer than {_MAX_ROOT} bytes, too long for the first line of scripts"
    if problem:
        raise InvalidArguments(
            "bad_root",
            wanted=f"environments below {root!r}",
            found=f"the path {problem}",
            to_fix="give the absolute path of a directory, such as /opt/envs",
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith(".lock"):
        raise InvalidArguments(
            "bad_name",
            wanted=f"an environment named {name!r}",
            found="a name is 1 to 64 letters, digits or the characters _ . + -, does not begin with . + or -,"
            " and does not end with .lock",
            to_fix="choose such a name",
        )
