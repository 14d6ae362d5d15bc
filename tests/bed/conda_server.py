# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conda channel's files on loopback http or https, with a password and faults at will.

with CondaServer(folder, credentials="user:password") as server:
    server.fault = lambda path: 500 if path.endswith(".conda") else None
    solve(channels=[server.url])
"""

from __future__ import annotations

import base64
import contextlib
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# What a fault sees: the path that was asked for. It answers with a status to send, or None to serve as usual.
Fault = Callable[[str], "int | None"]


class CondaServer:
    """Serves ``folder``, whose files may come and go.

    With ``credentials`` ("user:password"), a bearer ``token`` or a ``conda_token`` (in the path: ``/t/<token>/``) each
    request must carry them. ``fault`` turns requests down; ``cut_after`` (bytes) breaks archives off in the middle;
    ``delay_s`` slows every file down; ``other_content`` maps a path to bytes that are sent in its place. ``requests``
    are the paths that were asked for, without a token, ``proxied`` the URLs of which it was asked as a proxy. With
    ``certificate`` (a PEM file with key and certificate) it speaks https.
    """

    def __init__(
        self, folder: Path, *, credentials: str = "", token: str = "", conda_token: str = "", certificate: str = ""
    ) -> None:
        self.folder = folder
        self.credentials = credentials
        self.token = token
        self.conda_token = conda_token
        self.fault: Fault | None = None
        self.cut_after: int | None = None
        self.delay_s = 0.0
        self.other_content: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.proxied: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> CondaServer:
        self._thread.start()
        return self

    def __exit__(self, *_ended_by: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; connections are refused from then on. A second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The channel's URL, without credentials."""
        return f"{self._scheme}://{self.host}"

    def archives(self) -> list[str]:
        """The archives that were asked for."""
        return [path for path in self.requests if path.endswith((".conda", ".tar.bz2"))]

    def admits(self, path: str, authorization: str | None) -> bool:
        if self.conda_token:
            return path.startswith(f"/t/{self.conda_token}/")
        expected = ""
        if self.credentials:
            expected = "Basic " + base64.b64encode(self.credentials.encode()).decode()
        elif self.token:
            expected = f"Bearer {self.token}"
        return not expected or authorization == expected


def _handler(server: CondaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked = unquote(urlsplit(self.path).path)
            server.proxied += [self.path] if self.path.startswith("http") else []
            path = asked.removeprefix(f"/t/{server.conda_token}") if server.conda_token else asked
            server.requests.append(path)
            refused = server.fault(path) if server.fault else None
            if refused is not None:
                self._answer(refused, b"the bed was told to fail here")
            elif not server.admits(asked, self.headers.get("Authorization")):
                self._answer(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="bed"'})
            else:
                self._file(path)

        def _file(self, path: str) -> None:
            found = server.folder / path.lstrip("/")
            if ".." in path.split("/") or not found.is_file():
                self._answer(404, b"not here")
                return
            time.sleep(server.delay_s)
            body = server.other_content.get(path, b"") or found.read_bytes()
            archive = path.endswith((".conda", ".tar.bz2"))
            self._answer(200, body, cut_after=server.cut_after if archive else None)

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, cut_after: int | None = None
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client that has seen enough
                    self.wfile.write(body[:cut_after])
            if cut_after is not None and cut_after < len(body):
                self.close_connection = True

        def log_message(self, *_arguments: Any) -> None:
            """Nothing on standard error: ``requests`` tells what was asked for."""

    return Handler
