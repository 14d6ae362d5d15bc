# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand in a Dockerfile, and how it is written there so that it means itself and no more.

Names that become words of a shell command or of an instruction have to have a form in which nothing is special. Texts
that people choose freely are quoted; a Dockerfile is read line by line, so that a line break can be in none of them.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._one_line import CONTROL

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_REFERENCE = re.compile(
    rf"(?P<repository>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?"
)
_FORMS: dict[str, tuple[re.Pattern[str], str]] = {
    "name": (re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?"), "small letters, digits and . _ - between them"),
    "package": (re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_:-]{0,200}"), "letters, digits and . + _ : -"),
    "version": (re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~^:_-]{0,200}"), "letters, digits and . + ~ ^ : _ -"),
    "path": (
        re.compile(r"/(?:[A-Za-z0-9._@+-]+/)*[A-Za-z0-9._@+-]*"),
        "an absolute path of letters, digits and . _ @ + -",
    ),
    "source": (
        re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9._@+-]*(?:/[A-Za-z0-9_@+][A-Za-z0-9._@+-]*)*"),
        "a path below the image's folder, of letters, digits and . _ @ + -, without .. and hidden names",
    ),
    "host": (re.compile(_HOST), "a host's name, with its port where it has one"),
    "user": (re.compile(r"[a-z_][a-z0-9_-]{0,30}"), "small letters, digits and _ -"),
    "module": (re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"), "a module's name"),
    "variable": (re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}"), "letters, digits and _"),
    "label": (
        re.compile(r"[a-z0-9](?:[a-z0-9._/-]{0,126}[a-z0-9])?"),
        "small letters, digits and . _ / - between them",
    ),
}


def require(form: str, value: str, option: str) -> str:
    """The value, where it has this form. Raises InvalidArguments."""
    pattern, words = _FORMS[form]
    if pattern.fullmatch(value) and not (form == "path" and ".." in value.split("/")):
        return value
    raise _refused(option, value, words)


def require_text(value: str, option: str) -> str:
    """A text that can be quoted: any, but on one line."""
    if CONTROL.search(value):
        raise _refused(option, value, "one line without control characters")
    if len(value) > 8000:
        raise _refused(option, f"{value[:40]}...", f"at most 8000 characters instead of {len(value)}")
    return value


def reference(value: str, option: str) -> re.Match[str]:
    """The parts of an image's name: repository, tag and digest. Raises InvalidArguments."""
    found = _REFERENCE.fullmatch(value)
    if found is None or len(value) > 500:
        raise _refused(
            option, value, "the name of an image, such as registry.example.com/team/ml:1.0, or name:tag@sha256:..."
        )
    return found


def quoted(text: str) -> str:
    """A value of LABEL or ENV: nothing in it is replaced, continued or ended."""
    require_text(text, "a value")
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'


def words(values: t.Sequence[str]) -> str:
    """The exec form of an instruction: no shell, nothing is replaced."""
    for value in values:
        require_text(value, "a word of a command")
    return json.dumps(list(values))


def _refused(option: str, value: str, form: str) -> InvalidArguments:
    return InvalidArguments(
        "not_for_a_dockerfile",
        wanted=f"{option} as {form}",
        found=repr(value),
        to_fix="choose another value: this one would mean something else in a Dockerfile or in a command",
    )
