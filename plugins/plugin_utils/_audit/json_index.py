# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the JSON API of a package index, which tells the flaws of one release beside its files.

Most indexes have no such thing: an answer without the key C(vulnerabilities), or none, says nothing about flaws.
Source: the index's own documentation of C(/pypi/NAME/VERSION/json).
"""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, matching, web
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, Affected, BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.osv_api import Found
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.web import Client, NotThere

_AT_ONCE = 8
_NOT_THERE = "the index does not have this release"


def ask(client: Client, source: Source, wanted: t.Sequence[str]) -> dict[str, Found]:
    """What the index knows of releases, each C(NAME/VERSION). Raises MlstackError where it can tell of none."""
    base = source.location.rstrip("/")
    if source.canary:
        _prove(client, base, source)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(wanted, pool.map(lambda question: _answer(client, base, question), wanted)))
    if found and all(item.why == _NOT_THERE for item in found.values()):
        right = f"{base.removesuffix('/simple')}/pypi" if base.endswith("/simple") else ""
        to_fix = "give the address to which NAME/VERSION/json is added"
        raise web.not_there(base, f"{to_fix}: {right}" if right else to_fix)
    return found


def _prove(client: Client, base: str, source: Source) -> None:
    name, _equals, version = source.canary.partition("==")
    found = _answer(client, base, f"{names.normalize(name)}/{version}")
    if not found.advisories:
        raise MlstackError(
            "advisories_unproven",
            wanted=f"see that {source} knows the flaws of {source.canary}, which it must",
            found=found.why or "it tells none",
            to_fix="correct the address, or let 'canary' name a release (NAME==VERSION) whose flaws this index knows",
        )


def _answer(client: Client, base: str, question: str) -> Found:
    name, _slash, version = question.partition("/")
    try:
        answer = client.json(f"{base}/{quote(name)}/{quote(version, safe='')}/json")
        return Found(list(_read(answer, name, version)))
    except NotThere:
        return Found(why=_NOT_THERE)
    except BadAdvisory as exc:
        return Found(why=str(exc))
    except MlstackError as exc:
        return Found(why=exc.found)


def _read(answer: t.Any, name: str, version: str) -> t.Iterator[Advisory]:
    """Raises BadAdvisory for an answer that does not speak of flaws."""
    if not isinstance(answer, dict) or not isinstance(answer.get("vulnerabilities"), list):
        raise BadAdvisory(f"the answer about {name} {version} has no list 'vulnerabilities': this index knows no flaws")
    _see_that_it_is_about(answer.get("info"), name, version)
    for item in answer["vulnerabilities"]:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise BadAdvisory(f"a vulnerability of {name} {version} has no id")
        if item.get("withdrawn"):
            continue
        text = str(item.get("summary") or item.get("details") or "")
        aliases = tuple(alias for alias in _listed(item.get("aliases")) if isinstance(alias, str))
        yield Advisory(
            id=item["id"],
            aliases=aliases,
            summary=" ".join(text.partition("\n")[0].split())[:240],
            url=str(item.get("link") or ""),
            malware=advisories.is_malware((item["id"], *aliases)),
            affected=(Affected(name, (version,), (), tuple(map(str, _listed(item.get("fixed_in"))))),),
        )


def _see_that_it_is_about(info: t.Any, name: str, version: str) -> None:
    """Some indexes answer with the newest release, whatever they are asked about. Raises BadAdvisory."""
    told = info if isinstance(info, dict) else {}
    other = names.normalize(str(told.get("name") or name)), str(told.get("version") or version)
    same = other[1] == version or (matching.public(other[1]) or other[1]) == (matching.public(version) or version)
    if other[0] != names.normalize(name) or not same:
        raise BadAdvisory(f"the answer about {name} {version} is about {other[0]} {other[1]}")


def _listed(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []
