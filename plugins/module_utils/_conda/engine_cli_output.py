# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conda, mamba and micromamba print with C(--json), read."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package


def answer(out: str) -> dict[str, t.Any]:
    """The answer in an output; conda may write progress before it, ended by NUL. Empty where there is none."""
    for text in reversed(out.split("\0")):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def linked(answered: t.Mapping[str, t.Any]) -> tuple[Package, ...]:
    """The packages that an answer would link or has linked, complete; ValueError where it names one without its URL.

    mamba describes what it links. conda names it, and describes what it would download for it, so it must be asked
    with an empty package cache. A run that finds nothing to do has no actions at all.
    """
    actions = answered.get("actions") or {}
    described = {_stem(item): item for kind in ("FETCH", "LINK") for item in actions.get(kind) or () if item.get("url")}
    found = []
    for item in actions.get("LINK") or ():
        whole = described.get(_stem(item))
        if whole is None:
            raise ValueError(f"{_stem(item)} is named without its URL")
        subdir = whole.get("subdir") or ""
        channel = str(whole.get("channel") or "").rstrip("/")
        # conda's channel of a package ends with the subdirectory, and its seconds and milliseconds vary.
        channel = channel[: -len(subdir) - 1] if subdir and channel.endswith(f"/{subdir}") else channel
        found.append(Package.from_record({**whole, "channel": channel, "timestamp": _milliseconds(whole)}))
    return tuple(sorted(found, key=lambda package: package.name))


def _stem(item: t.Mapping[str, t.Any]) -> str:
    return f"{item['name']}-{item['version']}-{item.get('build_string') or item.get('build')}"


def _milliseconds(item: t.Mapping[str, t.Any]) -> int:
    stamp = int(item.get("timestamp") or 0)
    return stamp * 1000 if 0 < stamp < 253402300799 else stamp  # conda's own rule: the year 9999 in seconds


def reason(out: str, err: str) -> str:
    """What an output says of a failure: messages of the JSON answer, else everything that was printed."""
    answered = answer(out)
    # Several failures at once are a list, and the message that names none of them.
    several = [item for item in answered.get("errors") or () if isinstance(item, dict)]
    messages = [str(item.get("message") or "") for item in several if item.get("exception_name") != "tuple"]
    messages += [str(answered.get("message") or answered.get("error") or "")]
    messages += [str(item.get("message", "")) for item in answered.get("log_history") or () if isinstance(item, dict)]
    messages += [str(problem) for problem in answered.get("solver_problems") or ()]
    told = "\n".join(filter(None, messages))
    return f"{told}\n{answered.get('exception_name', '')}".strip() if told else f"{err}\n{out}".strip()


def identity(information: t.Mapping[str, t.Any]) -> tuple[str, str, str]:
    """(name, version, solver) by C(info --json). The version is empty where no such program answered."""
    for name in ("micromamba", "mamba"):
        version = str(information.get(f"{name} version") or "")
        if version:
            return name, version, "libmamba"
    version = str(information.get("conda_version") or "")
    agent = str(information.get("user_agent") or "")
    # Before 22.11 conda had one solver and no word for it.
    solver = re.search(r"\bsolver/(\w+)", agent)
    return "conda", version, solver.group(1) if solver else "classic"
