# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source says: documents from files or the web, with limits, and the rows that were read from them."""

from __future__ import annotations

import json
import re
import typing as t
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

# The largest of the sources, an index of all releases of a framework, has 3 MB.
MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 60
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}")
# What may stand in a cell: no bar, no quote, no backslash, nothing that ends a line or a string of Python.
_CELL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,+()/\[\]&_:-]{0,159}|")


class Refused(Exception):
    """A source that is not what it should be. Nothing of any source is written then."""


@dataclass(frozen=True)
class Document:
    """One document of a source by the ``origin`` that it was asked from, a path or an address."""

    origin: str
    content: bytes

    @property
    def text(self) -> str:
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused(f"{self.origin} is no text: {error}") from error

    def mapping(self) -> dict[str, t.Any]:
        """The document as JSON: one mapping, no name in it twice."""
        try:
            read = json.loads(self.text, object_pairs_hook=self._pairs)
        except (ValueError, RecursionError) as error:
            raise Refused(f"{self.origin} is no JSON, or only the beginning of it: {error}") from error
        if not isinstance(read, dict):
            raise Refused(f"{self.origin} is no mapping")
        return read

    def _pairs(self, pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
        read = dict(pairs)
        if len(read) != len(pairs):
            raise Refused(f"{self.origin} has a name twice")
        return read


@dataclass
class Reading:
    """What a source says of the tables.

    ``rows`` are cells by table, those of its key among them. In tables of ``whole`` it vouches for all that it says,
    not only for what is new there. ``complete`` are sources that were read from end to end: what stands in the tables
    by them, and is not said any more, is lost. Tables of ``replaced`` are drawn anew each time: there rows may go.
    ``notes`` are for a person.
    """

    rows: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def add(self, table: str, **cells: str) -> None:
        for column, value in cells.items():
            if not _CELL.fullmatch(value):
                raise Refused(f"{value[:80]!r} cannot be a {column} in the table {table}")
        self.rows.append((table, cells))


def version(text: t.Any, what: str) -> str:
    """A version as it stands in the tables. Raises Refused for anything else."""
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise Refused(f"{what}: {str(text)[:80]!r} is no version")
    return text


def from_path(path: str) -> list[Document]:
    """A file, or all files of a folder in the order of their names."""
    place = Path(path)
    try:
        files = sorted(entry for entry in place.iterdir() if entry.is_file()) if place.is_dir() else [place]
        found = [Document(str(file), _limited(file.read_bytes(), str(file))) for file in files]
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    if not found:
        raise Refused(f"{path} is an empty folder")
    return found


def from_web(address: str, accept: str = "*/*") -> Document:
    """A document by HTTPS, also after each redirect."""
    if urllib.parse.urlsplit(address).scheme != "https":
        raise Refused(f"{address} is not asked: only HTTPS is")
    asked = urllib.request.Request(address, headers={"Accept": accept})
    try:
        with OPENER.open(asked, timeout=_SECONDS) as answer:
            content = answer.read(MOST_BYTES + 1)
            told = answer.headers.get("Content-Length")
    except (OSError, ValueError) as error:
        raise Refused(f"{address} does not answer: {error}") from error
    if told is not None and told.isdigit() and int(told) != len(content) and len(content) <= MOST_BYTES:
        raise Refused(f"{address}: {len(content)} of {told} bytes came")
    return Document(address, _limited(content, address))


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: t.Any, fp: t.Any, code: int, msg: str, headers: t.Any, newurl: str) -> t.Any:
        if urllib.parse.urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"it leads to {newurl}, which is not HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


OPENER = urllib.request.build_opener(_HttpsOnly())


def _limited(content: bytes, origin: str) -> bytes:
    if len(content) > MOST_BYTES:
        raise Refused(f"{origin} has more than {MOST_BYTES} bytes")
    if not content:
        raise Refused(f"{origin} is empty")
    return content
