# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that stand in URLs, taken out of them: C(https://user:password@host/...), C(https://host/t/TOKEN/...).

Left in, they would be needed wherever the URL is, and the URL is in records, histories and exports.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from urllib.parse import unquote, urlsplit

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import package_url

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockFile

_TOKEN = re.compile(r"/t/([^/]+)(?=/|\Z)")
Credentials = list[dict[str, str]]  # as the option 'credentials' has them


def in_url(text: str) -> dict[str, str] | None:
    """The credential in a URL; None where there is none, as in a channel's name."""
    if not text.lower().startswith(("http://", "https://")):
        return None
    parts = urlsplit(text)
    host = parts.hostname or ""
    token = _TOKEN.match(parts.path)
    if token and host:
        return {"host": host, "conda_token": token[1]}
    if parts.username is None or not host:
        return None
    user, password = unquote(parts.username), unquote(parts.password or "")
    return {"host": host, "user": user, "password": password}


def out_of_arguments(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The arguments of conda_env with the credentials of its URLs among the others."""
    found: Credentials = []
    taken = dict(params)
    taken["channels"] = _taken(params["channels"], found)
    taken["mirrors"] = [
        {"of": package_url.public(item["of"]), "urls": _taken(item["urls"], found)} for item in params["mirrors"]
    ]
    if params["channel_alias"]:
        (taken["channel_alias"],) = _taken([params["channel_alias"]], found)
    taken["environments"] = [{**item, "channels": _taken(item["channels"], found)} for item in params["environments"]]
    empty = {"user": None, "password": None, "token": None, "conda_token": None}
    taken["credentials"] = [*params["credentials"], *({**empty, **item} for item in _each_once(found))]
    return taken


def out_of_file(described: EnvironmentFile | LockFile) -> tuple[EnvironmentFile | LockFile, Credentials]:
    """What a file says without the credentials in its channels and packages' URLs, and these."""
    found: Credentials = []
    changed: dict[str, t.Any] = {"channels": tuple(_taken(described.channels, found))}
    if hasattr(described, "packages"):
        urls = _taken([item.url for item in described.packages], found)
        changed["packages"] = tuple(dataclasses.replace(item, url=url) for item, url in zip(described.packages, urls))
    return dataclasses.replace(described, **changed), _each_once(found)


def _taken(urls: t.Iterable[str], found: Credentials) -> list[str]:
    public = []
    for url in urls:
        credential = in_url(url)
        found += [credential] if credential else []
        public.append(package_url.public(url) if credential else url)
    return public


def _each_once(found: Credentials) -> Credentials:
    return list({tuple(sorted(item.items())): item for item in found}.values())
