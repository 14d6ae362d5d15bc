# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of others, such as names of hosts and messages of programs, made safe to stand in a line of ours."""

from __future__ import annotations

import re
import typing as t
import unicodedata

MOST = 20_000  # characters of one text that are read at all
# Sequences that hold a string (a window's title, a link) go with the string; the rest moves or colours.
_STRINGS = re.compile(r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\|\x9c)")
_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")
# What has no place in a line: controls, formats (they turn the direction of writing), halves of characters, line ends.
_NO_PLACE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)")


def one_line(text: t.Any, most: int = 0) -> str:
    """The text without anything that moves, colours, hides or turns; with ``most``, cut there."""
    raw = " ".join(_harmless(str(text)[:MOST]).split())
    return f"{raw[: most - 3].rstrip()}..." if most and len(raw) > most else raw


def lines(text: t.Any) -> list[str]:
    """Each line of a text by itself, with its spaces: it may be a row of a table."""
    return [_harmless(line.expandtabs(8)).rstrip() for line in str(text)[:MOST].splitlines()]


def _harmless(raw: str) -> str:
    if raw.isascii() and raw.isprintable():
        return raw
    return "".join(_shown(character) for character in _ESCAPES.sub(" ", _STRINGS.sub(" ", raw)))


def _shown(character: str) -> str:
    if character in "\t\n\r\v\f\x85\u2028\u2029":
        return " "
    return "" if unicodedata.category(character) in _NO_PLACE else character


def names(hosts: t.Iterable[str]) -> list[str]:
    """Hosts, sorted, those that are numbered in a row as Ansible writes a range: ``gpu-[01:12]``."""
    rows: dict[tuple[str, str, int], list[int]] = {}
    told: list[tuple[tuple[str, int], str]] = []
    for host in sorted(set(hosts)):
        found = _NUMBERED.fullmatch(host) if host.isascii() else None
        if found is None:
            told.append(((host, 0), host))
            continue
        number = found["number"]
        # gpu-9 and gpu-10 are one row, gpu-09 and gpu-9 are not
        width = len(number) if number.startswith("0") or len(number) > 15 else 0
        rows.setdefault((found["before"], found["after"], width), []).append(int(number))
    rows = _padded_with_others(rows)
    for (before, after, width), numbers in rows.items():
        for first, last in _stretches(sorted(numbers)):
            told.append(((before, first), _range(before, after, width, first, last)))
    return [text for _place, text in sorted(told)]


def _padded_with_others(rows: dict[tuple[str, str, int], list[int]]) -> dict[tuple[str, str, int], list[int]]:
    """gpu-10 belongs to the row of gpu-01 where both are as wide."""
    for before, after, width in [key for key in rows if key[2]]:
        others = rows.get((before, after, 0), [])
        wide = [number for number in others if len(str(number)) == width]
        rows[(before, after, width)] += wide
        if others:
            rows[(before, after, 0)] = [number for number in others if number not in wide]
    return {key: numbers for key, numbers in rows.items() if numbers}


def _range(before: str, after: str, width: int, first: int, last: int) -> str:
    low, high = str(first).zfill(width), str(last).zfill(width)
    return f"{before}{low}{after}" if first == last else f"{before}[{low}:{high}]{after}"


def _stretches(numbers: list[int]) -> t.Iterator[tuple[int, int]]:
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def few(hosts: t.Iterable[str], most: int = 100) -> str:
    """Hosts in at most about ``most`` characters: what does not fit is counted."""
    told = ""
    items = names(one_line(host, 60) for host in hosts)
    for count, item in enumerate(items):
        longer = f"{told}, {item}" if told else item
        if len(longer) > most and told:
            return f"{told} and {len(items) - count} more"
        told = longer
    return told


def seconds(span: float) -> str:
    """A span of time as people say it."""
    whole = max(0, int(span))
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"
