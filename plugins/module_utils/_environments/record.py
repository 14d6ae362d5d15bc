# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a generation: written last, so that a generation that has one is complete."""

from __future__ import annotations

import contextlib
import json
import os
import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading

FILE = "mlstack.json"
SCHEMA = 1
_MOST_BYTES = 64 << 20
_STAMP = "%Y%m%dT%H%M%S"
_ID = re.compile(r"(?P<stamp>[0-9]{8}T[0-9]{6})-(?P<digest>[0-9a-f]{6,})")


class DamagedRecord(Exception):
    """A record that is there but cannot be understood; its text says why."""


@dataclass(frozen=True)
class Generation:
    """One finished build. ``path`` is its directory, ``prefix`` the real environment inside, ``record`` what its
    builder wrote down."""

    id: str
    path: str
    record: t.Mapping[str, t.Any]

    @property
    def prefix(self) -> str:
        return os.path.join(self.path, "prefix")

    def moved(self) -> tuple[str, ...]:
        """Whether it lies elsewhere than it was built, in a sentence: its programs name the absolute path of then.

        Another path to the same folder, through a link or a mount, is no move."""
        built_at = str(self.record.get("path", ""))
        with contextlib.suppress(OSError):
            if not built_at or os.path.samefile(built_at, self.path):
                return ()
        return (f"moved: it was built at {built_at}, where its programs still start from",)

    @property
    def digest(self) -> str:
        return str(self.record.get("digest", ""))

    @property
    def previous(self) -> str:
        """The generation that was in use when this one was built; empty for the first."""
        return str(self.record.get("previous", ""))


def is_id(name: str) -> bool:
    return _ID.fullmatch(name) is not None


def next_id(now: datetime, digest: str, existing: t.Iterable[str]) -> str:
    """The name of a new generation: C(<when, UTC>-<first six hex digits of the desired state digest>).

    Names sort by age even when two builds end in one second or the clock was set back: then the stamp is the second
    after the newest one. The true time is in the record.
    """
    stamp = now.strftime(_STAMP)
    newest = max((match.group("stamp") for match in map(_ID.fullmatch, existing) if match), default="")
    if newest >= stamp:
        stamp = (datetime.strptime(newest, _STAMP) + timedelta(seconds=1)).strftime(_STAMP)
    return f"{stamp}-{digest[:6].lower()}"


def render(content: t.Mapping[str, t.Any], **ours: t.Any) -> str:
    """The text of a record. Keys of ours win over the caller's."""
    return json.dumps({**content, **ours, "schema": SCHEMA}, indent=1, sort_keys=True) + "\n"


def parse(text: str, generation: str) -> dict[str, t.Any]:
    """Read a record. Raises DamagedRecord, or MlstackError where a newer release of the collection wrote it."""
    try:
        record = json.loads(text)
    except ValueError as exc:
        raise DamagedRecord(f"it is not JSON: {exc}") from exc
    if not isinstance(record, dict):
        raise DamagedRecord("it is not a JSON object")
    schema = record.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise DamagedRecord("it has no schema number")
    if schema > SCHEMA:
        raise MlstackError(
            "record_newer",
            wanted=f"read the record of generation {generation}",
            found=f"it has schema {schema}, and this release of gpufleet.mlstack knows up to {SCHEMA}",
            to_fix="use the release of the collection that wrote it, or a newer one",
        )
    if record.get("id") != generation:
        raise DamagedRecord(f"it belongs to generation {record.get('id')!r}")
    if not isinstance(record.get("digest"), str):
        raise DamagedRecord("it has no digest")
    return record


def load(path: str) -> Generation | None:
    """The generation in a directory; None when it was never finished.

    Raises DamagedRecord, or MlstackError where the record may not be read or is too new.
    """
    generation = os.path.basename(path)
    file = os.path.join(path, FILE)
    try:
        text = reading.read_text(file, _MOST_BYTES)
    except reading.NotReadable as exc:
        if exc.code == reading.ABSENT:
            return None
        if exc.code != reading.NOT_PERMITTED:
            raise DamagedRecord(f"it cannot be read: {exc.reason}") from exc
        raise MlstackError(
            "not_permitted",
            wanted=f"read the record of generation {generation}",
            found=f"{file}: {exc.reason}",
            to_fix="become the user who owns the environment",
        ) from exc
    return Generation(generation, path, parse(text, generation))
