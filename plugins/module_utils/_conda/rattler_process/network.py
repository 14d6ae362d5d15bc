# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the process reaches channels: mirrors, credentials, tokens."""

from __future__ import annotations

import base64
import typing as t


def clients(sources: t.Mapping[str, t.Any]) -> list[t.Any]:
    """A client for each way to the channels: the one with the first mirrors, with the second ones ..., at least one."""
    from rattler.networking import (
        AddHeadersMiddleware,
        AuthenticationMiddleware,
        Client,
        MirrorMiddleware,
        RetryMiddleware,
    )

    found = []
    for number in range(max([len(places) for _prefix, places in sources["mirrors"]] or [1])):
        mirrors = {
            slashed(prefix): [slashed(places[min(number, len(places) - 1)])] for prefix, places in sources["mirrors"]
        }
        # A token in the path is a mirror, too, and so it gets into no record.
        mirrors.update({slashed(url): [slashed(replaced)] for url, replaced in sources["token_urls"]})
        chain: list[t.Any] = [RetryMiddleware(0 if sources["offline"] else 1)]
        chain += [MirrorMiddleware(mirrors)] if mirrors else []
        chain += [AddHeadersMiddleware(_headers(sources["credentials"]))] if sources["credentials"] else []
        found.append(Client([*chain, AuthenticationMiddleware()]))
    return found


def slashed(url: str) -> str:
    return url.rstrip("/") + "/"


def _headers(credentials: t.Sequence[t.Mapping[str, str]]) -> t.Callable[[str, str], dict[str, str] | None]:
    def headers(host: str, _path: str) -> dict[str, str] | None:
        for item in credentials:
            if not concerns(item["host"], host):
                continue
            if item["token"]:
                return {"Authorization": f"Bearer {item['token']}"}
            if item["user"] or item["password"]:
                pair = f"{item['user']}:{item['password']}".encode()
                return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return None

    return headers


def concerns(pattern: str, host: str) -> bool:
    """Does a credential's host mean this one? rattler does not tell us the port."""
    name, _colon, port = pattern.rpartition(":")
    pattern = name if name and port.isdigit() else pattern
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))
