# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of an audit as files: which there are, what they are called, and how they come to lie there whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import typing as t
from dataclasses import asdict, replace
from functools import partial

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Environment
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import (
    cyclonedx,
    html_page,
    junit,
    markdown,
    openvex,
    page_data,
    sarif,
    spdx,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.context import HISTORY, Context, history
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import TOOL, Fleet, Placed

Document = tuple[str, t.Callable[[], str]]

_LONGEST_NAME = 120


def as_json(fleet: Fleet) -> str:
    """All of it as data: C(hosts) has by name what the task returned, less what the name says already."""
    shared: dict[t.Any, dict[str, t.Any]] = {}

    def plain(item: t.Any) -> dict[str, t.Any]:
        """A package or finding as data, made once for all environments that have it."""
        if item not in shared:
            shared[item] = asdict(item)
        return shared[item]

    def environment(item: Environment) -> dict[str, t.Any]:
        lists = {"packages": [plain(one) for one in item.packages], "findings": [plain(one) for one in item.findings]}
        return {**asdict(replace(item, packages=(), findings=())), **lists}

    hosts = {
        host.name: {"failed": host.failed}
        if host.failed
        else {
            **asdict(replace(host.audit, environments=())),
            "environments": [environment(item) for item in host.audit.environments],
            "summary": host.audit.summary(),
        }
        for host in fleet.hosts
    }
    content = {
        "schema": 1,
        "tool": TOOL,
        "made": fleet.made,
        "title": fleet.title,
        "policy_met": not fleet.reasons() if fleet.judged else None,
        "reasons": fleet.reasons(),
        "unheard": [{"what": what, "why": why} for what, why in fleet.unheard()],
        "databases": [asdict(item) for item in fleet.databases()],
        "hosts": hosts,
    }
    return json.dumps(content, separators=(",", ":")) + "\n"


_SINGLE: dict[str, tuple[str, t.Callable[[Fleet], str]]] = {
    "json": ("audit.json", as_json),
    "sarif": ("audit.sarif", sarif.render),
    "junit": ("audit.junit.xml", junit.render),
    "markdown": ("audit.md", markdown.render),
    "openvex": ("audit.openvex.json", openvex.render),
}
_BILLS = {"cyclonedx": ("cdx", cyclonedx.render), "spdx": ("spdx", spdx.render)}
FORMATS = ("html", *_SINGLE, *_BILLS)


def documents(fleet: Fleet, formats: t.Iterable[str], context: Context | None = None) -> t.Iterator[Document]:
    """The files of these formats, relative to their folder, each with what makes its text. Raises MlstackError for a
    format that cannot be made here, before anything is made."""
    wanted = list(dict.fromkeys(formats))
    if "html" in wanted:
        wanted.remove("html")
        known = context or Context()
        yield "audit.html", lambda: html_page.render(page_data.page_data(fleet, known))
        if context is not None:
            yield HISTORY, lambda: history(fleet, known)
    if {"openvex", *_BILLS} & set(wanted):
        cyclonedx.require()
    for name in wanted:
        if name in _BILLS:
            end, render = _BILLS[name]
            for placed in fleet.environments():
                if not placed.environment.failed:
                    yield _bill_name(placed, end), partial(render, placed, fleet.made)
        else:
            path, make = _SINGLE[name]
            yield path, lambda make=make: make(fleet)  # type: ignore[misc]


def _bill_name(placed: Placed, end: str) -> str:
    """A name that people can read, without anything that a file system or a shell would misunderstand, and with the
    digest that makes it the only one."""
    item = placed.environment
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{placed.host}--{item.name or item.path}").strip("-.")[:_LONGEST_NAME]
    digest = hashlib.sha256(json.dumps([placed.host, item.path, item.generation]).encode()).hexdigest()[:8]
    return os.path.join("sbom", f"{readable}-{digest}.{end}.json")


def write(folder: str, path: str, text: str) -> str:
    """Write one file in one step, readable by everyone who can reach the folder; returns where it lies."""
    target = os.path.join(folder, path)
    temporary = ""
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".audit-")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), 0o644)
        os.replace(temporary, target)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise MlstackError(
            "report_not_written",
            wanted=f"the report {target}",
            found=error.strerror or str(error),
            to_fix="make room, or name a folder on the controller that can be written",
        ) from error
    return target
