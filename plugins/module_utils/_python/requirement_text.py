# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements written out: a flat text that pip and uv both read, and a digest of what a set desires."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet

_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


def pinned(wanted: RequirementSet) -> tuple[Requirement, ...]:
    """The requirements to hand to an engine: a pin that stands in a constraint is written into the requirement, because
    pip wants it there once hashes are checked."""
    return tuple(_with_pin(item, wanted.constraints) for item in wanted.requirements)


def text(items: t.Iterable[Requirement], build_options: bool = False) -> str:
    """Requirements as a flat text that pip and uv both read: no includes, no options, no comments, sorted, each line
    once. ``build_options`` keeps --config-settings, which uv cannot read in a file.

    It may hold credentials of URLs: keep it out of logs and readable files.
    """
    return "".join(item + "\n" for item in lines(items, build_options))


def lines(items: t.Iterable[Requirement], build_options: bool = False) -> list[str]:
    """The lines of text()."""
    return sorted({line(item, build_options) for item in items})


def line(item: Requirement, build_options: bool = False) -> str:
    """One requirement in its canonical spelling."""
    hashes = list(item.hashes)
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    if item.url is None:
        written = f"{item.name}{extras}{','.join(map(str, item.specifiers))}"
    else:
        url = item.url
        if len(hashes) == 1:
            # In the fragment it is checked without putting the whole set into pip's hash-checking mode.
            url += ("&" if "#" in url else "#") + hashes.pop().replace(":", "=", 1)
        written = f"{item.name}{extras} @ {url}" if item.name else url
    if item.marker is not None:
        written += f" ; {item.marker}"
    written += "".join(f" --hash={value}" for value in hashes)
    if build_options:
        written += "".join(f" --config-settings={json.dumps(value)}" for value in item.build_options)
    return written


def _with_pin(item: Requirement, constraints: t.Iterable[Requirement]) -> Requirement:
    if item.url is not None or item.version is not None:
        return item
    for limit in constraints:
        if limit.name == item.name and limit.version and not limit.url and limit.marker in (None, item.marker):
            together = tuple(dict.fromkeys((*limit.specifiers, *item.specifiers)))
            return item._replace(specifiers=together, hashes=item.hashes or limit.hashes)
    return item


def digest(wanted: RequirementSet) -> str:
    """SHA-256 of what the set asks for: the same for any order, comments, line ends, spellings and credentials.

    Indexes and links are no part of it: where distributions come from may change, what is installed must not.
    """
    options = wanted.options
    said = {
        "requirements": sorted({_identity(item) for item in wanted.requirements}),
        "constraints": sorted({_identity(item) for item in wanted.constraints}),
        "no_binary": sorted(options.no_binary),
        "only_binary": sorted(options.only_binary),
        "prefer_binary": options.prefer_binary,
        "pre": options.pre,
        "require_hashes": options.require_hashes,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _identity(item: Requirement) -> str:
    if item.version is not None and len(item.specifiers) == 1 and item.specifiers[0].operator == "==":
        item = item._replace(specifiers=(versions.Specifier("==", versions.canonical(item.version)),))
    else:
        item = item._replace(specifiers=tuple(sorted(set(item.specifiers))))
    return _public(line(item, build_options=True))


def _public(url: str) -> str:
    return _USERINFO.sub("", url)
