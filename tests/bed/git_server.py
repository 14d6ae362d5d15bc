# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git repositories behind a password, on loopback, by git's own C(http-backend)."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class GitServer:
    """Serves the repositories below ``folder`` to those who know ``credentials`` ("user:password")."""

    def __init__(self, folder: Path, credentials: str) -> None:
        self.folder = folder
        self.credentials = credentials
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> GitServer:
        self._thread.start()
        return self

    def __exit__(self, *_ended_by: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"


def _handler(served: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            expected = "Basic " + base64.b64encode(served.credentials.encode()).decode()
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="bed"')
                self.end_headers()
                return
            self._answer(_run_backend(served.folder, self))

        do_POST = do_GET

        def _answer(self, output: bytes) -> None:
            head, _blank, body = output.partition(b"\r\n\r\n")
            fields = [line.partition(": ") for line in head.decode().splitlines()]
            status = next((value for name, _colon, value in fields if name == "Status"), "200 OK")
            self.send_response(int(status.split()[0]))
            for name, _colon, value in fields:
                if name != "Status":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing on standard error."""

    return Handler


def _run_backend(folder: Path, request: BaseHTTPRequestHandler) -> bytes:
    """One request through CGI (git-http-backend(1))."""
    path, _mark, query = request.path.partition("?")
    body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
    variables = {
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": "operator",
    }
    environ = {**os.environ, **variables}
    return subprocess.run(["git", "http-backend"], input=body, env=environ, capture_output=True, check=True).stdout
