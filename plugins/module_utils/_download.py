# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching a file whose content is known beforehand: nothing is kept that has not the expected digest."""

from __future__ import annotations

import contextlib
import hashlib
import time
import typing as t
import urllib.error

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import writing

_CHUNK = 1024 * 1024
_SILENCE_SECONDS = 60.0  # a server that says nothing for so long is given up
_ATTEMPTS = 3


def fetch(url: str, wanted: str, most_bytes: int = 1024 * 1024) -> bytes:
    """A small file, such as a public key. The caller verifies it. Raises MlstackError."""
    with _opened(url, wanted) as response:
        content = response.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise MlstackError(
            "download_failed", wanted=wanted, found=f"{url} is larger than {most_bytes} bytes", to_fix="correct the URL"
        )
    return bytes(content)


def fetch_file(url: str, path: str, sha256: str, wanted: str) -> None:
    """Download to ``path``, which appears there only with that SHA-256 digest. Raises MlstackError."""
    with writing.replacing(path) as part:
        for attempt in range(_ATTEMPTS):
            try:
                found = _copy(url, part, wanted)
                break
            except MlstackError as exc:
                if attempt + 1 == _ATTEMPTS or not exc.details.get("transient"):
                    raise
                time.sleep(2.0**attempt)
        require_digest(found, sha256, url, wanted)


def size_of(url: str, wanted: str) -> int:
    """How many bytes a server says that a file has; 0 where it does not say. Raises MlstackError."""
    with _opened(url, wanted, method="HEAD") as response:
        return int(response.headers.get("Content-Length") or 0)


def sha256_of(path: str) -> str:
    """The digest of a file, in lower case."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def require_digest(found: str, sha256: str, source: str, wanted: str) -> None:
    """Raise MlstackError unless the digests agree."""
    if found != sha256.lower():
        raise MlstackError(
            "digest_mismatch",
            wanted=f"{wanted}, with the SHA-256 digest {sha256.lower()}",
            found=f"{source} has the digest {found}",
            to_fix="fetch the file again from its publisher, or correct the digest by the one that is published",
        )


def _copy(url: str, stream: t.BinaryIO, wanted: str) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    stream.truncate()
    with _opened(url, wanted) as response:
        expected = response.headers.get("Content-Length")
        size = 0
        try:
            for chunk in iter(lambda: response.read(_CHUNK), b""):
                digest.update(chunk)
                stream.write(chunk)
                size += len(chunk)
        except (TimeoutError, urllib.error.URLError, ConnectionError) as exc:
            raise _failure(url, wanted, f"the connection broke after {size} bytes: {exc}", transient=True) from exc
        if expected is not None and size < int(expected):
            raise _failure(url, wanted, f"only {size} of {expected} bytes came", transient=True)
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(url: str, wanted: str, method: str = "GET") -> t.Iterator[t.Any]:
    # It imports much, and a host that is as desired fetches nothing.
    from ansible.module_utils import urls

    try:
        response = urls.open_url(
            url, method=method, timeout=_SILENCE_SECONDS, http_agent="gpufleet.mlstack", decompress=False
        )
    except urllib.error.HTTPError as exc:
        transient = exc.code >= 500
        exc.close()
        raise _failure(url, wanted, f"the server answers {exc.code} {exc.reason}", transient=transient) from exc
    except (OSError, ValueError, urls.ConnectionError) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise _failure(url, wanted, str(reason), transient=True) from exc
    with response:
        yield response


def _failure(url: str, wanted: str, found: str, *, transient: bool) -> MlstackError:
    return MlstackError(
        "download_failed",
        wanted=wanted,
        found=f"{url} cannot be fetched: {found}",
        to_fix="mend the way there, name a mirror, or put the file on the host",
        transient=transient,
    )
