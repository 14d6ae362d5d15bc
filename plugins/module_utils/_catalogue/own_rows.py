# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of one's own for the catalogue: held against the forms that each column has, row by row. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import day, sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

_MOST = 5
_ANY = (r"[^\n|]{1,200}", "text")
_DRIVER = (r"[0-9]{3}(\.[0-9]+){0,2}", "a driver such as 580.65.06")
_BRANCH = (r"[0-9]{3}", "a branch such as 580")
_RELEASE = (r"[0-9]+\.[0-9]+", "a release such as 12.4")
_PATCH = (r"[0-9]+\.[0-9]+\.[0-9]+", "a release such as 12.4.1")
_CAPABILITY = (r"[0-9]{1,2}\.[0-9]", "a capability such as 8.0")
_ID = (r"[0-9a-f]{4}", "a device id such as 20b2")
_PYTHON = (r"3\.[0-9]+", "a Python such as 3.12")
_FRAMEWORK = (r"torch|tensorflow|jax", "torch, tensorflow or jax")
_MODULES = (r"both|open|proprietary", "both, open or proprietary")
_TAG = (r"(cu|cuda)[0-9]+|", "a tag such as cu126, or nothing")


def _or_nothing(form: tuple[str, str]) -> tuple[str, str]:
    return (f"({form[0]})?", f"{form[1]}, or nothing")


def _list_of(form: tuple[str, str]) -> tuple[str, str]:
    return (f"(({form[0]})( ({form[0]}))*)?", f"{form[1]}, or some with spaces between them, or nothing")


# Table, column, the form of its cells: an expression, and how one says it.
FORMS: dict[str, dict[str, tuple[str, str]]] = {
    "branches": {
        "branch": _BRANCH,
        "type": (r"lts|production|new_feature|unknown", "lts, production, new_feature or unknown"),
        "end": (r"ended|[0-9]{4}-(0[1-9]|1[0-2])|", "a month such as 2028-06, ended, or nothing"),
        "flavours": _MODULES,
    },
    "capabilities": {
        "capability": _CAPABILITY,
        "architecture": _ANY,
        "first_cuda": _RELEASE,
        "last_cuda": _or_nothing(_RELEASE),
        "last_branch": _or_nothing(_BRANCH),
        "modules": _MODULES,
    },
    "cuda": {"version": _PATCH, "driver": _DRIVER, "minor_driver": _or_nothing(_DRIVER)},
    "families": {"id_from": _ID, "id_to": _ID, "architecture": _ANY, "capability": _CAPABILITY},
    "forward": {"cuda_major": (r"[0-9]+", "a number such as 12"), "base_branches": _list_of(_BRANCH)},
    "frameworks": {
        "framework": _FRAMEWORK,
        "version": _RELEASE,
        "newest": _PATCH,
        "cuda": _RELEASE,
        "tag": _TAG,
        "extra": (r"[a-z0-9-]*", "an extra such as and-cuda, or nothing"),
        "channel": (r"stable|experimental", "stable or experimental"),
        "python_from": _PYTHON,
        "python_to": _PYTHON,
    },
    "glibc": {"framework": _FRAMEWORK, "release_from": _RELEASE, "glibc": _RELEASE},
    "gpus": {
        "id": _ID,
        "product": _ANY,
        "capability": _CAPABILITY,
        "modules": _MODULES,
        "drivers": _list_of(_DRIVER),
        "fabric": (r"switch|always|", "switch, always or nothing"),
        "class": (r"datacenter|pro|consumer|", "datacenter, pro, consumer or nothing"),
    },
    "host_gcc": {"cuda_up_to": _RELEASE, "gcc": (r"[0-9]+", "a number such as 14")},
    "kernels": {"branch_up_to": _BRANCH, "too_new": _RELEASE},
    "offers": {
        "folder": (r"[a-z0-9]+/[a-z0-9_]+", "a directory such as ubuntu2404/x86_64"),
        "first_branch": _or_nothing(_BRANCH),
        "first_cuda": _or_nothing(_RELEASE),
    },
    "wheels": {
        "framework": _FRAMEWORK,
        "tag": _TAG,
        "architecture": (r"x86_64|aarch64", "x86_64 or aarch64"),
        "release_from": _RELEASE,
        "release_to": _or_nothing(_RELEASE),
        "capabilities": _list_of(_CAPABILITY),
        "ptx": _or_nothing(_CAPABILITY),
        "up_to": _or_nothing(_CAPABILITY),
    },
}
Cells = dict[str, str]


def tables_in(own: t.Mapping[str, t.Any]) -> dict[str, list[t.Mapping[str, t.Any]]]:
    """The tables of somebody's own rows, without their day. Raises InvalidArguments for what is no list of rows."""
    day.own_day(own)
    found = {}
    for name, rows in own.items():
        if name == day.OWN_DAY:
            continue
        if name not in FORMS:
            raise invalid(f"the table {name}", f"the tables are {', '.join(sorted(FORMS))}")
        if not isinstance(rows, (list, tuple)) or not all(isinstance(row, t.Mapping) for row in rows):
            raise invalid(f"rows for the table {name}", "they are no list of mappings")
        found[name] = list(rows)
    return found


def cells_of(name: str, key: t.Sequence[str], number: int, given: t.Mapping[str, t.Any]) -> Cells:
    """One row as text, by its columns. What it leaves out stays out."""
    row = {str(column): "" if value is None else str(value) for column, value in given.items()}
    columns = [*FORMS[name], "status", "source"]
    unknown = sorted(set(row) - set(columns))
    missing = [column for column in key if not row.get(column) and column != "tag"]
    where = f"row {number} of the table {name}"
    if unknown or missing:
        said = f"{', '.join(unknown)} unknown" if unknown else f"{', '.join(missing)} missing"
        raise invalid(where, f"{said}; the columns are {', '.join(columns)}")
    if row.get("status", "user") not in sources.STATUSES:
        raise invalid(
            f"{where}, a row with the status {row['status']}", f"known are {', '.join(sorted(sources.STATUSES))}"
        )
    if name == "gpus":
        row["id"] = row["id"].lower().rpartition(":")[2]
    return {"status": "user", "source": "user", **row}


def check(name: str, number: int, row: t.Mapping[str, str]) -> None:
    """A whole row, with what it took from ours. Raises InvalidArguments for cells that do not have their form."""
    wrong = [
        f"{column} is {row[column]!r} and must be {said}" if row[column] else f"{column} is missing: it must be {said}"
        for column, (form, said) in FORMS[name].items()
        if not re.fullmatch(form, row[column])
    ]
    if not wrong and name == "families" and int(row["id_from"], 16) > int(row["id_to"], 16):
        wrong = [f"no id lies between {row['id_from']} and {row['id_to']}"]
    if wrong:
        raise invalid(f"row {number} of the table {name}", "; ".join(wrong[:_MOST]))


def invalid(wanted: str, found: str) -> InvalidArguments:
    return InvalidArguments("catalogue_row", wanted=wanted, found=found, to_fix="correct the rows of your own")
