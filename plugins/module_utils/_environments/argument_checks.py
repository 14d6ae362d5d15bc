# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What arguments may hold: they end up as lines of a requirement file and as arguments of programs.

A line break in a URL would be a second option there, a dash at the beginning an option of the engine.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names

_WORD = re.compile(r"[^-\s\x00-\x1f\x7f][^\s\x00-\x1f\x7f]*")
_HOST = re.compile(r"[A-Za-z0-9.*:\[\]_-]+")
_VERSION = re.compile(r"3\.[0-9]+(?:\.[0-9]+)?")

Test = t.Callable[[str], bool]


def _is_word(value: str) -> bool:
    return _WORD.fullmatch(value) is not None


def _is_host(value: str) -> bool:
    return _HOST.fullmatch(value) is not None and not value.startswith("-")


def _is_path(value: str) -> bool:
    return os.path.isabs(value) and value.isprintable()


def _is_place(value: str) -> bool:
    return _is_word(value) and ("://" in value or os.path.isabs(value))


def _is_format(value: str) -> bool:
    return value == ":all:" or names.is_valid(value)


def _is_version(value: str) -> bool:
    return _VERSION.fullmatch(value) is not None


_URL = (_is_word, "one word, without blanks or control characters")
_PATH = (_is_path, "an absolute path")
_PLACE = (_is_place, "an absolute path or a URL, without blanks or control characters")
_FORMAT = (_is_format, "the name of a package, or :all:")

_RULES: t.Mapping[str, tuple[Test, str]] = {
    "index_url": _URL,
    "extra_index_urls": _URL,
    "python_mirror": _URL,
    "python_downloads_json": _URL,
    "executable": _URL,
    "find_links": _PLACE,
    "trusted_hosts": (_is_host, "a host, with a port perhaps"),
    "cache_dir": _PATH,
    "ca_bundle": _PATH,
    "toolbox": _PATH,
}
_ENVIRONMENT_RULES: t.Mapping[str, tuple[Test, str]] = {
    "no_binary": _FORMAT,
    "only_binary": _FORMAT,
    "no_build_isolation": (names.is_valid, "the name of a package"),
    "python_version": (_is_version, "a version such as 3.11 or 3.11.7"),
    "freeze_to": _PATH,
    "lock_to": _PATH,
}


def check(params: t.Mapping[str, t.Any]) -> None:
    """Raise InvalidArguments for the first argument that cannot be meant."""
    _check(params, _RULES, "")
    for environment in params.get("environments") or ():
        _check(environment, _ENVIRONMENT_RULES, f" of environment {environment['name']}")


def _check(values: t.Mapping[str, t.Any], rules: t.Mapping[str, tuple[Test, str]], where: str) -> None:
    for option, (allowed, form) in rules.items():
        given = values.get(option)
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if value and not allowed(value):
                raise InvalidArguments(
                    "argument_invalid",
                    wanted=f"{option}{where} as {form}",
                    found=repr(value),
                    to_fix=f"correct the option {option}",
                )
