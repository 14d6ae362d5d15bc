# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of an environment.yml are for a platform: C(# [linux]) behind them, C(sel(linux)) before them.

Sources: conda-build's documentation of preprocessing selectors, of which those are read that speak of the platform (as
conda-lock does), and mamba's of its C(sel(...)) keys.
"""

from __future__ import annotations

import re

_COMMENT = re.compile(r"\s*(?::\s*)?#.*\[(?P<inside>[^\[\]]+)\][^\[\]]*")
_KEY = re.compile(r"sel\((?P<inside>[a-z0-9_-]+)\)")
_TOKEN = re.compile(r"\s*(?P<token>[A-Za-z0-9_-]+|[()])")
_OPERATING_SYSTEMS = frozenset({"linux", "osx", "win", "unix"})
_MACHINES = {"64": "x86_64", "32": "x86", "aarch64": "aarch64", "arm64": "arm64", "ppc64le": "ppc64le"}
_MACHINE_NAMES = frozenset({"x86", "x86_64", "aarch64", "arm64", "ppc64le", "s390x", "armv7l", "riscv64"})
_JOINED = frozenset({"linux64", "linux32", "osx64", "win64", "win32"})
_KNOWN = _OPERATING_SYSTEMS | _MACHINE_NAMES | _JOINED


class UnknownSelector(ValueError):
    """A selector that does not speak of the platform alone."""


def names_of(platform: str) -> frozenset[str]:
    """The names that are true on a platform: C(linux-64) is linux, unix, linux64, x86_64 and x86."""
    system, _dash, machine = platform.partition("-")
    found = {system, platform, _MACHINES.get(machine, machine)}
    if system in ("linux", "osx"):
        found.add("unix")
    if machine in ("64", "32"):
        found |= {system + machine, "x86"}
    return frozenset(found)


def in_comment(line: str, start: int) -> str:
    """The selector in the comment behind a value that ends at ``start``, empty where there is none."""
    match = _COMMENT.fullmatch(line, start)
    return match.group("inside").strip() if match else ""


def in_key(key: str) -> str:
    """The selector of mamba's key C(sel(...)), empty for any other key."""
    match = _KEY.fullmatch(key.strip())
    return match.group("inside") if match else ""


def holds(selector: str, platform: str) -> bool:
    """Whether a selector such as C(linux and not aarch64) is true. Raises UnknownSelector."""
    tokens = _tokens(selector)
    true = names_of(platform)
    value, rest = _either(tokens, true, selector)
    if rest:
        raise UnknownSelector(selector)
    return value


def _tokens(selector: str) -> list[str]:
    tokens, position, text = [], 0, selector.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnknownSelector(selector)
        tokens.append(match.group("token"))
        position = match.end()
    if len(tokens) > 50:
        raise UnknownSelector(selector)
    return tokens


def _either(tokens: list[str], true: frozenset[str], whole: str) -> tuple[bool, list[str]]:
    value, tokens = _both(tokens, true, whole)
    while tokens and tokens[0] == "or":
        other, tokens = _both(tokens[1:], true, whole)
        value = value or other
    return value, tokens


def _both(tokens: list[str], true: frozenset[str], whole: str) -> tuple[bool, list[str]]:
    value, tokens = _one(tokens, true, whole)
    while tokens and tokens[0] == "and":
        other, tokens = _one(tokens[1:], true, whole)
        value = value and other
    return value, tokens


def _one(tokens: list[str], true: frozenset[str], whole: str) -> tuple[bool, list[str]]:
    if not tokens:
        raise UnknownSelector(whole)
    first, rest = tokens[0], tokens[1:]
    if first == "not":
        value, rest = _one(rest, true, whole)
        return not value, rest
    if first == "(":
        value, rest = _either(rest, true, whole)
        if not rest or rest[0] != ")":
            raise UnknownSelector(whole)
        return value, rest[1:]
    if first not in _KNOWN and not re.fullmatch(r"(?:linux|osx|win)-[a-z0-9]+", first):
        raise UnknownSelector(whole)
    return first in true, rest
