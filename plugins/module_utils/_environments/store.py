# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment as generations: built beside the one in use, switched to by one rename(2), kept for a way back.

    <root>/ml                          a link to .generations/ml/<id>: what people use
    <root>/.generations/ml/<id>/       the shim (bin, lib, ...), and mlstack.json, written last
    <root>/.generations/ml/<id>/prefix the environment itself, built here and never moved
    <root>/.generations/ml.lock        held while anything changes
    <root>/.generations/ml/.trash-*    renamed away before it is deleted: nothing half removed is ever in reach
    <root>/.generations/ml/adopted-*   what stood at <root>/ml before, kept for its owner

The store knows neither venvs nor conda: an engine fills the prefix.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.place import Place
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import lock as locks
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.users import Usage

TRASH = ".trash-"
ADOPTED = "adopted-"


@dataclass(frozen=True)
class StoreState:
    """What stands at the place of an environment.

    ``standing`` is C(absent), C(link) (ours, to a finished generation), C(dangling) (ours, to one that is missing or
    unfinished: ``damage`` says why), C(foreign_link) (somebody else's), C(directory) or C(file). ``target`` is the
    text of a link. ``ids`` are the generations that have a record, newest first. ``leftovers`` are the absolute paths
    that a killed run left. While another process holds the lock (``busy``) there are none: they're its work.
    ``adopted`` are the paths of directories moved aside earlier.
    """

    standing: str
    target: str = ""
    current: Generation | None = None
    damage: str = ""
    ids: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()
    busy: bool = False


class Building:
    """A generation in the making. The engine fills ``prefix``; ``path`` belongs to the store."""

    def __init__(self, generation: str, path: str, digest: str, created: datetime, previous: str) -> None:
        self.id = generation
        self.path = path
        self.prefix = os.path.join(path, "prefix")
        self.digest = digest
        self.created = created
        self.previous = previous


