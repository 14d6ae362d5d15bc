# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that end up as a line of somebody's file, or as a word of a command: names, addresses, paths, versions.

YAML's block scalars end in a line break, and one in a URL would begin another field of a repository's definition.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# The last word of an option's name; texts, keys and secrets are not among them.
_OPTION = re.compile(
    r"(?:.*_)?(?:urls?|mirrors?|root|prefix|paths?|names?|packages|modules?|stream|suite|components|architectures?"
    r"|channels?|channel_alias|proxy|executable|toolbox|dir|bundle|hosts?|links|fingerprints?|sha256|version|branch"
    r"|python|to|from|platform|runfile|source|search|imports|holds?)"
)


def require(params: t.Mapping[str, t.Any]) -> None:
    """Raise InvalidArguments for the first such argument with a control character in it, in lists and dictionaries
    too.
    """
    for option, value in params.items():
        _require(option, value, concerned=_OPTION.fullmatch(option) is not None)


def _require(option: str, value: t.Any, *, concerned: bool) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            concerns = isinstance(name, str) and _OPTION.fullmatch(name) is not None
            _require(f"{option}.{name}", inner, concerned=concerns)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _require(option, item, concerned=concerned)
    elif concerned and isinstance(value, str) and CONTROL.search(value):
        raise InvalidArguments(
            "control_character",
            wanted=f"the option {option} on one line",
            found=f"{value!r}, with a line break or another control character",
            to_fix="write it on one line, in quotes (YAML's | and > end a text with a line break)",
        )
