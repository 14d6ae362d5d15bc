# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a service that speaks OSV's API: many at once, and each advisory by its id.

Such a service answers C({}) about a package without known flaws, and the same about one that it has never heard of. So
each round of questions has one more, about a canary: a release with a flaw that the service must know.
Sources: U(https://google.github.io/osv.dev/post-v1-querybatch/) and U(https://google.github.io/osv.dev/get-v1-vulns/).
"""

from __future__ import annotations

import re
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, matching, web
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import CANARY, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.web import Client, NotThere

_AT_ONCE = 8
_MOST_QUERIES = 1000  # of one request: the service's limit
_MOST_PAGES = 50
_MOST_TRIED = 5

Kept = t.Callable[[str, str], str]


@dataclass
class Found:
    """What came about one question. ``why`` says why that is not all, and is empty where it is. ``kept`` are ids of
    advisories that have not changed since they were read."""

    advisories: list[Advisory] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    why: str = ""


@dataclass
class _Query:
    """A question and the advisories that it brought: id to when it was changed, and the record where that came, too."""

    name: str
    version: str = ""
    token: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    records: dict[str, t.Any] = field(default_factory=dict)
    why: str = ""

    def body(self) -> dict[str, t.Any]:
        asked: dict[str, t.Any] = {"package": {"name": self.name, "ecosystem": advisories.ECOSYSTEM}}
        asked.update({"version": self.version} if self.version else {})
        asked.update({"page_token": self.token} if self.token else {})
        return asked

    def take(self, answer: t.Any) -> None:
        """Read one page. Raises BadAdvisory: what has no word of OSV's in it, but others, is not 'none'."""
        found = answer.get("vulns") if isinstance(answer, dict) else 0
        others = isinstance(answer, dict) and bool(answer) and not answer.keys() & {"vulns", "next_page_token"}
        if others or not isinstance(found, (list, type(None))):
            raise BadAdvisory(f"the answer about {self.name} is none of OSV's")
        for item in found or ():
            if not isinstance(item, dict) or not isinstance(item.get("id"), str):
                raise BadAdvisory(f"an advisory about {self.name} has no id")
            self.ids[item["id"]] = str(item.get("modified") or "")
            self.records.update({item["id"]: item} if "affected" in item else {})
        self.token = str(answer.get("next_page_token") or "")


def ask(client: Client, source: Source, wanted: t.Sequence[str], kept: Kept) -> dict[str, Found]:
    """What the service knows of packages, by their names. ``kept(name, id)`` is when an advisory was changed that is
    here already, else empty. Raises MlstackError where the service is none, or does not prove itself."""
    base = source.location.rstrip("/")
    name, _equals, version = (source.canary or CANARY).partition("==")
    canary = _Query(names.normalize(name), version)
    queries = [canary, *map(_Query, wanted)]
    try:
        _in_batches(client, base, queries)
    except NotThere:
        _one_by_one(client, base, queries)
    _prove(client, base, source, canary)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        wants = {one for item in queries[1:] for one in item.ids if _changed(item, one, kept)}
        wants -= {one for item in queries[1:] for one in item.records}
        fetched = dict(zip(sorted(wants), pool.map(lambda one: _record(client, base, one), sorted(wants))))
    return {item.name: _found(item, fetched, kept) for item in queries[1:]}


def _changed(query: _Query, identifier: str, kept: Kept) -> bool:
    return not query.ids[identifier] or kept(query.name, identifier) != query.ids[identifier]


def _in_batches(client: Client, base: str, queries: t.Sequence[_Query]) -> None:
    """Ask all, page by page. Raises NotThere where the service cannot take many questions at once."""
    pending = list(queries)
    for _page in range(_MOST_PAGES):
        for start in range(0, len(pending), _MOST_QUERIES):
            part = pending[start : start + _MOST_QUERIES]
            try:
                _batch(client, base, part)
            except NotThere:
                raise
            except (MlstackError, BadAdvisory) as exc:
                for query in part:
                    query.why, query.token = _reason(exc), ""
        pending = [query for query in pending if query.token]
        if not pending:
            return
    _too_many(pending)


def _batch(client: Client, base: str, part: t.Sequence[_Query]) -> None:
    answer = client.json(f"{base}/v1/querybatch", {"queries": [query.body() for query in part]})
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != len(part):
        raise BadAdvisory(f"it has no answer to each of {len(part)} questions")
    for query, result in zip(part, results):
        _take(query, result)


def _take(query: _Query, answer: t.Any) -> None:
    try:
        query.take(answer)
    except BadAdvisory as exc:
        query.why, query.token = str(exc), ""


def _one_by_one(client: Client, base: str, queries: t.Sequence[_Query]) -> None:
    """Ask a service that knows C(/v1/query) alone. Where it does not know that either, the address is wrong."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            list(pool.map(lambda query: _pages(client, base, query), queries))
        except NotThere as exc:
            right = re.sub(r"(/v1)?(/query(batch)?|/vulns)?\Z", "", base)
            to_fix = f"give the address without what follows the host: {right}" if right != base else ""
            raise web.not_there(f"{base}/v1/query", to_fix) from exc


def _pages(client: Client, base: str, query: _Query) -> None:
    for _page in range(_MOST_PAGES):
        try:
            _take(query, client.json(f"{base}/v1/query", query.body()))
        except NotThere:
            raise
        except MlstackError as exc:
            query.why, query.token = _reason(exc), ""
        if not query.token:
            return
    _too_many([query])


def _too_many(queries: t.Iterable[_Query]) -> None:
    for query in queries:
        query.why = f"its advisories are more than {_MOST_PAGES} pages, and the others were not read"


def _prove(client: Client, base: str, source: Source, canary: _Query) -> None:
    """See that the service knows a flaw that it must know. Raises MlstackError."""
    why = canary.why
    if why:
        raise web.unreachable(base, why)
    for identifier in list(canary.ids)[:_MOST_TRIED]:
        record = canary.records.get(identifier) or _record(client, base, identifier)
        if isinstance(record, str):
            why = record
        elif _holds(record, canary):
            return
    raise MlstackError(
        "advisories_unproven",
        wanted=f"see that {source} knows the flaws of {canary.name} {canary.version}, which it must",
        found=why or "it tells none",
        to_fix="correct the address, or let 'canary' name a release (NAME==VERSION) whose flaws this service must know",
    )


def _holds(record: t.Any, canary: _Query) -> bool:
    try:
        advisory = advisories.read(record)
    except BadAdvisory:
        return False
    return advisory is not None and any(
        item.package == canary.name and matching.rule(item).affects(canary.version) for item in advisory.affected
    )


def _record(client: Client, base: str, identifier: str) -> t.Any:
    """One advisory as it is; a text that says why it did not come."""
    try:
        return client.json(f"{base}/v1/vulns/{quote(identifier, safe='')}")
    except MlstackError as exc:
        return _reason(exc)


def _found(query: _Query, fetched: t.Mapping[str, t.Any], kept: Kept) -> Found:
    found = Found(why=query.why)
    for identifier in query.ids:
        record = query.records.get(identifier, fetched.get(identifier))
        if record is None:
            found.kept.append(identifier)
            continue
        try:
            if isinstance(record, str):
                raise BadAdvisory(record)
            advisory = _only(record, query.name)
        except BadAdvisory as exc:
            found.why = found.why or f"its advisory {identifier} did not come: {exc}"
            continue
        if advisory is not None:
            found.advisories.append(advisory)
    return found


def _only(record: t.Any, name: str) -> Advisory | None:
    """What it says of this package: about others nobody asked yet. None where it was withdrawn since the service named
    it. Raises BadAdvisory where it says nothing of the package for which it was named."""
    advisory = advisories.read(record)
    if advisory is None and advisories.is_withdrawn(record):
        return None
    affected = tuple(item for item in advisory.affected if item.package == name) if advisory is not None else ()
    if advisory is None or not affected:
        raise BadAdvisory(f"what came says nothing of {name}")
    return Advisory(**{**advisory.__dict__, "affected": affected})


def _reason(exc: Exception) -> str:
    return str(getattr(exc, "found", "") or exc)