class Store:
    """The generations of one environment ``name`` below ``root``.

    Everything that changes something wants lock() held. Raises InvalidArguments for an impossible root or name.
    """

    def __init__(self, root: str, name: str, redactor: Redactor | None = None, proc: str = "/proc") -> None:
        self.place = Place(root, name)
        self._redactor = redactor or Redactor()
        self._proc = proc
        self._gone: set[str] = set()

    # --- looking -------------------------------------------------------------------------------------------------

    def observe(self) -> StoreState:
        """What stands there. On the way of a converged run: one readlink, one record, one listing of a few names."""
        standing, target = self._standing()
        current, damage = None, ""
        if standing == "link":
            current, damage = self._current(self.place.generation_of(target))
            standing = "link" if current else "dangling"
        ids, suspects, adopted = self._names()
        busy = bool(suspects) and locks.held_by_another(self.place.lock_file)
        return StoreState(
            standing=standing,
            target=target,
            current=current,
            damage=damage,
            ids=ids,
            leftovers=() if busy else suspects,
            adopted=adopted,
            busy=busy,
        )

    def generations(self) -> list[Generation]:
        """All finished generations with their records, newest first. One that a newer release wrote is left out."""
        found = []
        for generation in self._names()[0]:
            with contextlib.suppress(records.DamagedRecord, MlstackError):
                loaded = records.load(self.path_of(generation))
                if loaded is not None:
                    found.append(loaded)
        return found

    def _standing(self) -> tuple[str, str]:
        link = self.place.link
        try:
            target = os.readlink(link)
        except FileNotFoundError:
            return "absent", ""
        except OSError:
            if not os.path.lexists(link):
                return "absent", ""  # the root itself is a file or may not be looked into: a change will say so
            return ("directory" if os.path.isdir(link) else "file"), ""
        return ("link" if self.place.generation_of(target) else "foreign_link"), target

    def _current(self, generation: str) -> tuple[Generation | None, str]:
        try:
            current = records.load(self.path_of(generation))
        except records.DamagedRecord as exc:
            return None, f"the record of generation {generation} is damaged: {exc}"
        return current, "" if current else f"generation {generation} is missing or was never finished"

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Finished ids, leftovers, adopted directories, by name and by whether a record is there."""
        finished: list[str] = []
        leftovers: list[str] = []
        adopted: list[str] = []
        try:
            names = sorted(os.listdir(self.place.store), reverse=True)
        except OSError:
            names = []
        for name in names:
            path = self.path_of(name)
            if records.is_id(name):
                (finished if os.path.exists(os.path.join(path, records.FILE)) else leftovers).append(name)
            elif name.startswith(ADOPTED):
                half_done = os.path.islink(os.path.join(path, "prefix")) or not os.path.lexists(
                    os.path.join(path, "prefix")
                )
                (leftovers if half_done else adopted).append(name)
            elif name.startswith(TRASH) or path == self.place.journal:
                leftovers.append(name)
        paths = [self.path_of(name) for name in leftovers]
        if os.path.islink(self.place.new_link):
            paths.append(self.place.new_link)
        return tuple(finished), tuple(paths), tuple(self.path_of(name) for name in adopted)

    def path_of(self, generation: str) -> str:
        return os.path.join(self.place.store, generation)

    # --- changing ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, timeout: float = 300.0) -> t.Iterator[None]:
        """Be the only one who changes this environment; wait up to ``timeout`` seconds for that.

        Raises MlstackError, before anything is changed, where we may not write; LockTimeout names the holder.
        Directories made for the lock go again when nothing came to lie in them.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt, permission
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

        wanted = f"change the environment {self.place.link}"
        permission.check(self.place, wanted)
        made: list[str] = []
        with (
            disk.explained(wanted),
            locks.hold(self.place.lock_file, timeout, lambda: made.extend(disk.make_folder(self.place.store)), wanted),
        ):
            try:
                adopt.repair(self.place)
                yield
            finally:
                self._tidy(made)

    def _tidy(self, made: list[str]) -> None:
        """Take away the empty frame of an environment that does not exist; only ever removes empty directories."""
        if os.path.lexists(self.place.link):
            return
        with contextlib.suppress(OSError):
            os.rmdir(self.place.store)
            os.unlink(self.place.lock_file)
            # From here on another run may hold a lock of its own, and the store is its business.
            for folder in dict.fromkeys([self.place.all_stores, *reversed(made)]):
                if folder != self.place.store:
                    os.rmdir(folder)

    @contextlib.contextmanager
    def build(self, digest: str, now: datetime) -> t.Iterator[Building]:
        """Make the directory of a new generation for an engine to fill, with umask 022 while it does.

        ``digest`` is the hexadecimal digest of the desired state, ``now`` an aware UTC time. Whatever was not sealed
        at the end is removed.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

        if len(digest) < 6 or digest.strip("0123456789abcdef"):
            raise InvalidArguments(
                "bad_digest", wanted="a generation", found=f"the digest {digest!r}", to_fix="report this as a defect"
            )
        with disk.explained(f"make room for a new generation of {self.place.link}"):
            # An id is never given twice: not the one of something just deleted, nor the one a dangling link names.
            taken = {*os.listdir(self.place.store), self._generation_in_use(), *self._gone}
            generation = records.next_id(now, digest, taken)
            path = self.path_of(generation)
            os.mkdir(path)
        building = Building(generation, path, digest, now, self._generation_in_use())
        mask = os.umask(0o022)
        try:
            os.chmod(path, 0o755)
            with disk.explained(f"build a new generation of {self.place.link}"):
                yield building
        except BaseException:
            # Where even that fails (the disk went read-only) the next run removes it; the cause is what people need.
            with contextlib.suppress(MlstackError, OSError):
                self._discard_unsealed(path)
            raise
        else:
            self._discard_unsealed(path)
        finally:
            os.umask(mask)

    def _discard_unsealed(self, path: str) -> None:
        if not os.path.exists(os.path.join(path, records.FILE)):
            self._discard(path)

    def seal(self, building: Building, content: t.Mapping[str, t.Any]) -> Generation:
        """Finish a generation: shim, everything on disk, then the record with ``content`` (secrets taken out)."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import shim
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, writing

        text = records.render(
            self._redactor.data(content),
            name=self.place.name,
            id=building.id,
            created=building.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            digest=building.digest,
            previous=building.previous,
            path=building.path,
        )
        with disk.explained(f"finish generation {building.id} of {self.place.link}"):
            shim.make(building.path, self.place.link)
            disk.sync_filesystem(building.path)
            writing.write_whole(os.path.join(building.path, records.FILE), text)
            disk.sync_folder(self.place.store)
        sealed = records.load(building.path)
        if sealed is None:
            raise AssertionError(f"{building.path} has no record although it was just written")
        return sealed

    def adopt(self, generation: Generation, now: datetime) -> str:
        """Move the directory at the link's place aside and let the link point to a finished generation, in one step;
        returns the path where the directory lies then. Refused while processes use it."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt

        adopt.refuse_in_use(self.place, self.users([self.place.link]))
        return adopt.adopt(self.place, generation.id, now)

    def switch(self, generation: Generation) -> None:
        """Let the link point to a finished generation; the one rename(2) that people notice.

        Whatever else stands at the link's place is refused.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, writing

        place = self.place
        standing, target = self._standing()
        if standing in ("directory", "file", "foreign_link"):
            what = {"directory": "a directory", "file": "a file", "foreign_link": f"a link to {target}"}[standing]
            raise MlstackError(
                "occupied",
                wanted=f"put the environment {place.name} at {place.link}",
                found=f"{what} stands there that is not of this collection's making",
                to_fix="move it away, choose another name, or adopt it (adopt: true) if it is a directory",
            )
        if target == place.target(generation.id):
            return
        with disk.explained(f"switch {place.link} to generation {generation.id}"):
            writing.replace_link(place.link, place.target(generation.id), place.new_link)
        former = place.generation_of(target) if standing == "link" else ""
        if former and former != generation.id:
            self._discard_unsealed(self.path_of(former))

    def prune(self, doomed: t.Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
        """Delete generations by id, unless live processes or the link use them.

        Returns the ids deleted and, for those spared, who uses them.
        """
        deleted: list[str] = []
        spared: dict[str, list[str]] = {}
        ids = dict.fromkeys(doomed)
        ids.pop(self._generation_in_use(), None)
        usage = self.users([self.path_of(generation) for generation in ids]) if ids else None
        for generation in ids:
            users = usage.of(self.path_of(generation)) if usage else []
            if users:
                spared[generation] = users
            else:
                self._discard(self.path_of(generation))
                deleted.append(generation)
        return deleted, spared

    def damaged(self) -> list[str]:
        """The ids of generations that nobody can go back to, because their record says nothing."""
        found = []
        for generation in self._names()[0]:
            try:
                records.load(self.path_of(generation))
            except records.DamagedRecord:
                found.append(generation)
            except MlstackError:
                continue  # a newer release wrote it: leave it to that
        return found

    def remove(self, *, force: bool = False) -> list[str]:
        """Take the environment away: first the link, so that nothing half removed is in reach, then its generations.

        Refused while live processes use it, unless ``force``. What was adopted stays where it lies. Returns the ids
        deleted.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

        standing, _target = self._standing()
        ids, leftovers, _adopted = self._names()
        if not force:
            adopt.refuse_in_use(self.place, self.users([self.path_of(generation) for generation in ids]))
        with disk.explained(f"remove the environment {self.place.link}"):
            if standing == "link":
                os.unlink(self.place.link)
                disk.sync_folder(self.place.root)
        for path in [*(self.path_of(generation) for generation in ids), *leftovers]:
            self._discard(path)
        return list(ids)

    def clean_leftovers(self) -> list[str]:
        """Delete what a killed run left behind; returns the paths.

        What the link points to stays until switch(), even if its record was lost: people may still work with it.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt

        adopt.repair(self.place)
        in_use = self.path_of(self._generation_in_use())
        leftovers = [path for path in self._names()[1] if path != in_use]
        for path in leftovers:
            self._discard(path)
        return list(leftovers)

    def users(self, paths: t.Sequence[str]) -> Usage:
        """The live processes that use what lies below ``paths``."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import users

        return users.find(paths, self._proc)

    def _generation_in_use(self) -> str:
        standing, target = self._standing()
        return self.place.generation_of(target) if standing == "link" else ""

    def _discard(self, path: str) -> None:
        """Delete something of ours. A directory first gets a name under which nobody finds it."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

        self._gone.add(os.path.basename(path))
        with disk.explained(f"delete {path}"):
            if os.path.dirname(path) == self.place.store and not os.path.basename(path).startswith(TRASH):
                trash = os.path.join(self.place.store, f"{TRASH}{os.path.basename(path)}")
                disk.delete(trash)
                with contextlib.suppress(FileNotFoundError):
                    os.rename(path, trash)
                path = trash
            disk.delete(path)
