# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where advisories come from: a mirror as a zip file or a folder, near or far; and services that are asked by package.

Sources are tried in the order given. Each of them ends as a SQLite database in the cache of the controller, which any
number of forks share: one of them builds it, the others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import time
import typing as t
import zipfile
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import database, records
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import DatabaseInfo
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import SYSTEM, Source, sources, systems

__all__ = ["Cache", "Source", "sources", "systems"]

_SOON = 30.0


class Cache:
    """The databases of one controller, a file per source, below ``folder``.

    ``run`` names the play that asks, where there is one: what failed for one of its hosts is not tried for each of the
    others again, which for a thousand hosts and a firewall that swallows packets would take a day.
    """

    def __init__(self, folder: str, run: str = "") -> None:
        self.folder = folder
        self.run = run

    def path(self, source: Source) -> str:
        digest = hashlib.sha256(f"{source.kind} {source.location}".encode()).hexdigest()[:16]
        return os.path.join(self.folder, f"{source.kind}-{digest}.sqlite")

    @contextlib.contextmanager
    def lock(self, path: str) -> t.Iterator[None]:
        """One fork at a time builds a database."""
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            descriptor = os.open(f"{path}.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise MlstackError(
                "cache_unusable",
                wanted="keep the advisory database on the controller",
                found=f"{self.folder}: {exc.strerror}",
                to_fix="make it writable, or set cache_dir",
            ) from exc
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def tried_once(self, path: str) -> t.Iterator[None]:
        """Around what may fail, with the lock held. It is tried anew after ten times the time that it took."""
        file = f"{path}.failed"
        if self.run:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                with open(file, encoding="utf-8") as stream:
                    run, until, told = json.load(stream)
                if run == self.run and time.time() < until:
                    raise MlstackError(**told)
        started = time.time()
        try:
            yield
        except MlstackError as exc:
            if self.run:
                told = Redactor().data({name: getattr(exc, name) for name in ("code", "wanted", "found", "to_fix")})
                until = started + max(_SOON, 10 * (time.time() - started))
                with contextlib.suppress(OSError), open(file, "w", encoding="utf-8") as stream:
                    json.dump([self.run, until, told], stream)
            raise

    def discard(self, path: str) -> None:
        """Take away a database that cannot be read, and what was kept beside it: both are made anew."""
        with self.lock(path):
            for name in (path, f"{os.path.splitext(path)[0]}.matches"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)

    def mirror(self, source: Source, now: float) -> tuple[Database, list[str]]:
        """The database of a mirror, up to date if that can be had; what people should know beside it.

        ``now`` is the time in seconds since the epoch. Raises MlstackError where there is neither a mirror nor an
        older database of it.
        """
        path = self.path(source)
        with self.lock(path):
            try:
                with self.tried_once(path):
                    refresh(source, path, now)
            except MlstackError as exc:
                if not _intact(path):
                    raise
                return Database(path), [f"{exc} The database built before is used."]
        return Database(path), []


def described(path: str, now: datetime) -> tuple[DatabaseInfo, list[str]]:
    """The facts and the notes of a database."""
    with contextlib.closing(Database(path)) as found:
        return found.info(now), found.notes(now)


def refresh(source: Source, path: str, now: float, called: str = "") -> None:
    """Make ``path`` the database of what the mirror is now, which results name as ``called`` where that is another
    place. The caller holds the lock. Raises MlstackError; then what stood there stays."""
    with contextlib.suppress(OSError, MlstackError):
        made = os.stat(path).st_mtime
        young = source.remote and now - made < source.hours * 3600
        if young and _intact(path) and Database(path).identity.partition(" ")[0] == source.sha256:
            return
    location = f"{path}.download" if source.remote else source.location
    if source.remote:
        download(source, location)
    try:
        identity = f"{source.sha256} {records.identity(location)}"  # a digest that is given later is compared, too
        if _intact(path) and Database(path).identity == identity:
            if source.remote:
                os.utime(path)
            return
        _verify_digest(source, location)
        values = {"identity": identity, "source": called or str(source), "kind": source.kind}
        expected = database.Expected(datetime.fromtimestamp(now, timezone.utc), source.canary, source.kind == SYSTEM)
        with records.entries(location) as entries:
            database.build(path, entries, values, expected)
    except (BadAdvisory, zipfile.BadZipFile, sqlite3.Error, NotImplementedError, EOFError, ValueError, OSError) as exc:
        raise MlstackError(
            "advisories_unreadable",
            wanted=f"build the advisory database from {source.location}",
            found=str(exc) or type(exc).__name__,
            to_fix="fetch the mirror again; it must be a whole zip file, or a folder, of OSV records of "
            + ("distributions" if source.kind == SYSTEM else "PyPI"),
        ) from exc
    finally:
        if source.remote:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(location)


def _intact(path: str) -> bool:
    if not os.path.exists(path):
        return False
    try:
        Database(path).close()
    except MlstackError:
        return False
    return True


def _verify_digest(source: Source, location: str) -> None:
    if not source.sha256:
        return
    digest = hashlib.sha256()
    with open(location, "rb") as stream:
        for chunk in iter(lambda: stream.read(1024 * 1024), b""):
            digest.update(chunk)
    if digest.hexdigest() != source.sha256:
        raise digest_mismatch(source.location, source.sha256, digest.hexdigest())


def digest_mismatch(location: str, wanted: str, found: str) -> MlstackError:
    """What to say of a file that is not the one that was meant."""
    return MlstackError(
        "digest_mismatch",
        wanted=f"advisories from {Redactor().text(location)} with the SHA-256 digest {wanted}",
        found=f"the digest {found}",
        to_fix="fetch the mirror again, or correct the digest by the one its publisher gives",
    )


def download(source: Source, target: str) -> None:
    """Write what the address of a mirror answers to a file, there as a whole or not at all. Raises MlstackError."""
    # It imports much, and a mirror that is near needs none of it.
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.web import Client

    try:
        with Client(source) as client:
            client.download(source.location, target)
    except MlstackError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        raise
