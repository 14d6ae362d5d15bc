# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache of unpacked packages, and how they get into it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.network import clients
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.records import (
    Record,
    file_name,
    stem,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.refused import Refused

_AT_ONCE = 16  # downloads; servers of channels slow clients down that ask for much more
_ATTEMPTS = 3
_RECORD = "info/repodata_record.json"  # where conda keeps what it knows of an unpacked package
_FETCHING = ".fetching-"
# What another attempt does not mend.
_FINAL = ("401 ", "403 ", "404 ", "410 ", "No space left on device", "Permission denied", "os error 2")


class Cache:
    """Unpacked packages, a folder each, whose archive had the hash that its record tells.

    rattler links whatever lies there, and checks hashes over http only. So everything comes in through here.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(
            self.folder / ".mlstack.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
        )
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self.folder.glob(f"{_FETCHING}*"):  # of a killed run: nobody is at work now
                shutil.rmtree(left, ignore_errors=True)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def holds(self, package: t.Mapping[str, t.Any]) -> Record | None:
        """What is known of the very package that is wanted, or None."""
        try:
            record: Record = json.loads((self.folder / stem(package) / _RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        known = [name for name in ("sha256", "md5") if package.get(name)]
        return record if all(record.get(name) == package[name] for name in known[:1] or ["url"]) else None

    async def bring(self, packages: t.Sequence[Record], sources: t.Mapping[str, t.Any]) -> None:
        """Let the cache hold these packages: download, verify and unpack what is missing. Raises Refused."""
        missing = [package for package in packages if self.holds(package) is None]
        if not missing:
            return
        self._make_room(missing)
        gate, ways = asyncio.Semaphore(_AT_ONCE), clients(sources)
        done = await asyncio.gather(*(self._fetch(item, ways, gate) for item in missing), return_exceptions=True)
        problems = [item for item in done if isinstance(item, BaseException)]
        if problems:
            raise problems[0]

    def _make_room(self, packages: t.Iterable[Record]) -> None:
        """Take away what lies under the same name with another content, while no other process links from it."""
        if not any((self.folder / stem(package)).exists() for package in packages):
            return
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        for package in packages:
            folder = self.folder / stem(package)
            if folder.exists() and self.holds(package) is None:
                gone = Path(tempfile.mkdtemp(prefix=_FETCHING, dir=self.folder))
                os.rename(folder, gone / "old")
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.folder / f"{stem(package)}.lock")
                shutil.rmtree(gone)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    async def _fetch(self, package: Record, ways: t.Sequence[t.Any], gate: asyncio.Semaphore) -> None:
        async with gate:
            for attempt in range(_ATTEMPTS):
                beside = Path(tempfile.mkdtemp(prefix=_FETCHING, dir=self.folder))
                try:
                    await _unpack(package, ways[attempt % len(ways)], beside / "new")
                    with contextlib.suppress(OSError):  # somebody else was faster
                        os.rename(beside / "new", self.folder / stem(package))
                    if self.holds(package) is not None:
                        return
                    reason = f"{self.folder / stem(package)} holds another package of that name"
                except Refused:
                    raise
                except Exception as exc:
                    reason = str(exc)
                finally:
                    shutil.rmtree(beside, ignore_errors=True)
                if len(ways) == 1 and any(text in reason for text in _FINAL):
                    break
                await asyncio.sleep(0.5 * 2**attempt if attempt + 1 < _ATTEMPTS else 0)
            raise Refused("fetch_failed", package=stem(package), url=package["url"], text=reason)


async def _unpack(package: Record, client: t.Any, folder: Path) -> None:
    """Download and unpack an archive, and write down what it is; raises Refused where it is not what was wanted."""
    from rattler.package_streaming import download_and_extract

    sha256, md5 = await download_and_extract(client, package["url"], folder)
    computed = {"sha256": bytes(sha256).hex(), "md5": bytes(md5).hex()}
    answer = {"package": stem(package), "url": package["url"]}
    for name, value in computed.items():
        if package.get(name) and package[name] != value:
            raise Refused("hash_mismatch", algorithm=name, expected=package[name], computed=value, **answer)
    index = json.loads((folder / "info" / "index.json").read_text(encoding="utf-8"))
    if stem(index) != stem(package):
        raise Refused("other_package", computed=stem(index), **answer)
    record = {**index, **{key: value for key, value in package.items() if value and key != "complete"}, **computed}
    record["fn"] = file_name(package)
    (folder / _RECORD).write_text(json.dumps(record, indent=2, sort_keys=True), encoding="utf-8")
