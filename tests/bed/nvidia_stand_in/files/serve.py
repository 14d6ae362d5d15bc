# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves /srv/bed/www over http and https; runs in a container of the bed."""

from __future__ import annotations

import functools
import http.server
import ssl
import threading


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"


def main() -> None:
    handler = functools.partial(Handler, directory="/srv/bed/www")
    plain = http.server.ThreadingHTTPServer(("", 80), handler)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    secure = http.server.ThreadingHTTPServer(("", 443), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/srv/bed/tls/server.crt", "/srv/bed/tls/server.key")
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    secure.serve_forever()


if __name__ == "__main__":
    main()
