# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking one source over HTTP: with patience where it is busy, and within limits for all that is asked at once."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import netrc
import os
import socket
import ssl
import threading
import time
import typing as t
import urllib.error
import urllib.request
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit, urlunsplit

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import Source

_TIMEOUT = 60.0
_TRIES = 5
_FIRST_WAIT = 0.5
_CHUNK = 256 * 1024
_BUSY = (429, 502, 503, 504)
# What a tired connection does; one that is refused, or a name that is unknown, stays so.
_TIRED = (ConnectionResetError, ConnectionAbortedError, http.client.IncompleteRead, http.client.BadStatusLine)

sleep = time.sleep


class NotThere(MlstackError):
    """The address does not exist (404). It never means that nothing is known."""


class Client:
    """Asks ``source``, from several threads at once. What is asked within one ``with`` shares the limits of the source:
    C(seconds), and C(megabytes) of answers."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._end = time.monotonic() + source.seconds
        self._bytes_left = int(source.megabytes * 1024 * 1024)
        self._lock = threading.Lock()
        self._connections: list[http.client.HTTPConnection] = []
        self._timer = threading.Timer(source.seconds, self._cut)
        self._timer.daemon = True
        self._opener: urllib.request.OpenerDirector | None = None

    def __enter__(self) -> Client:
        self._timer.start()
        return self

    def __exit__(self, *_about: t.Any) -> None:
        self._timer.cancel()

    def json(self, url: str, data: t.Any = None) -> t.Any:
        """The JSON that an address answers, to a POST of ``data`` where that is given. Raises MlstackError; NotThere
        for 404."""
        body = json.dumps(data).encode() if data is not None else None
        parts: list[bytes] = []
        self._retried(url, body, parts)
        try:
            return json.loads(b"".join(parts))
        except (ValueError, RecursionError) as exc:
            raise unreachable(url, f"an answer that is no JSON ({type(exc).__name__})") from exc

    def download(self, url: str, target: str) -> None:
        """Write what an address answers to a file. Raises MlstackError; then the file may be there in part."""
        with open(target, "wb") as stream:
            self._retried(url, None, _File(stream))

    def _retried(self, url: str, body: bytes | None, into: t.Any) -> None:
        for attempt in range(1, _TRIES + 1):
            into.clear()
            try:
                self._once(url, body, into)
                return
            except urllib.error.HTTPError as exc:
                exc.close()
                if exc.code == 404:
                    raise not_there(url) from exc
                wait = self._wait(attempt, exc.headers.get("Retry-After"))
                if exc.code not in _BUSY or wait is None:
                    raise unreachable(url, f"{exc.code} {exc.reason}") from exc
            except (OSError, http.client.HTTPException, ValueError) as exc:
                self._check_time(url)
                wait = self._wait(attempt, None)
                cause = getattr(exc, "reason", exc)
                if not isinstance(cause, _TIRED) or wait is None:
                    raise unreachable(url, str(exc) or type(exc).__name__) from exc
            sleep(wait)

    def _once(self, url: str, body: bytes | None, into: t.Any) -> None:
        self._check_time(url)
        left = self._end - time.monotonic()
        with self._opened().open(self._request(url, body), timeout=max(0.1, min(_TIMEOUT, left))) as response:
            expected = response.headers.get("Content-Length")
            size = 0
            while True:
                self._check_time(url)
                chunk = response.read1(_CHUNK)  # a drop at a time comes back a drop at a time
                if not chunk:
                    break
                size += len(chunk)
                self._count(url, len(chunk))
                into.append(chunk)
        if expected is not None and size != int(expected):
            raise http.client.IncompleteRead(b"", int(expected) - size)

    def _check_time(self, url: str) -> None:
        if time.monotonic() >= self._end:
            raise unreachable(url, f"its answers took longer than {self._source.seconds:g} seconds in all")

    def _count(self, url: str, size: int) -> None:
        with self._lock:
            self._bytes_left -= size
            if self._bytes_left < 0:
                raise unreachable(url, f"its answers are larger than {self._source.megabytes:g} MB in all")

    def _wait(self, attempt: int, asked: str | None) -> float | None:
        """Seconds until the next try; None where there is none, or it would be too late."""
        wait = max(_FIRST_WAIT * 2 ** (attempt - 1), _seconds(asked))
        return wait if attempt < _TRIES and time.monotonic() + wait < self._end else None

    def _request(self, url: str, body: bytes | None) -> urllib.request.Request:
        bare, user = _without_user(url)
        request = urllib.request.Request(bare, data=body, method="POST" if body is not None else "GET")
        request.add_header("User-Agent", "gpufleet.mlstack")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        user = user or _of_netrc(bare)
        if self._source.token:
            allowed = f"Bearer {self._source.token}"
        else:
            allowed = f"Basic {base64.b64encode(user.encode()).decode()}" if user else ""
        if allowed:
            request.add_unredirected_header("Authorization", allowed)  # nobody else is told it
        return request

    def _opened(self) -> urllib.request.OpenerDirector:
        with self._lock:
            if self._opener is None:
                context = ssl.create_default_context(cafile=self._source.ca_bundle or None)
                proxy = self._source.proxy
                proxies = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
                plain, secure = _handlers(self._connections, context)
                self._opener = urllib.request.build_opener(proxies, plain, secure)
            return self._opener

    def _cut(self) -> None:
        """End what still waits for the head of an answer when the time is over."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)


