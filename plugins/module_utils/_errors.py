# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one form in which this collection says no: what was wanted, what was found, what to do next."""

from __future__ import annotations

import typing as t


class MlstackError(Exception):
    """A refusal or failure that a user meets.

    ``code`` is stable and machine readable (for C(failed_when) and tests), ``details`` become keys of the result.
    Each of the three texts is a clause without a closing full stop.
    """

    def __init__(self, code: str, *, wanted: str, found: str, to_fix: str, **details: t.Any) -> None:
        self.code = code
        self.wanted = wanted
        self.found = found
        self.to_fix = to_fix
        self.details = details
        super().__init__(f"Wanted: {wanted}. Found: {found}. To fix: {to_fix}.")


class InvalidArguments(MlstackError):
    """The arguments contradict themselves or cannot be meant; raised before anything is observed or changed."""


class LockTimeout(MlstackError):
    """Another process kept a lock for longer than the caller was willing to wait."""
