# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A refusal says what was wanted, what was found, and what to do."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import (
    InvalidArguments,
    LockTimeout,
    MlstackError,
)


def test_an_error_is_three_clauses_a_code_and_data():
    error = InvalidArguments("bad_name", wanted="w", found="f", to_fix="t", names=["a"])
    assert str(error) == "Wanted: w. Found: f. To fix: t."
    assert (error.code, error.details) == ("bad_name", {"names": ["a"]})
    assert isinstance(error, MlstackError) and not isinstance(error, LockTimeout)
