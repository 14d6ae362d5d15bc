# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing with rattler."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process import records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.cache import Cache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.refused import Refused
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process.solve import solved


async def create(request: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Solve, and install what was found, without a second process; the answers of both."""
    found = await solved(request)
    packages = [{**records.as_data(record), "complete": True} for record in found]
    done = await _installed({**request, "packages": packages}, found)
    return {"packages": packages, **done}


async def install(request: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Let the prefix hold exactly the packages; answer with the stems C(linked) and C(unlinked), and C(seconds)."""
    return await _installed(request, None)


async def _installed(request: t.Mapping[str, t.Any], found: list[t.Any] | None) -> dict[str, t.Any]:
    """``found`` are rattler's own records of the packages, where it has them already."""
    meta = Path(request["prefix"], "conda-meta")
    started = time.monotonic()
    wanted = request["packages"]
    before = records.installed(meta)
    kept = {
        records.stem(item) for item in wanted if records.is_same(before.get(records.stem(item), {"name": None}), item)
    }
    new = [item for item in wanted if records.stem(item) not in kept]
    cache = Cache(request["cache_packages"])
    await cache.bring(new, request["sources"])
    fetched = time.monotonic()
    linked = sorted(records.stem(item) for item in new)
    unlinked = sorted(set(before) - kept)
    if linked or unlinked:
        scratch = Path(request["scratch"])
        known = found or [records.as_rattlers(_completed(item, before, cache), scratch) for item in wanted]
        await _link(request, known, before, {item["name"] for item in new}, cache)
    seconds = {"fetch": round(fetched - started, 4), "link": round(time.monotonic() - fetched, 4)}
    return {"linked": linked, "unlinked": unlinked, "seconds": seconds}


async def _link(
    request: t.Mapping[str, t.Any],
    packages: list[t.Any],
    before: t.Mapping[str, records.Record],
    names: set[str],
    cache: Cache,
) -> None:
    import rattler

    prefix, scratch = Path(request["prefix"]), Path(request["scratch"])
    python = next((str(record["version"]) for record in before.values() if record.get("name") == "python"), "")
    standing = [
        records.prefix_record(stem, record, python, prefix / "conda-meta", scratch) for stem, record in before.items()
    ]
    scripts = _Scripts()
    await rattler.install(
        packages,
        prefix,
        cache_dir=cache.folder,
        installed_packages=standing,
        reinstall_packages=names & {str(record.get("name")) for record in before.values()},
        execute_link_scripts=request["link_scripts"],
        # Its signature says MatchSpec, and it takes what that wraps.
        requested_specs=[rattler.MatchSpec(spec)._match_spec for spec in request["specs"]],
        reporter=scripts,
    )
    if scripts.failed:
        raise Refused("link_script_failed", package=scripts.failed[0], text=", ".join(scripts.failed))
    with contextlib.suppress(FileNotFoundError):  # it would keep the environment out of backups (tar, restic, borg)
        os.unlink(prefix / "CACHEDIR.TAG")


class _Scripts:
    """Notices link scripts that fail, which rattler passes over; the other methods of its reporter do nothing."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._running: list[str] = []

    def on_post_link_start(self, package_name: str, script_path: str) -> int:
        self._running.append(f"{package_name} ({script_path})")
        return len(self._running) - 1

    def on_post_link_complete(self, index: int, success: bool) -> None:
        if not success:
            self.failed.append(self._running[index])

    def __getattr__(self, name: str) -> t.Callable[..., int]:
        if name.startswith("on_"):
            return lambda *_told: 0
        raise AttributeError(name)


def _completed(package: records.Record, before: t.Mapping[str, records.Record], cache: Cache) -> records.Record:
    """A package with all that is known of it: an entry of an explicit lock is little more than a URL."""
    if package["complete"]:
        return package
    known = cache.holds(package) or before.get(records.stem(package)) or {}
    return {**known, **{key: value for key, value in package.items() if value}}
