# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package index offers: newer versions, and releases that were yanked.

Source: the simple API, in its JSON form (PEP 691) or as the page of links that older mirrors have (PEP 503 and 592).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import typing as t
import urllib.error
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import matching
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_AT_ONCE = 8
_HOURS = 1.0
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Project:
    """``versions`` that have files, ``yanked`` ones with the reason (may be empty). ``known`` is whether the index has
    the project at all."""

    known: bool = True
    versions: tuple[str, ...] = ()
    yanked: dict[str, str] = field(default_factory=dict)

    @property
    def offered(self) -> tuple[str, ...]:
        """The versions that one may go to."""
        return tuple(text for text in self.versions if text not in self.yanked)

    def latest(self, version: str) -> str:
        """The newest final release above ``version``; of pre-releases only where that is one, too. Empty if none."""
        current = matching.public(version)
        if current is None:
            return ""
        offered = {text: matching.public(text) for text in self.offered}
        newer = [
            (found, text)
            for text, found in offered.items()
            if found is not None and found > current and (current.is_prerelease or not found.is_prerelease)
        ]
        return max(newer)[1] if newer else ""


def ask(cache: Cache, index: str, wanted: t.Collection[str], now: float) -> dict[str, Project]:
    """What an index has of projects, by their normalised names; answers are kept for an hour. Raises MlstackError."""
    path = os.path.join(cache.folder, f"projects-{hashlib.sha256(index.encode()).hexdigest()[:16]}.sqlite")
    try:
        return _ask(cache, path, index, wanted, now)
    except sqlite3.DatabaseError:  # damaged: nothing is lost but an hour's answers
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return _ask(cache, path, index, wanted, now)


def _ask(cache: Cache, path: str, index: str, wanted: t.Collection[str], now: float) -> dict[str, Project]:
    with cache.lock(path), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS project (name TEXT PRIMARY KEY, time REAL NOT NULL, found TEXT NOT NULL)"
        )
        rows = connection.execute("SELECT name, found FROM project WHERE time > ?", (now - _HOURS * 3600,))
        found = {name: Project(**json.loads(text)) for name, text in rows}
        missing = sorted(set(wanted) - found.keys())
        if missing:
            from concurrent.futures import ThreadPoolExecutor  # a mirror that is near needs none of it

            with cache.tried_once(path), ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = list(pool.map(lambda name: _project(index, name), missing))
            found.update(zip(missing, answers))
            connection.executemany(
                "INSERT OR REPLACE INTO project VALUES (?, ?, ?)",
                [(name, now, json.dumps(answer.__dict__)) for name, answer in zip(missing, answers)],
            )
            connection.commit()
    return {name: found[name] for name in wanted}


def _project(index: str, name: str) -> Project:
    from ansible.module_utils.urls import open_url  # imports much, and a mirror that is near needs none of it

    url = f"{index.rstrip('/')}/{name}/"
    try:
        with open_url(url, headers={"Accept": _ACCEPT}, timeout=_TIMEOUT, http_agent="gpufleet.mlstack") as response:
            data = response.read()
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code == 404:
            return Project(known=False)
        raise _refused(index, f"{exc.code} {exc.reason} for {name}") from exc
    except OSError as exc:
        raise _refused(index, f"{exc} for {name}") from exc
    try:
        answer = json.loads(data)
    except ValueError as exc:
        answer = {"files": _links(data.decode("utf-8", "replace"))}
        if not answer["files"]:
            raise _refused(index, f"neither JSON nor a page of links for {name}") from exc
    return read(answer, name)


def _links(page: str) -> list[dict[str, t.Any]]:
    """The files of a page of links, in the words of the JSON form."""
    found: list[dict[str, t.Any]] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if tag == "a" and given.get("href"):
                path = urlsplit(str(given["href"])).path
                yanked = (given["data-yanked"] or True) if "data-yanked" in given else False
                found.append({"filename": unquote(path.rpartition("/")[2]), "yanked": yanked})

    Links().feed(page)
    return found


def read(answer: t.Any, name: str) -> Project:
    """The project of an index's answer. Files that are not understood are left out."""
    files = answer.get("files") if isinstance(answer, dict) else None
    versions: dict[str, bool] = {}
    yanked: dict[str, str] = {}
    for item in files if isinstance(files, list) else ():
        version = _version(str(item.get("filename", "")), name) if isinstance(item, dict) else ""
        if not version:
            continue
        whole = not item.get("yanked")
        versions[version] = versions.get(version, False) or whole
        if not whole:
            yanked[version] = item["yanked"] if isinstance(item["yanked"], str) else ""
    gone = {version: why for version, why in yanked.items() if not versions[version]}
    return Project(True, tuple(versions), gone)


def _version(filename: str, name: str) -> str:
    parts = names.wheel_parts(filename)
    if parts is None:
        bare = re.sub(r"(?:\.tar\.(?:gz|bz2|xz)|\.zip|\.tgz)\Z", "", filename)
        stem, dash, version = bare.rpartition("-")
        parts = (stem, version) if dash and bare != filename else None
    return parts[1] if parts and names.normalize(parts[0]) == name else ""


def _refused(index: str, found: str) -> MlstackError:
    return MlstackError(
        "index_unreachable",
        wanted=f"ask the index {index} for newer versions and yanked releases",
        found=found,
        to_fix="name an index that speaks the simple API, or leave the option index out",
    )
