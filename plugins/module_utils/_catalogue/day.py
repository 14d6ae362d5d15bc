# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old the catalogue is. Small, so that a host that is as desired learns it without the tables.

``DAY`` is the day of the table that was looked after longest ago, of those into which new releases come.
``tools/catalogue_update.py`` writes it, and ``tools/catalogue_check.py`` holds it against the tables.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

DAY = "2026-11-30"
# After so many days modules warn, where nobody says otherwise.
MAX_AGE = 180
# What stands beside the tables in rows of one's own: the day to which they bring the catalogue.
OWN_DAY = "date"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def age(own: t.Mapping[str, t.Any] | None, today: datetime.date) -> dict[str, t.Any]:
    """The catalogue's day, its age, and how many rows of one's own are in it. Raises InvalidArguments."""
    day = max(DAY, own_day(own))
    tables = [rows for name, rows in (own or {}).items() if name != OWN_DAY and isinstance(rows, (list, tuple))]
    days = (today - datetime.date.fromisoformat(day)).days
    return {"date": day, "age_days": max(days, 0), "own_rows": sum(map(len, tables))}


def own_day(own: t.Mapping[str, t.Any] | None) -> str:
    """The day that somebody's own rows say, or empty."""
    text = str((own or {}).get(OWN_DAY) or "")
    try:
        if text:
            datetime.date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise InvalidArguments(
            "catalogue_row",
            wanted=f"rows of your own of the day {text}",
            found="that is no day",
            to_fix="write it as 2027-01-31, or leave it out",
        ) from None
    return text


def looked_at(
    params: t.Mapping[str, t.Any], warn: t.Callable[[str], None], today: datetime.date | None = None
) -> dict[str, t.Any]:
    """The age for a module with the options C(catalogue) and C(catalogue_max_age), which warns of an old one."""
    told = age(params["catalogue"], today or datetime.date.today())
    warning = too_old(told, params["catalogue_max_age"])
    if warning:
        warn(warning)
    return told


def too_old(told: t.Mapping[str, t.Any], most: int) -> str:
    """What to warn of; empty where the catalogue is no older than ``most`` days, or nobody minds (0)."""
    if not most or told["age_days"] <= most:
        return ""
    return (
        f"the catalogue of GPUs, drivers and frameworks is of {told['date']}, {told['age_days']} days old: newer "
        "releases are let through unverified; take a newer release of gpufleet.mlstack, or bring rows of your own with "
        "their date (option catalogue)"
    )
