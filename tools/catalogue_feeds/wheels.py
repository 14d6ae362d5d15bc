# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written inside wheels: build_info of TensorFlow, version.py of PyTorch. Nothing of it is run."""

from __future__ import annotations

import ast
import io
import json
import re
import typing as t
import urllib.request
import zipfile
from pathlib import Path

from catalogue_feeds.reading import OPENER, Document, Reading, Refused, version

_MEMBERS = ("tensorflow/python/platform/build_info.py", "torch/version.py")
SOURCE = "tensorflow-wheels"
_MOST = 1024 * 1024
_NAME = re.compile(
    r"(?P<framework>tensorflow|torch)-(?P<release>[0-9]+\.[0-9]+\.[0-9]+)(?:\+[a-z0-9]+)?-cp3[0-9]+-cp3[0-9]+-"
    r"[a-z0-9_.]*linux[a-z0-9_]*_(?P<machine>x86_64|aarch64)\.whl"
)
Rows = t.Sequence[t.Mapping[str, str]]


def from_path(path: str) -> list[Document]:
    """Wheels, or a folder of them; only the few files that tell how they were built are taken out."""
    place = Path(path)
    files = sorted(place.glob("*.whl")) if place.is_dir() else [place]
    if not files:
        raise Refused(f"{path} has no wheels")
    return [_taken(file.name, str(file)) for file in files]


def from_address(address: str) -> Document:
    """A wheel on an index that answers for parts of it: 100 kB instead of 600 MB."""
    return _taken(address.rpartition("/")[2].partition("#")[0], t.cast(t.IO[bytes], _Remote(address)))


def _taken(name: str, place: str | t.IO[bytes]) -> Document:
    try:
        with zipfile.ZipFile(place) as wheel:
            there = set(wheel.namelist())
            told = {}
            for member in (member for member in _MEMBERS if member in there):
                with wheel.open(member) as stream:
                    told[member] = stream.read(_MOST).decode("utf-8")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, EOFError, ValueError) as error:
        raise Refused(f"{name} is no wheel, or only a part of one: {error}") from error
    return Document(name, json.dumps(told).encode())


def read(documents: t.Sequence[Document], tables: t.Mapping[str, Rows]) -> Reading:
    reading = Reading()
    for document in documents:
        name = _NAME.fullmatch(document.origin)
        if name is None:
            raise Refused(f"{document.origin} is no wheel of tensorflow or torch for Linux")
        told = document.mapping()
        minor = name["release"].rpartition(".")[0]
        if name["framework"] == "tensorflow":
            _tensorflow(document, told, minor, name["machine"], tables, reading)
        else:
            _torch(document, told, minor, tables, reading)
    return reading


def _tensorflow(
    document: Document,
    told: t.Mapping[str, str],
    minor: str,
    machine: str,
    tables: t.Mapping[str, Rows],
    reading: Reading,
) -> None:
    built = _assigned(told.get(_MEMBERS[0], ""), "build_info", document.origin)
    if not isinstance(built, dict) or not isinstance(built.get("is_cuda_build"), bool):
        raise Refused(f"{document.origin}: its build_info does not say whether it is for CUDA")
    codes = built.get("cuda_compute_capabilities", []) if built["is_cuda_build"] else []
    capabilities = [_dotted(code, document.origin) for code in codes if str(code).startswith("sm_")]
    ptx = [_dotted(code, document.origin) for code in codes if str(code).startswith("compute_")]
    if built["is_cuda_build"] and not capabilities:
        raise Refused(f"{document.origin} is for CUDA and has code for no GPU")
    same = [row for row in tables["wheels"] if (row["framework"], row["architecture"]) == ("tensorflow", machine)]
    before = [row for row in same if _number(row["release_from"]) <= _number(minor)]
    covering = max(before, key=lambda row: _number(row["release_from"]), default=None)
    said = {"capabilities": " ".join(capabilities), "ptx": " ".join(ptx)}
    at = minor
    if covering is not None and all(covering[column] == value for column, value in said.items()):
        at = covering["release_from"]
    up_to = covering["up_to"] if covering is not None and capabilities else ""
    more = {"release_to": covering["release_to"] if covering is not None and at != minor else "", "up_to": up_to}
    reading.add(
        "wheels", framework="tensorflow", tag="", architecture=machine, release_from=at, **said, **more, source=SOURCE
    )
    if built["is_cuda_build"]:
        cuda = _major_minor(version(built.get("cuda_version"), f"{document.origin}, cuda_version"))
        _cuda_of("tensorflow", minor, "", cuda, tables, reading)


