# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mirror of advisories on this controller: fetched or copied beside the old one, checked, and put in its place.

What comes is a zip file or a folder of OSV records; what lies here in the end is a zip file, its digest beside it in
the form of sha256sum, and the database that audits read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import typing as t
import zipfile
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import feeds, records
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import DatabaseInfo

_CHUNK = 1024 * 1024
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of zip files


@dataclass(frozen=True)
class Wanted:
    """``source`` is what to take, ``target`` the zip file that is made of it. ``unverified`` takes a download without a
    digest, ``max_age_days`` is the most that its newest advisory may be old, None where that does not matter."""

    source: Source
    target: str
    unverified: bool = False
    max_age_days: int | None = None


@dataclass(frozen=True)
class Mirror:
    """What lies, or in check mode would lie, at the target."""

    changed: bool
    sha256: str
    database: DatabaseInfo
    notes: tuple[str, ...]


def fetch(wanted: Wanted, cache: Cache, now: datetime, *, check_mode: bool = False) -> Mirror:
    """Make the target what the source is. Raises MlstackError; then the old mirror and its database stay."""
    folder = os.path.dirname(wanted.target)
    try:
        os.makedirs(folder, exist_ok=True)
        # In the same folder: a rename is one step there.
        with tempfile.TemporaryDirectory(prefix=".mirror-", dir=folder) as work:
            return _fetched(wanted, cache, now, work, check_mode)
    except OSError as exc:
        raise MlstackError(
            "mirror_not_written",
            wanted=f"a mirror at {wanted.target}",
            found=str(exc),
            to_fix="make room, correct the path, or name a folder on the controller that can be written",
        ) from exc


def _fetched(wanted: Wanted, cache: Cache, now: datetime, work: str, check_mode: bool) -> Mirror:
    new = os.path.join(work, "all.zip")
    packed = _obtain(wanted, new)
    digest = _verified(wanted, new, packed)
    target = replace(wanted.source, location=wanted.target)
    path = cache.path(target)
    trial = Cache(os.path.join(work, "cache"))
    source = replace(target, location=new, sha256="")
    os.makedirs(trial.folder)
    with cache.lock(path):
        with contextlib.suppress(FileNotFoundError):  # what is compared with the last good one
            shutil.copyfile(path, trial.path(source))
        feeds.refresh(source, trial.path(source), now.timestamp(), called=str(target))
        info, notes = feeds.described(trial.path(source), now)
        _young(wanted, info)
        changed = _digest(wanted.target) != digest
        if not check_mode:
            shutil.copyfile(trial.path(source), f"{path}.part")
            if changed:
                _place(new, wanted.target)
            else:  # the database is known by the time of the file that it is of
                found = os.stat(new)
                os.utime(wanted.target, ns=(found.st_atime_ns, found.st_mtime_ns))
            os.replace(f"{path}.part", path)
            _write_digest(wanted.target, digest)
    return Mirror(changed, digest, info, tuple(notes))


def _obtain(wanted: Wanted, new: str) -> bool:
    """Bring the source here as a zip file; whether it was packed from a folder."""
    source = wanted.source
    if source.remote:
        if not source.sha256 and not wanted.unverified:
            raise InvalidArguments(
                "digest_missing",
                wanted=f"a mirror of {source}",
                found="no digest to compare the download with",
                to_fix="give the sha256 that its publisher tells, or, where there is none, say unverified: true",
            )
        feeds.download(source, new)
        return False
    if os.path.isdir(source.location):
        _pack(source.location, new)
        return True
    shutil.copyfile(source.location, new)
    return False


def _pack(folder: str, target: str) -> None:
    """The records of a folder as a zip file, which is the same for the same records."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, records.entries(folder) as entries:
        for entry in entries:
            try:
                data = entry.read()
            except (BadAdvisory, OSError):
                data = b""  # it is counted and named with those that cannot be read
            item = zipfile.ZipInfo(entry.name, _FIRST_DAY)
            item.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(item, data)


def _verified(wanted: Wanted, new: str, packed: bool) -> str:
    """The digest of the file, which agrees with what is known of it."""
    digest = _digest(new)
    if packed:
        return digest
    expected = wanted.source.sha256
    if not expected and not wanted.source.remote:
        expected = _digest_beside(wanted.source.location)
    if expected and expected != digest:
        raise feeds.digest_mismatch(wanted.source.location, expected, digest)
    return digest


def _digest(path: str) -> str:
    """The SHA-256 of a file; empty where there is none."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            for chunk in iter(lambda: stream.read(_CHUNK), b""):
                digest.update(chunk)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _digest_beside(path: str) -> str:
    """What the file C(.sha256) beside a mirror says; empty where there is none."""
    name = f"{path}.sha256"
    try:
        with open(name, encoding="utf-8", errors="replace") as stream:
            found = re.match(r"([0-9A-Fa-f]{64})(?![0-9A-Fa-f])", stream.read(1000))
    except FileNotFoundError:
        return ""
    if found is None:
        raise MlstackError(
            "digest_mismatch",
            wanted=f"the digest of {path}, which {name} has",
            found="no SHA-256 digest at its beginning",
            to_fix="bring the file with its digest as this module wrote them, or give sha256",
        )
    return found.group(1).lower()


def _young(wanted: Wanted, info: DatabaseInfo) -> None:
    most = wanted.max_age_days
    if most is not None and (info.age_days is None or info.age_days > most):
        age = "of an unknown age" if info.age_days is None else f"{info.age_days} days old"
        raise MlstackError(
            "mirror_old",
            wanted=f"a mirror of {wanted.source} whose newest advisory is at most {most} days old",
            found=f"one that is {age} ({info.date or 'no date'})",
            to_fix="bring a newer one, see that the clock is right, or raise max_age_days",
        )


def _place(new: str, target: str) -> None:
    os.chmod(new, 0o644)
    with open(new, "rb") as stream:
        os.fsync(stream.fileno())
    os.replace(new, target)


def _write_digest(target: str, digest: str) -> None:
    folder, name = os.path.split(target)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".mirror-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"{digest}  {name}\n")
        os.fchmod(stream.fileno(), 0o644)
    os.replace(temporary, f"{target}.sha256")


def wanted_of(arguments: t.Mapping[str, t.Any]) -> Wanted:
    """Read the validated arguments of the task. Raises InvalidArguments."""
    names = ("location", "sha256", "canary", "ca_bundle", "token", "proxy", "seconds", "megabytes")
    given = {name: arguments[name] for name in names if arguments.get(name)}
    (source,) = (feeds.systems if arguments.get("systems") else feeds.sources)([given])
    if not source.remote:
        source = replace(source, location=os.path.abspath(source.location))
    target = os.path.abspath(os.path.expanduser(arguments["dest"]))
    return Wanted(source, target, bool(arguments["unverified"]), arguments["max_age_days"])
