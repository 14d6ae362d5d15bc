# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel module's file says of itself: its version, licence and signature.

C(modinfo) tells the same, but costs a program for each file. The format: an ELF object whose section C(.modinfo) holds
C(name=value) strings, and after its end, if it is signed, the signature, twelve bytes about it and a magic string
(Linux, C(include/linux/module_signature.h)).
"""

from __future__ import annotations

import gzip
import lzma
import os
import struct
import typing as t

_MAGIC = b"~Module signature appended~\n"
_SIGNATURE_INFO = struct.Struct(">BBBBB3xI")
_COMPRESSIONS: dict[str, t.Callable[[str], t.Any]] = {".gz": gzip.open, ".xz": lzma.open}
_COMMON_NAME = bytes((0x06, 0x03, 0x55, 0x04, 0x03))  # the object identifier 2.5.4.3 in DER
_SECTION_LIMIT = 1 << 20


class ModuleFile:
    """One C(.ko), C(.ko.gz) or C(.ko.xz). ``readable`` is false for what this Python cannot unpack (zstd) or that is no
    module; everything is empty then."""

    def __init__(self, path: str) -> None:
        self.fields: dict[str, str] = {}
        self.signed = False
        self.signer = ""
        self.readable = False
        try:
            opener = _COMPRESSIONS.get(os.path.splitext(path)[1])
            if opener is not None:
                with opener(path) as stream:
                    self._read(_Bytes(stream.read()))
            elif path.endswith(".ko"):
                with open(path, "rb") as plain:
                    self._read(plain)
        except (OSError, EOFError, lzma.LZMAError, struct.error, ValueError):
            return

    def _read(self, stream: t.Any) -> None:
        self.fields = _modinfo(stream)
        self.readable = bool(self.fields)
        self.signed, self.signer = _signature(stream)


class _Bytes:
    """The part of a file's interface that is needed here, over bytes without a copy of them."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset if whence == os.SEEK_SET else len(self._data) + offset
        if self._at < 0:
            raise ValueError("before the beginning")
        return self._at

    def read(self, size: int) -> bytes:
        found = bytes(self._data[self._at : self._at + size])
        self._at += len(found)
        return found


def _modinfo(stream: t.Any) -> dict[str, str]:
    """The strings of the section C(.modinfo) of a 64-bit little-endian ELF object; empty for anything else."""
    stream.seek(0)
    header = stream.read(64)
    if header[:6] != b"\x7fELF\x02\x01":
        return {}
    (sections_at,) = struct.unpack_from("<Q", header, 40)
    size, count, names_index = struct.unpack_from("<HHH", header, 58)
    stream.seek(sections_at)
    table = stream.read(size * count)
    sections = [struct.unpack_from("<I4xQQQQ", table, size * index) for index in range(count)]
    names = _section(stream, sections[names_index])
    for section in sections:
        if names[section[0] :].startswith(b".modinfo\0"):
            pairs = (
                entry.decode("utf-8", "replace").partition("=") for entry in _section(stream, section).split(b"\0")
            )
            found: dict[str, str] = {}
            for name, equals, value in pairs:
                if equals:
                    found.setdefault(name, value)
            return found
    return {}


def _section(stream: t.Any, section: tuple[int, ...]) -> bytes:
    _name, _flags, _address, offset, size = section
    stream.seek(offset)
    return bytes(stream.read(min(size, _SECTION_LIMIT)))


def _signature(stream: t.Any) -> tuple[bool, str]:
    tail = len(_MAGIC) + _SIGNATURE_INFO.size
    stream.seek(-tail, os.SEEK_END)
    end = stream.read(tail)
    if not end.endswith(_MAGIC):
        return False, ""
    length = _SIGNATURE_INFO.unpack_from(end)[5]
    if length > _SECTION_LIMIT:
        return True, ""
    stream.seek(-(tail + length), os.SEEK_END)
    return True, _signer(stream.read(length))


def _signer(signature: bytes) -> str:
    """The common name of the certificate that signed, from the issuer in the PKCS#7 structure; empty if there is none.

    A whole DER reader would be long; the name is the string that follows the object identifier.
    """
    at = signature.rfind(_COMMON_NAME)
    start = at + len(_COMMON_NAME)
    if at < 0 or start + 2 > len(signature):
        return ""
    return signature[start + 2 : start + 2 + signature[start + 1]].decode("utf-8", "replace")
