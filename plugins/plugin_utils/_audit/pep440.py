# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as PEP 440 orders them. C(packaging) does it, which every ansible-core brings along."""

from __future__ import annotations

import typing as t

try:
    from packaging.version import InvalidVersion, Version
except ImportError as _exc:  # in ansible-test's import test, which has nothing of what ansible-core needs
    if not t.TYPE_CHECKING:
        from ansible.errors import AnsibleError

        _MISSING = _exc

        class InvalidVersion(ValueError):
            """What is no version; nothing is read here that could be one."""

        class Version:
            """Says what is missing as soon as a version has to be read."""

            def __init__(self, version: str) -> None:
                raise AnsibleError(
                    f"Wanted: the order of versions such as {version}. Found: the controller's Python has no "
                    f"'packaging' ({_MISSING}). To fix: install it, or repair ansible-core, which needs it."
                )


__all__ = ["InvalidVersion", "Version"]
