# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML with the line of every value, and without surprises: for files that strangers may have written.

Scalars stay the text that was written: C(3.10) is no number, C(no) no boolean. Tags, repeated keys, a second document,
deep nesting and anchors that multiply are refused by line. Source: the YAML 1.1 specification, as PyYAML reads it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

# The formats nest five levels; a lock of four platforms has 100,000 values.
_DEEPEST = 24
_MOST_VALUES = 2_000_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map", "null"))
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # both divide a text into the same events


@dataclass(frozen=True)
class Scalar:
    """A text as written. ``end`` is the column behind it, in its last line; ``plain`` that it has no quotes."""

    text: str
    line: int
    end: int = 0
    plain: bool = True

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULLS


@dataclass
class Sequence:
    items: list[Node] = field(default_factory=list)
    line: int = 0


@dataclass
class Mapping:
    """Keys in order. What a merge key (C(<<)) brings in comes behind the mapping's own."""

    items: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)
    line: int = 0

    def get(self, key: str) -> Node | None:
        """The value; None where the key is missing or has none."""
        node = self.items.get(key)
        return None if isinstance(node, Scalar) and node.is_null else node

    def line_of(self, key: str) -> int:
        return self.keys[key].line if key in self.keys else self.line


Node = t.Union[Scalar, Sequence, Mapping]


class _Refused(Exception):
    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(reason)


def load(text: bytes | str, source: str) -> tuple[Mapping, list[str]]:
    """The one document of a file, a mapping, and the file's lines. Raises InvalidArguments with source and line."""
    decoded = files.decode(text, source)
    try:
        control = _CONTROL.search(decoded)
        if control is not None:
            line = decoded.count("\n", 0, control.start()) + 1
            raise _Refused(line, f"it has the control character 0x{ord(control.group()):02x}")
        document = _Composer().compose(decoded)
        if document is None:
            raise _Refused(1, "it is empty")
        if not isinstance(document, Mapping):
            raise _Refused(document.line, "it is no mapping of keys to values")
    except _Refused as exc:
        raise _refusal(source, exc.line, exc.reason) from None
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        raise _refusal(source, line, _told(exc, decoded, line)) from None
    except yaml.YAMLError as exc:
        raise _refusal(source, 1, str(exc).partition("\n")[0]) from None
    return document, decoded.splitlines()


def _told(exc: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.splitlines()
    if line <= len(lines) and "\t" in re.split(r"[^\s-]", lines[line - 1])[0]:
        return "a tab indents the line, and YAML wants blanks"
    return f"it is no YAML: {exc.problem or exc.context}"


def _refusal(source: str, line: int, reason: str) -> InvalidArguments:
    return InvalidArguments(
        "conda_file_bad_yaml",
        wanted=f"an environment from {source}",
        found=f"{source}:{line}: {reason}",
        to_fix="correct the file there; environment.yml, conda-lock.yml and pixi.lock are known, and @EXPLICIT lists",
        problems=[{"code": "conda_file_bad_yaml", "file": source, "line": line, "reason": reason}],
    )


class _Composer:
    """Builds nodes from the parser's events, without recursion."""

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._sizes: dict[int, int] = {}  # of finished nodes, with what their aliases stand for
        self._open: list[tuple[Node, str | None, list[Node]]] = []
        self._kept: list[Node] = []  # ids stay theirs as long as they live
        self._root: Node | None = None

    def compose(self, text: str) -> Node | None:
        documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Refused(line, "a second document begins")
            elif isinstance(event, yaml.AliasEvent):
                node = self._alias(event.anchor or "", line)
                self._finished(node, self._sizes.get(id(node), 1))
            elif isinstance(event, yaml.ScalarEvent):
                _check_tag(event.tag, line)
                plain = not event.style and event.tag is None
                end = event.end_mark.column if event.end_mark else 0
                node = Scalar(event.value, line, end, plain)
                self._register(event.anchor, node)
                self._finished(node, 1)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                _check_tag(event.tag, line)
                if len(self._open) >= _DEEPEST:
                    raise _Refused(line, f"it nests deeper than {_DEEPEST} levels")
                kind = Sequence if isinstance(event, yaml.SequenceStartEvent) else Mapping
                self._open.append((kind(line=line), event.anchor, []))
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._close()
        return self._root

    def _register(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _alias(self, anchor: str, line: int) -> Node:
        if any(name == anchor for _node, name, _children in self._open):
            raise _Refused(line, f"*{anchor} refers to what it stands in")
        if anchor not in self._anchors:
            raise _Refused(line, f"*{anchor} refers to nothing")
        return self._anchors[anchor]

    def _finished(self, node: Node, size: int) -> None:
        if size > 1:
            self._sizes[id(node)] = size
            self._kept.append(node)
        if self._open:
            self._open[-1][2].append(node)
        else:
            self._root = node

    def _close(self) -> None:
        node, anchor, children = self._open.pop()
        size = 1 + sum(self._sizes.get(id(child), 1) for child in children)
        if size > _MOST_VALUES:
            raise _Refused(node.line, f"its anchors multiply to more than {_MOST_VALUES} values")
        if isinstance(node, Sequence):
            node.items = children
        elif isinstance(node, Mapping):
            _fill(node, children)
        self._register(anchor, node)
        self._finished(node, size)


def _check_tag(tag: str | None, line: int) -> None:
    if tag is not None and tag not in _PLAIN_TAGS and tag != "!":
        raise _Refused(line, f"it has the tag {tag}, and no value here needs one")


def _fill(mapping: Mapping, children: list[Node]) -> None:
    merged: list[Mapping] = []
    for key, value in zip(children[::2], children[1::2]):
        if not isinstance(key, Scalar):
            raise _Refused(key.line, "a key is no text")
        if key.plain and key.text == "<<":
            merged += _merged(value, key.line)
            continue
        if key.text in mapping.items:
            raise _Refused(key.line, f"{key.text!r} stands here again, first in line {mapping.line_of(key.text)}")
        mapping.items[key.text] = value
        mapping.keys[key.text] = key
    for other in merged:
        for name, value in other.items.items():
            if name not in mapping.items:
                mapping.items[name] = value
                mapping.keys[name] = other.keys[name]


def _merged(value: Node, line: int) -> list[Mapping]:
    values = value.items if isinstance(value, Sequence) else [value]
    found = [item for item in values if isinstance(item, Mapping)]
    if len(found) != len(values):
        raise _Refused(line, "<< wants a mapping")
    return found
