# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``advisories``: which sources there are, and how each is reached."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, fields, replace
from urllib.parse import unquote

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

KINDS = ("osv", "osv_api", "index")
# Of a mirror about the packages of distributions.
SYSTEM = "osv_system"
# The example of OSV's own documentation: whoever serves PyPI's advisories knows flaws of it.
CANARY = "jinja2==2.4.1"
_CHOICE = (
    "fetch a mirror (ansible-playbook gpufleet.mlstack.advisories says how) and name its file; or name a service, such "
    "as {kind: osv_api, location: https://api.osv.dev}, which is then told the names of all packages; the role's "
    "variable is dep_audit_advisories"
)


@dataclass(frozen=True)
class Source:
    """One place to get advisories from. ``location`` is a path or a URL; for services their address.

    ``canary`` is NAME==VERSION with a flaw that a service must know. ``ca_bundle`` is a file of certificates, ``token``
    goes into the header Authorization, ``proxy`` is a URL; empty ones mean what the machine is set up for. All that is
    asked at once may take ``seconds`` and ``megabytes``.
    """

    kind: str
    location: str
    sha256: str = ""
    hours: float = 24.0
    canary: str = ""
    ca_bundle: str = ""
    token: str = ""
    proxy: str = ""
    seconds: float = 600.0
    megabytes: float = 1024.0

    def __str__(self) -> str:
        return Redactor().text(f"{self.kind} {self.location}")

    @property
    def remote(self) -> bool:
        return self.location.startswith(("https://", "http://"))


def sources(items: t.Iterable[t.Any]) -> list[Source]:
    """Read the option. Raises InvalidArguments."""
    found = [_source(item) for item in items]
    if not found:
        raise InvalidArguments(
            "advisories_missing",
            wanted="audit packages against advisories",
            found="no source of advisories: the option advisories is empty, and nothing is asked by itself",
            to_fix=_CHOICE,
        )
    return found


def systems(items: t.Iterable[t.Any]) -> list[Source]:
    """Read the option system_advisories: mirrors alone. Raises InvalidArguments."""
    found = []
    for source in map(_source, items):
        if source.kind != "osv" or source.canary:
            raise _invalid(f"{source} for the packages of distributions", "name a mirror, without kind and canary")
        found.append(replace(source, kind=SYSTEM))
    return found


def _source(item: t.Any) -> Source:
    desired = {"location": item} if isinstance(item, str) else item
    known = {field.name for field in fields(Source)}
    if not isinstance(desired, dict) or not isinstance(desired.get("location"), str) or not desired["location"]:
        named = sorted(map(str, desired)) if isinstance(desired, dict) else desired  # not what may be a token
        raise _invalid(f"{named!r} names no location", "give a path or URL, or a dictionary with 'location'")
    if desired.keys() - known:
        unknown = ", ".join(sorted(map(str, desired.keys() - known)))
        raise _invalid(f"{unknown} is unknown", f"use {', '.join(sorted(known))}")
    location = os.path.expanduser(desired["location"])
    if location.startswith("file:///"):  # it lies here: no copy of it is needed, and it may be a folder
        location = unquote(location[len("file://") :])
    source = Source(
        kind=str(desired.get("kind", "osv")),
        location=location,
        sha256=str(desired.get("sha256", "")).lower(),
        hours=_number(desired, "hours", Source.hours),
        canary=str(desired.get("canary") or ""),
        ca_bundle=os.path.expanduser(str(desired.get("ca_bundle") or "")),
        token=str(desired.get("token") or ""),
        proxy=str(desired.get("proxy") or ""),
        seconds=_number(desired, "seconds", Source.seconds),
        megabytes=_number(desired, "megabytes", Source.megabytes),
    )
    _check(source)
    return source


def _check(source: Source) -> None:
    if source.kind not in KINDS:
        raise _invalid(f"the kind {source.kind!r}", f"use one of {', '.join(KINDS)}")
    if source.kind != "osv" and not source.remote:
        raise _invalid(f"{source.location!r} as a service", "give its address, which begins with https://")
    if source.sha256 and (len(source.sha256) != 64 or source.sha256.strip("0123456789abcdef")):
        raise _invalid(f"{source.sha256!r} is no SHA-256 digest", "give 64 hexadecimal digits")
    name, equals, version = source.canary.partition("==")
    if source.canary and not (equals and version and names.is_valid(name)):
        raise _invalid(f"the canary {source.canary!r}", "write NAME==VERSION of a release with a known flaw")
    if source.ca_bundle and not os.path.isfile(source.ca_bundle):
        raise _invalid(f"no file {source.ca_bundle}", "let ca_bundle name a file of certificates in PEM form")
    if source.proxy and not source.proxy.startswith(("http://", "https://")):
        raise _invalid("a proxy that is no URL", "write it as http://HOST:PORT")
    if not source.token.isprintable():
        raise _invalid("a token with a line break or control character", "give the token alone")


def _number(desired: t.Mapping[str, t.Any], name: str, default: float) -> float:
    try:
        number = float(desired.get(name, default))
    except (TypeError, ValueError):
        number = -1.0
    if not 0 < number < float("inf"):
        raise _invalid(f"{desired[name]!r} as {name}", "give a number above 0")
    return number


def _invalid(found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("advisories_invalid", wanted="know where advisories come from", found=found, to_fix=to_fix)
