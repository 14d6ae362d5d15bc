# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package index on loopback: the simple repository API (PEP 503) over a folder, with a password and faults at will.

with PythonIndex(folder) as index:
    distributions.wheel(folder, "alpha", "1.0")
    run(index_url=index.url)
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

# What a fault sees: the path that was asked for. It answers with a status to send, or None to serve as usual.
Fault = Callable[[str], "int | None"]


class PythonIndex:
    """Serves the files of ``folder``, which may come and go, as projects below ``/simple/``.

    With ``credentials`` ("user:password") every request must carry them. ``fault`` may turn a request down, and
    ``cut_after`` (bytes) breaks a file off in the middle. ``delay_s`` slows every file down. ``requests`` are the paths
    that were asked for.
    """

    def __init__(self, folder: Path, credentials: str = "", address: str = "127.0.0.1", port: int = 0) -> None:
        self.folder = folder
        self.credentials = credentials
        self.fault: Fault | None = None
        self.cut_after: int | None = None
        self.delay_s = 0.0
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer((address, port), _handler(self))
        self._server.daemon_threads = True
        self._address = address
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> PythonIndex:
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
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def origin(self) -> str:
        """Scheme, host and port, without credentials."""
        return f"http://{self._address}:{self.port}"

    @property
    def url(self) -> str:
        """The index URL, without credentials."""
        return f"{self.origin}/simple/"

    @property
    def url_with_credentials(self) -> str:
        return self.url.replace("://", f"://{self.credentials}@")

    def file_url(self, name: str) -> str:
        """Where one file is served."""
        return f"{self.origin}/files/{name}"

    # --- what is served ------------------------------------------------------------------------------------------

    def page(self, project: str) -> str | None:
        """The page of a project; None where the folder has no file of it."""
        links = [
            f'<a href="/files/{html.escape(path.name)}#sha256={_sha256(path)}">{html.escape(path.name)}</a><br>'
            for path in sorted(self.folder.iterdir())
            if path.is_file() and _project(path.name) == project
        ]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>" if links else None


def _handler(index: PythonIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(self.path.partition("?")[0])
            index.requests.append(path)
            refused = index.fault(path) if index.fault else None
            if refused is not None:
                self._answer(refused, b"the bed was told to fail here", "text/plain")
            elif not self._admitted():
                self._answer(401, b"who are you?", "text/plain", {"WWW-Authenticate": 'Basic realm="bed"'})
            elif path.startswith("/simple/"):
                self._project(path.removeprefix("/simple/").strip("/"))
            elif path.startswith("/files/"):
                self._file(index.folder / path.removeprefix("/files/"))
            else:
                self._answer(404, b"not here", "text/plain")

        def _admitted(self) -> bool:
            if not index.credentials:
                return True
            expected = "Basic " + base64.b64encode(index.credentials.encode()).decode()
            return self.headers.get("Authorization") == expected

        def _project(self, project: str) -> None:
            page = index.page(project)
            if page is None:
                self._answer(404, b"no such project", "text/plain")
            else:
                self._answer(200, page.encode(), "text/html")

        def _file(self, path: Path) -> None:
            if path.parent != index.folder or not path.is_file():
                self._answer(404, b"no such file", "text/plain")
                return
            time.sleep(index.delay_s)
            self._answer(200, path.read_bytes(), "application/octet-stream", cut_after=index.cut_after)

        def _answer(
            self,
            status: int,
            body: bytes,
            kind: str,
            headers: dict[str, str] | None = None,
            cut_after: int | None = None,
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:cut_after])
            if cut_after is not None and cut_after < len(body):
                self.close_connection = True

        def log_message(self, *_arguments: Any) -> None:
            """Nothing on standard error: ``requests`` tells what was asked for."""

    return Handler


def _project(filename: str) -> str:
    """The normalised project name that a wheel's or source distribution's file name begins with."""
    name = filename.split("-")[0] if filename.endswith(".whl") else filename.rpartition("-")[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