def _torch(
    document: Document, told: t.Mapping[str, str], minor: str, tables: t.Mapping[str, Rows], reading: Reading
) -> None:
    cuda = _assigned(told.get(_MEMBERS[1], ""), "cuda", document.origin)
    if cuda is None:
        return  # a build for the CPU
    named = _major_minor(version(cuda, f"{document.origin}, cuda"))
    _cuda_of("torch", minor, f"cu{named.replace('.', '')}", named, tables, reading)


def _cuda_of(framework: str, minor: str, tag: str, cuda: str, tables: t.Mapping[str, Rows], reading: Reading) -> None:
    key = (framework, minor, tag)
    if any((row["framework"], row["version"], row["tag"]) == key for row in tables["frameworks"]):
        reading.add("frameworks", framework=framework, version=minor, tag=tag, cuda=cuda, source=f"{framework}-wheels")
    else:
        reading.notes.append(
            f"{framework} {minor} {tag or '(one build)'} is built with CUDA {cuda}, and the table has no row for it"
        )


def _assigned(text: str, name: str, origin: str) -> t.Any:
    """The value that a file gives to a name, where it is written out there."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"{origin}: {name} cannot be read: {error}") from error
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = node.value  # type: ignore[attr-defined] # both kinds of assignment have one
            if isinstance(value, ast.Call) and value.args and ast.unparse(value.func).endswith("OrderedDict"):
                value = value.args[0]
            try:
                found = ast.literal_eval(value)
            except (ValueError, TypeError, RecursionError, MemoryError) as error:
                raise Refused(f"{origin}: {name} is not written out") from error
            return dict(found) if isinstance(found, list) and name == "build_info" else found
    raise Refused(f"{origin} does not say {name}")


def _dotted(code: t.Any, origin: str) -> str:
    found = re.fullmatch(r"(?:sm|compute)_([0-9]{1,2})([0-9])[a-z]?", str(code))
    if found is None:
        raise Refused(f"{origin}: {str(code)[:40]!r} is no capability")
    return f"{found[1]}.{found[2]}"


def _major_minor(text: str) -> str:
    return ".".join(text.split(".")[:2])


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


class _Remote(io.RawIOBase):
    """A file behind an address that answers for ranges of it (RFC 9110, section 14)."""

    def __init__(self, address: str) -> None:
        if not address.startswith("https://"):
            raise Refused(f"{address} is not asked: only HTTPS is")
        self._address, self._at = address, 0
        with self._open({"Range": "bytes=0-0"}) as answer:
            whole = re.fullmatch(r"bytes 0-0/([0-9]+)", answer.headers.get("Content-Range", ""))
        if whole is None:
            raise Refused(f"{address} does not answer for a part of it: bring the file")
        self._size = int(whole[1])

    def _open(self, headers: dict[str, str]) -> t.Any:
        return OPENER.open(urllib.request.Request(self._address, headers=headers), timeout=60)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        if end <= self._at:
            return b""
        with self._open({"Range": f"bytes={self._at}-{end - 1}"}) as answer:
            content: bytes = answer.read(end - self._at)
        if len(content) != end - self._at:
            raise EOFError("a part of it did not come")
        self._at = end
        return content