class _File:
    """A file as the list of chunks that an answer is gathered in."""

    def __init__(self, stream: t.BinaryIO) -> None:
        self._stream = stream
        self.append = stream.write

    def clear(self) -> None:
        self._stream.seek(0)
        self._stream.truncate()


def _handlers(
    made: list[http.client.HTTPConnection], context: ssl.SSLContext
) -> tuple[urllib.request.HTTPHandler, urllib.request.HTTPSHandler]:
    """Handlers that put every connection on a list."""

    def kept(connection: t.Any) -> t.Any:
        made.append(connection)
        return connection

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> t.Any:
            return self.do_open(lambda host, **more: kept(http.client.HTTPConnection(host, **more)), req)

    class Secure(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> t.Any:
            return self.do_open(
                lambda host, **more: kept(http.client.HTTPSConnection(host, context=context, **more)),
                req,
            )

    return Plain(), Secure(context=context)


def _seconds(asked: str | None) -> float:
    """What a header Retry-After asks for: seconds, or a time."""
    if not asked:
        return 0.0
    if asked.strip().isdecimal():
        return float(asked)
    with contextlib.suppress(ValueError, TypeError):
        then = parsedate_to_datetime(asked)
        then = then if then.tzinfo else then.replace(tzinfo=timezone.utc)
        return max(0.0, (then - datetime.now(timezone.utc)).total_seconds())
    return 0.0


def _without_user(url: str) -> tuple[str, str]:
    """An address without its user and password, and those as C(user:password)."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), unquote(user) if at else ""


def _of_netrc(url: str) -> str:
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(urlsplit(url).hostname or "")
        return f"{found[0]}:{found[2]}" if found else ""
    return ""


def unreachable(url: str, found: t.Any) -> MlstackError:
    """What to say when an address does not answer as it should."""
    return MlstackError(
        "advisories_unreachable",
        wanted=f"get advisories from {Redactor().text(url)}",
        found=Redactor().text(str(found)),
        to_fix="mend the way there, or name a mirror that this controller reaches in the option advisories",
    )


def not_there(url: str, to_fix: str = "") -> NotThere:
    """What to say when an address does not exist."""
    return NotThere(
        "advisories_unreachable",
        wanted=f"get advisories from {Redactor().text(url)}",
        found="404 Not Found, which is a wrong address",
        to_fix=to_fix or "correct the location in the option advisories",
    )
