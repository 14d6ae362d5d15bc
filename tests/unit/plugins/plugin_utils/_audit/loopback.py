# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services and indexes on loopback, which answer what a test tells them to."""

from __future__ import annotations

import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .conftest import record

CANARY = record("CANARY-1", "jinja2", events=[{"introduced": "0"}, {"fixed": "2.11"}])


class Service:
    """Answers by path, and counts what it is asked. An answer is data, bytes, a status, a status with headers, or a
    function of what was sent that gives one; None closes the connection."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, t.Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, t.Any] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.answer(self, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                service.answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *args: t.Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, body: t.Any) -> None:
        self.asked.append((request.path, body))
        self.headers.append(dict(request.headers.items()))
        found = self.answers.get(request.path, 404)
        if callable(found):
            found = found(body)
        if found is None:
            request.close_connection = True
            return
        if isinstance(found, tuple):
            self._status(request, *found)
            return
        if isinstance(found, int):
            request.send_error(found)
            return
        data = found if isinstance(found, bytes) else json.dumps(found).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    @staticmethod
    def _status(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name, value)
        request.end_headers()

    def paths(self) -> list[str]:
        return [path for path, _body in self.asked]

    def osv(self, *records: dict[str, t.Any], canary: dict[str, t.Any] | None = CANARY) -> None:
        """Answer as OSV's API does, out of these records."""
        known = {item["id"]: item for item in (*records, *((canary,) if canary else ()))}
        self.answers = {f"/v1/vulns/{identifier}": item for identifier, item in known.items()}
        self.answers["/v1/querybatch"] = lambda body: {
            "results": [self.brief(known.values(), query["package"]["name"]) for query in body["queries"]]
        }

    @staticmethod
    def brief(records: t.Iterable[dict[str, t.Any]], name: str) -> dict[str, t.Any]:
        """A result of querybatch."""
        found = [
            {"id": item["id"], "modified": item["modified"]}
            for item in records
            if any(affected["package"]["name"] == name for affected in item["affected"])
        ]
        return {"vulns": found} if found else {}

    def questions(self) -> list[str]:
        """The names of the packages that it was asked about, in the order asked, without the canary."""
        return [
            query["package"]["name"]
            for path, body in self.asked
            if path.endswith("/v1/querybatch")
            for query in body["queries"]
            if query["package"]["name"] != "jinja2"
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
