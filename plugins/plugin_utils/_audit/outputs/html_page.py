# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One self-contained page for the fleet: data, style and script in one file that asks no network.

All data goes in as JSON inside a script element that is not executed, with every character escaped that could end the
element. The script puts it on the page as text nodes only. The content security policy names the script and the style
by their hashes and allows nothing else, so that markup that came in all the same could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import typing as t

_PARTS = os.path.join(os.path.dirname(__file__), "page")
# One script, in this order.
_SCRIPTS = ("model.js", "dom.js", "details.js", "views.js", "state.js", "main.js")


def render(data: t.Mapping[str, t.Any]) -> str:
    """The page that shows ``data``, which is what page_data.page_data() returns."""
    style = _read("page.css")
    script = '"use strict";\n(() => {\n' + "".join(_read(name) for name in _SCRIPTS) + "})();\n"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'sha256-{_digest(script)}'",
            f"style-src 'sha256-{_digest(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    values = {
        "title": html.escape(str(data["title"])),
        "policy": policy,
        "style": style,
        "script": script,
        "data": embedded(data),
    }
    pieces = _read("page.html").split("{{ ")
    text = pieces[0]
    for piece in pieces[1:]:
        name, _closed, rest = piece.partition(" }}")
        text += values[name] + rest
    return text


def embedded(data: t.Any) -> str:
    """JSON that can stand in a script element: no text in it can end the element or begin a comment."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    with open(os.path.join(_PARTS, name), encoding="utf-8") as stream:
        return stream.read()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
