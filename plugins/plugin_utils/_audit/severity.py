# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad a flaw is: the CVSS base score of its vectors, or the word of its database, or unknown.

Source: CVSS v3.1 and v4.0, 'Qualitative Severity Rating Scale', and the scales of the databases behind OSV.
"""

from __future__ import annotations

import typing as t

WORDS = {"critical": "critical", "high": "high", "moderate": "medium", "medium": "medium", "low": "low"}
_LEVELS = ("low", "medium", "high", "critical")
# A newer standard stands for what the same people think today.
_ORDER = ("CVSS_V4", "CVSS_V3", "CVSS_V2")


class Rating(t.NamedTuple):
    """``level`` is a word of model.SEVERITIES, ``score`` from 0 to 10."""

    level: str = "unknown"
    score: float | None = None
    vector: str = ""


def of_record(record: t.Mapping[str, t.Any]) -> Rating:
    """The rating of an OSV record: of the newest standard it has a sound vector for, the worst one."""
    vectors: dict[str, list[str]] = {}
    for item in _severities(record):
        if isinstance(item, dict) and isinstance(item.get("score"), str):
            vectors.setdefault(str(item.get("type")), []).append(item["score"])
    for kind in _ORDER:
        ratings = [rating for rating in map(of_vector, vectors.get(kind, ())) if rating is not None]
        if ratings:
            return max(ratings, key=lambda rating: rating.score or 0.0)
    levels = [WORDS[word.lower()] for word in _words(record) if word.lower() in WORDS]
    return Rating(max(levels, key=_LEVELS.index)) if levels else Rating()


def _words(record: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """What the databases say in words, of the record or of a package in it."""
    for holder in _holders(record):
        for key in ("database_specific", "ecosystem_specific"):
            specific = holder.get(key)
            word = specific.get("severity") if isinstance(specific, dict) else None
            if isinstance(word, str):
                yield word


def _holders(record: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    affected = record.get("affected")
    return [record, *(item for item in (affected if isinstance(affected, list) else ()) if isinstance(item, dict))]


def _severities(record: t.Mapping[str, t.Any]) -> t.Iterator[t.Any]:
    for holder in _holders(record):
        found = holder.get("severity")
        yield from found if isinstance(found, list) else ()


def of_vector(vector: str) -> Rating | None:
    """The rating of a CVSS vector; None where it is not one."""
    from cvss.cvss2 import CVSS2
    from cvss.cvss3 import CVSS3
    from cvss.cvss4 import CVSS4
    from cvss.exceptions import CVSSError

    kind = CVSS4 if vector.startswith("CVSS:4") else CVSS3 if vector.startswith("CVSS:3") else CVSS2
    try:
        score = float(kind(vector).scores()[0])
    except CVSSError:
        return None
    return Rating(of_score(score), score, vector)


def of_score(score: float) -> str:
    """The word for a base score. A score of 0 ('none') is called low: it is still somebody's finding."""
    for level, least in (("critical", 9.0), ("high", 7.0), ("medium", 4.0)):
        if score >= least:
            return level
    return "low"
