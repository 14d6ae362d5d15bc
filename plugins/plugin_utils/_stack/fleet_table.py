# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's answers of stack_plan as a table that a terminal shows. Pure."""

from __future__ import annotations

import textwrap
import typing as t

_HEAD = ("host", "is", "would get", "to know")
_WIDTHS = (16, 30, 36, 36)
_GAP = "  "


def lines(results: t.Mapping[str, t.Any]) -> list[str]:
    """One line for each host and more where a cell is long; hosts that cannot be served come last, with the reason.

    ``results`` are results of stack_plan by host; anything else stands for a host that did not answer.
    """
    possible = {host: result for host, result in results.items() if _answered(result) and result["possible"]}
    refused = {host: result for host, result in results.items() if _answered(result) and not result["possible"]}
    silent = [host for host in results if host not in possible and host not in refused]
    shown = _row(_HEAD)
    shown.append("-" * (sum(_WIDTHS) + len(_GAP) * (len(_WIDTHS) - 1)))
    for host, result in possible.items():
        notes = "; ".join(note["text"] for note in result["stack"]["notes"])
        shown += _row((host, described(result["facts"]), result["stack"]["summary"], notes))
    for host, result in refused.items():
        shown += _row((host, described(result["facts"]), "IMPOSSIBLE", _why(result["refusal"])))
    for host in silent:
        shown += _row((host, "", "UNKNOWN", "this host did not answer"))
    counts = f"{len(results)} hosts: {len(possible)} possible, {len(refused)} impossible, {len(silent)} unknown"
    return [*shown, "", counts]


def described(facts: t.Mapping[str, t.Any]) -> str:
    """What a host is: its GPUs, its system, its driver."""
    products = [gpu["product"] for gpu in facts["gpus"]]
    kinds = [f"{products.count(product)}x {product}" for product in dict.fromkeys(products)]
    driver = facts["driver"]
    has = f"driver {driver['version']} {driver['flavour']}".strip() if driver else "no driver"
    system = f"{facts['distribution']} {facts['version']} {facts['architecture']}".strip()
    parts = [", ".join(kinds) or "no GPU", system]
    return "; ".join([*parts, has] if kinds else parts)


def _answered(result: t.Any) -> bool:
    return isinstance(result, t.Mapping) and "possible" in result and "facts" in result


def _why(refusal: t.Mapping[str, t.Any]) -> str:
    wanted = " with ".join(f"{name} {value}" for name, value in refusal["conflict"].items())
    reasons = "; ".join(reason["text"] for reason in refusal["reasons"])
    ways = "; or ".join(choice["text"] for choice in refusal["alternatives"])
    return f"{wanted + ': ' if wanted else ''}{reasons}" + (f" -> {ways}" if ways else "")


def _row(cells: t.Sequence[str]) -> list[str]:
    wrapped = [textwrap.wrap(cell, width, break_on_hyphens=False) or [""] for cell, width in zip(cells, _WIDTHS)]
    height = max(map(len, wrapped))
    columns = [[*cell, *[""] * (height - len(cell))] for cell in wrapped]
    return [_GAP.join(part.ljust(width) for part, width in zip(parts, _WIDTHS)).rstrip() for parts in zip(*columns)]
