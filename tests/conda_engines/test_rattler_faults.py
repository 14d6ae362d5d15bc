# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong under rattler's hands: kills, crashes, two at once, a full disk, a cache that has been changed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_rattler import RattlerEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, conda_packages
from ansible_collections.gpufleet.mlstack.tests.bed.conda_archive import PLACEHOLDER
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import (
    Work,
    files,
    installed,
    missing,
    orphans,
    python,
)

KILLS = 6


class Watched(Commands):
    """Remembers how each program ended."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[CommandResult] = []

    def run(self, *args: Any, **options: Any) -> CommandResult:
        result = super().run(*args, **options)
        self.results.append(result)
        return result


def test_the_process_ends_well_every_time(rattler: Work) -> None:
    """py-rattler dies at exit in 5 to 33 of 100 runs where nothing is done about it."""
    watched = Watched()
    rattler.engine.commands = watched
    packages = rattler.solve("python", "bed-tool").packages
    rattler.install(packages)
    for _run in range(15):
        rattler.install(packages)
    assert [result.rc for result in watched.results] == [0] * len(watched.results)


def wrapped(work: Work, script: str) -> RattlerEngine:
    """The same engine, its process started through a shell script."""
    engine = work.engine
    assert isinstance(engine, RattlerEngine)
    wrapper = work.folder / "python"
    wrapper.write_text(f"#!/bin/sh\npython='{engine._python}'\n{script}\n")
    wrapper.chmod(0o755)
    return RattlerEngine(engine.commands, engine.limits, str(wrapper), engine._folder, "0")


def test_a_crash_after_the_work_is_no_failure(rattler: Work) -> None:
    rattler.engine = wrapped(rattler, '"$python" "$@"; kill -SEGV $$')
    assert rattler.create("tzdata").linked == ("tzdata-2024a-h0_0",)
    assert installed(rattler.prefix) == {"tzdata": "2024a h0_0"}


def test_a_crash_before_the_answer_is_one(rattler: Work) -> None:
    rattler.engine = wrapped(rattler, "kill -SEGV $$")
    with pytest.raises(MlstackError) as refused:
        rattler.solve("tzdata")
    assert refused.value.code == "command_failed", refused.value


def test_two_at_once_leave_one_whole_environment(newest: Work) -> None:
    first = newest.solve("python", "bed-tool=1.1", "bed-many-files").packages
    second = newest.solve("python", "bed-tool=2.0", "bed-many-files").packages
    problems: list[BaseException] = []

    def install(packages: Any) -> None:
        try:
            newest.install(packages)
        except BaseException as exc:
            problems.append(exc)

    threads = [threading.Thread(target=install, args=(packages,)) for packages in (first, second, first)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(list((newest.prefix / "conda-meta").glob("python-*.json"))) == 1
    assert installed(newest.prefix)["bed-tool"] in ("1.1 pyhd_0", "2.0 pyhd_1")
    assert not missing(newest.prefix)
    assert not orphans(newest.prefix)


def test_killed_at_any_moment_the_next_run_completes_it(newest: Work) -> None:
    all_desired = [
        newest.solve("python", f"bed-tool={tool}", f"bed-many-files={many}").packages
        for tool, many in (("1.1", "1.0"), ("2.0", "2.0"))
    ]
    began = time.monotonic()
    newest.install(all_desired[0], compile_bytecode=False)
    duration = time.monotonic() - began
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    for number in range(1, KILLS + 1):
        prefix = newest.prefix if number % 2 else newest.folder / f"new{number}"
        packages = all_desired[(number // 2) % 2]
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            newest.install(packages, prefix=prefix, compile_bytecode=False)
            os._exit(0)
        time.sleep(chance.uniform(0.05, duration))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        newest.install(packages, prefix=prefix)
        told = f"seed {seed}, kill {number}"
        assert installed(prefix) == {item.name: f"{item.version} {item.build}" for item in packages}, told
        assert not missing(prefix), told
        assert not orphans(prefix), told
        assert python(prefix, "import bed_tool; print('runs')") == "runs"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_a_full_disk_is_named(newest: Work) -> None:
    packages = newest.solve("bed-many-files").packages
    small = newest.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(small)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no mounts here: {mounted.stderr}")
    try:
        with pytest.raises(MlstackError) as refused:
            newest.install(packages, prefix=small / "prefix")
        assert refused.value.code == "disk_full", refused.value
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


class TestCache:
    def rebuilt(self, work: Work, name: str, text: str) -> conda_channel.Channel:
        """A channel with a package that has one name, version and build in all of them, and its own content."""
        package = conda_packages.module("bed-rebuilt", "1.0")
        package.noarch = "generic"
        package.depends = ()
        package.add("share/bed-rebuilt", text)
        return conda_channel.write(work.folder / name, [package])

    def test_another_content_under_one_name_is_told_apart(self, rattler: Work) -> None:
        for name in ("one", "two", "one"):
            folder = rattler.folder / name
            channel = conda_channel.Channel(folder) if folder.exists() else self.rebuilt(rattler, name, f"{name}\n")
            sources = rattler.sources(channels=(channel.url,))
            rattler.install(rattler.solve("bed-rebuilt", sources=sources).packages)
            assert (rattler.prefix / "share" / "bed-rebuilt").read_text() == f"{name}\n"

    def test_what_nobody_verified_is_not_taken(self, rattler: Work) -> None:
        packages = rattler.solve("tzdata").packages
        planted = Path(rattler.engine.package_cache()) / packages[0].stem
        (planted / "info").mkdir(parents=True)
        (planted / "share").mkdir()
        (planted / "share" / "evil").write_text("planted\n")
        entry = {"_path": "share/evil", "path_type": "hardlink"}
        (planted / "info" / "paths.json").write_text(json.dumps({"paths": [entry], "paths_version": 1}))
        index = {"name": "tzdata", "version": "2024a", "build": "h0_0", "build_number": 0, "subdir": "noarch"}
        (planted / "info" / "index.json").write_text(json.dumps({**index, "depends": []}))
        rattler.install(packages)
        assert files(rattler.prefix) == {"share/zoneinfo/BED"}

    def test_leftovers_of_a_killed_run_go(self, rattler: Work) -> None:
        cache = Path(rattler.engine.package_cache())
        (cache / ".fetching-killed" / "new").mkdir(parents=True)
        rattler.create("tzdata")
        assert not list(cache.glob(".fetching*"))

    def test_a_module_that_names_its_prefix_is_compiled_for_each(self, rattler: Work) -> None:
        """In two prefixes of one length, made within a second, time and size of such a module are the same."""
        package = conda_packages.module("bed-home", "1.0")
        package.add("site-packages/bed_home/where.py", f"HOME = {PLACEHOLDER!r}\n")
        rattler.channel.copy(rattler.folder / "more").add(package)
        sources = rattler.sources(channels=((rattler.folder / "more").as_uri(),))
        packages = rattler.solve("python", "bed-home", sources=sources).packages
        for name in ("one", "two"):
            prefix = rattler.folder / name
            rattler.install(packages, prefix=prefix)
            assert python(prefix, "from bed_home import where; print(where.HOME)") == str(prefix)
            assert list(prefix.glob("lib/python3*/site-packages/bed_home/__pycache__/where.*.pyc"))

    def test_what_is_forgotten_is_fetched_anew(self, rattler: Work) -> None:
        packages = rattler.solve("tzdata").packages
        rattler.install(packages)
        (rattler.prefix / "share/zoneinfo/BED").write_text("changed by hand, through a hard link\n")
        rattler.engine.forget(packages)
        other = rattler.folder / "other"
        rattler.install(packages, prefix=other)
        assert (other / "share/zoneinfo/BED").read_text() == "2024a\n"


def as_conda_writes_it(prefix: Path) -> None:
    """Let the records of noarch packages name paths as conda's do: as they are in the archive.

    A stand-in for an environment that conda made.
    """
    for path in (prefix / "conda-meta").glob("*.json"):
        record = json.loads(path.read_text())
        if record.get("noarch") != "python":
            continue
        for item in record["paths_data"]["paths"]:
            if item["_path"].startswith("lib/python"):
                item["_path"] = "site-packages/" + item["_path"].partition("/site-packages/")[2]
            elif item["_path"].startswith("bin/") and item.get("path_type") != "unix_python_entry_point":
                item["_path"] = "python-scripts/" + item["_path"].partition("/")[2]
        record["paths_data"]["paths"] = [
            item for item in record["paths_data"]["paths"] if item.get("path_type") != "pyc_file"
        ]
        path.write_text(json.dumps(record))


def test_an_environment_of_condas_making_is_changed_without_remains(rattler: Work) -> None:
    rattler.create("python", "bed-tool=1.1", "packaging=21.3")
    as_conda_writes_it(rattler.prefix)
    rattler.create("python", "bed-tool=2.0")
    assert installed(rattler.prefix)["bed-tool"] == "2.0 pyhd_1"
    assert not orphans(rattler.prefix)
    assert not missing(rattler.prefix)
    site = next(rattler.prefix.glob("lib/python3*/site-packages"))
    assert not [path for path in site.rglob("*") if "packaging" in path.name or "bed_tool-1.1" in path.name]
    assert python(rattler.prefix, "import bed_tool, six; print(bed_tool.__version__)") == "2.0"
