# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP public keys: which keys a file really holds (RFC 4880, RFC 9580), without a program to ask.

A fingerprint is a digest over the primary key, so a key that was fetched over any way is verified by it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError

_ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+\r?\n)*\r?\n([A-Za-z0-9+/=\r\n]+?)"
    r"(?:\r?\n=[A-Za-z0-9+/]{4})?\s*-----END PGP PUBLIC KEY BLOCK-----"
)
_PRIMARY_KEY = 6  # the packet's tag; subkeys are 14
# A publisher may announce a digest of the file in a fingerprint's place.
_DIGEST = "sha256:"


def fingerprints(key: bytes) -> tuple[str, ...]:
    """The fingerprints of the primary keys in a file, armoured or not, in upper case; empty where it holds none."""
    try:
        packets = _packets(_binary(key))
        return tuple(_fingerprint(body) for tag, body in packets if tag == _PRIMARY_KEY)
    except (ValueError, IndexError):
        return ()


def digest(key: bytes) -> str:
    """The digest of a key's file, as C(sha256:...). The line that names the program which wrote it does not count:
    NVIDIA's images leave it out before they compare."""
    return _DIGEST + hashlib.sha256(_without_writer(key)).hexdigest()


def identities(key: bytes, expected: t.Collection[str]) -> tuple[str, ...]:
    """What tells the keys in a file: the digest of the file if it is expected, else their fingerprints."""
    found = fingerprints(key)
    return (digest(key),) if found and digest(key) in expected else found


def armoured(key: bytes) -> str:
    """The key as text, which apt (2.0 and later) and rpm both read. Raises ValueError for what is no key."""
    binary = _binary(key)
    body = base64.b64encode(binary).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    crc = base64.b64encode(_crc24(binary).to_bytes(3, "big")).decode()
    return "\n".join(
        ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "", *lines, f"={crc}", "-----END PGP PUBLIC KEY BLOCK-----", ""]
    )


def verified(key: bytes, expected: t.Collection[str], source: str) -> str:
    """The armoured key, if it holds primary keys of these fingerprints and no others, or if the file has one of these
    digests. Raises MlstackError."""
    wanted = {text if text.startswith(_DIGEST) else normal(text) for text in expected}
    found = identities(key, wanted)
    if not found or not set(found) <= wanted:
        raise MlstackError(
            "key_mismatch",
            wanted=f"trust the signing key {', '.join(sorted(wanted))}",
            found=f"{source} holds " + (f"the key {', '.join(found)}" if found else "no OpenPGP public key"),
            to_fix="compare the fingerprint with the one that the publisher announces, and correct the key or it",
            fingerprints=list(found),
        )
    # A digest is one of the text, which so stays as it is.
    return _without_writer(key).decode("ascii") if found[0].startswith(_DIGEST) else armoured(key)


def normal(fingerprint: str) -> str:
    """A fingerprint without blanks and in upper case."""
    return re.sub(r"[\s:]", "", fingerprint).upper()


def _without_writer(key: bytes) -> bytes:
    return b"".join(line for line in key.splitlines(keepends=True) if not line.startswith(b"Version"))


def _binary(key: bytes) -> bytes:
    if key[:1] and key[0] & 0x80:
        return key
    blocks = _ARMOUR.findall(key.decode("ascii", "replace"))
    if not blocks:
        raise ValueError("no armoured public key")
    try:
        # A file may hold several blocks, and whoever trusts it trusts all of them.
        return b"".join(base64.b64decode("".join(body.split()), validate=True) for body in blocks)
    except binascii.Error as exc:
        raise ValueError("the armour is damaged") from exc


def _packets(data: bytes) -> t.Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("no packet starts here")
        at += 1
        if head & 0x40:
            tag = head & 0x3F
            first = data[at]
            if first < 192:
                length, at = first, at + 1
            elif first < 224:
                length, at = ((first - 192) << 8) + data[at + 1] + 192, at + 2
            elif first == 255:
                length, at = int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
            else:
                raise ValueError("keys have no partial packets")
        else:
            tag, kind = (head >> 2) & 0x0F, head & 0x03
            if kind == 3:
                raise ValueError("a packet without a length")
            size = 1 << kind
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("a packet is cut off")
        yield tag, data[at : at + length]
        at += length


def _fingerprint(body: bytes) -> str:
    version = body[0]
    if version == 4:
        # SHA-1 is what the format prescribes: nobody can make another key for a given fingerprint.
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
    if version == 6:
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise ValueError(f"a key of version {version}")


def _crc24(data: bytes) -> int:
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _round in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc & 0xFFFFFF
