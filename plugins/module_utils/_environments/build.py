# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a generation, whatever its kind: a folder, a whole installation, a record that knows its words again."""

from __future__ import annotations

import abc
import hashlib
import os
import typing as t
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import ContentsT, Desired, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.timing import timed

DesiredT = t.TypeVar("DesiredT", bound=Desired)
WorkT = t.TypeVar("WorkT")
Versions = t.Mapping[str, str]


class Builder(abc.ABC, t.Generic[DesiredT, ContentsT, WorkT]):
    """Builds for all environments of one module call; a kind says what is to be installed, installs and checks it."""

    @abc.abstractmethod
    def check(self, desired: DesiredT, observed: Observed[ContentsT]) -> None:
        """Refuse what cannot be built, as far as that is known without a network. Raises MlstackError."""

    @abc.abstractmethod
    def preview(self, desired: DesiredT, observed: Observed[ContentsT]) -> Versions | None:
        """What a build would hold; changes nothing but temporary files."""

    @abc.abstractmethod
    def prepare(
        self, desired: DesiredT, observed: Observed[ContentsT], timings: dict[str, float]
    ) -> tuple[WorkT, t.Iterable[str]]:
        """What is decided before a folder is made, and the names of what stays where packages are taken out."""

    @abc.abstractmethod
    def fill(
        self,
        desired: DesiredT,
        observed: Observed[ContentsT],
        work: WorkT,
        prefix: str,
        scratch: str,
        timings: dict[str, float],
    ) -> dict[str, t.Any]:
        """Install into the new ``prefix`` and verify it; returns what its record says. Raises MlstackError."""

    def build(
        self, desired: DesiredT, observed: Observed[ContentsT], store: Store
    ) -> tuple[Generation, dict[str, t.Any]]:
        """Build, verify and seal; returns the generation and what the result says of it. What fails leaves no trace and
        the generation in use as it is."""
        timings: dict[str, float] = {}
        work, rest = self.prepare(desired, observed, timings)
        with store.build(_digest(observed, rest), datetime.now(timezone.utc)) as building:
            scratch = os.path.join(building.path, ".scratch")
            os.mkdir(scratch, 0o700)
            record = self.fill(desired, observed, work, building.prefix, scratch, timings)
            record["desired"] = dict(observed.desired.note) if observed.desired else {}
            record["timings"] = _rounded(timings)
            disk.delete(scratch)
            with timed(timings, "seal"):
                generation = store.seal(building, record)
        return generation, {"timings": _rounded(timings)}


def whole(
    desired: Desired,
    prefix: str,
    install: t.Callable[[], None],
    damaged: t.Callable[[str], t.Mapping[str, t.Iterable[str]]],
    forget: t.Callable[[t.Sequence[str]], None],
) -> None:
    """Install, and where the desired state wants files verified, once more past a damaged cache. Raises MlstackError.

    ``damaged`` are files that are not as their packages say, by package; ``forget`` drops packages from the cache.
    """
    found: t.Mapping[str, t.Iterable[str]] = {}
    for attempt in (1, 2):
        install()
        found = damaged(prefix) if desired.verify_files else {}
        if not found:
            return
        if attempt == 1:  # a file of another environment was changed, and the cache with it
            forget(sorted(found))
            disk.delete(prefix)
    files = sorted(file for listed in found.values() for file in listed)
    raise MlstackError(
        "files_damaged",
        wanted=f"environment {desired.name} with every file as its package says",
        found=f"after a fresh installation {', '.join(files[:5])} differ",
        to_fix="find out whether the index serves damaged packages, or the disk or memory of this host is failing",
        files=files,
        packages=sorted(found),
    )


def _digest(observed: Observed[t.Any], rest: t.Iterable[str]) -> str:
    if observed.desired is not None:
        return str(observed.desired.digest)
    # An environment that packages were taken out of satisfies no request for 'present'.
    return hashlib.sha256(("without\n" + "\n".join(rest)).encode()).hexdigest()


def _rounded(timings: t.Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in timings.items()}
