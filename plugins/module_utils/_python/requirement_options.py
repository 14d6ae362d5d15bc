# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of requirement files that hold for the whole set: indexes, wheels or sources, pre-releases, hashes.

Source: pip's requirements file format. An option that neither engine can honour for both is refused by name.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import (
    InvalidRequirement,
    split_words,
)

_VALUED = {
    "-i": "index_url",
    "--index-url": "index_url",
    "--pypi-url": "index_url",
    "--extra-index-url": "extra_index_urls",
    "-f": "find_links",
    "--find-links": "find_links",
    "--no-binary": "no_binary",
    "--only-binary": "only_binary",
    "--trusted-host": "trusted_hosts",
    "--use-feature": "use_features",
    "-r": "requirement",
    "--requirement": "requirement",
    "-c": "constraint",
    "--constraint": "constraint",
    "-e": "editable",
    "--editable": "editable",
}
_FLAGS = {
    "--no-index": "no_index",
    "--prefer-binary": "prefer_binary",
    "--pre": "pre",
    "--require-hashes": "require_hashes",
}


class Options:
    """The options of a set, typed. Indexes and links keep the order they were written in; names are normalised."""

    __slots__ = (
        "extra_index_urls",
        "find_links",
        "index_url",
        "no_binary",
        "no_index",
        "only_binary",
        "pre",
        "prefer_binary",
        "require_hashes",
        "trusted_hosts",
        "use_features",
    )

    def __init__(self) -> None:
        self.index_url: str | None = None
        self.extra_index_urls: list[str] = []
        self.find_links: list[str] = []  # absolute paths or URLs
        self.no_index = False
        self.no_binary: list[str] = []  # ':all:' or normalised names
        self.only_binary: list[str] = []
        self.prefer_binary = False
        self.pre = False
        self.trusted_hosts: list[str] = []
        self.require_hashes = False
        self.use_features: list[str] = []

    def as_dict(self) -> dict[str, t.Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def set(self, option: str, value: str, folder: str) -> None:
        """Take one option over; ``folder`` is where relative links start from."""
        if option == "index_url":
            self.index_url = value  # the last one counts, as with pip
        elif option == "find_links":
            _append(self.find_links, _location(value, folder))
        elif option == "no_binary":
            _switch_formats(value, self.no_binary, self.only_binary)
        elif option == "only_binary":
            _switch_formats(value, self.only_binary, self.no_binary)
        elif isinstance(getattr(self, option), bool):
            setattr(self, option, True)
        else:
            _append(getattr(self, option), value)


def parse(text: str) -> list[tuple[str, str]]:
    """Divide an option line into (option, value) pairs; options are named as in Options, or are ``requirement``,
    ``constraint`` and ``editable``. Raises InvalidRequirement for what is unknown or left over.
    """
    words = split_words(text)
    pairs, position = [], 0
    while position < len(words):
        word = words[position]
        position += 1
        name, value = _divide(word)
        if name in _FLAGS and value is None:
            pairs.append((_FLAGS[name], ""))
        elif name in _VALUED:
            if name in ("-e", "--editable"):
                # The rest of the line belongs to it: extras and marker may have blanks.
                value = " ".join(filter(None, [value, *words[position:]]))
                position = len(words)
            elif value is None:
                value = " ".join(words[position : position + 1])
                position += 1
            if not value:
                raise InvalidRequirement(f"{name} lacks its value")
            pairs.append((_VALUED[name], value))
        else:
            raise _refused(word, after_option=bool(pairs))
    return pairs


def _divide(word: str) -> tuple[str, str | None]:
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    if word.startswith("-") and len(word) > 2 and word[:2] in _VALUED:
        return word[:2], word[2:]
    return word, None


def _refused(word: str, after_option: bool) -> InvalidRequirement:
    if after_option and not word.startswith("-"):
        return InvalidRequirement(
            f"{word!r} follows an option that takes no more values",
            "put options and requirements on lines of their own",
            code="requirement_option_refused",
        )
    name = word.partition("=")[0]
    if name in ("--hash", "--config-settings", "--config-setting", "-C", "--global-option", "--install-option"):
        reason = f"{name} stands without a requirement"
    else:
        reason = f"{name} is not an option of requirement files, or one that pip and uv do not share"
    return InvalidRequirement(reason, "leave the option out", code="requirement_option_refused")


def is_url(location: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", location) is not None


def _location(value: str, folder: str) -> str:
    if is_url(value):
        return value
    if value.startswith("~"):
        raise InvalidRequirement(f"{value!r} depends on whose home is meant", "write the whole path")
    return posixpath.normpath(posixpath.join(folder, value))


def _append(items: list[str], value: str) -> None:
    if value not in items:
        items.append(value)


def _switch_formats(value: str, target: list[str], other: list[str]) -> None:
    """``:all:`` and names into one list, out of the other; ``:none:`` empties, as in pip's format control."""
    for item in filter(None, (part.strip() for part in value.split(","))):
        if item == ":none:":
            target.clear()
        elif item == ":all:":
            target[:] = [item]
            other.clear()
        elif names.is_valid(item):
            name = names.normalize(item)
            if name in other:
                other.remove(name)
            if ":all:" not in target:
                _append(target, name)
        else:
            raise InvalidRequirement(f"{item!r} is neither a package's name nor :all: or :none:")
