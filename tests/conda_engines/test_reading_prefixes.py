# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine made is read back: packages, requests, files; and an export of it makes the same again."""

from __future__ import annotations

import subprocess

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import drift, explicit, export, history, meta
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.conda_lock import read_conda_lock
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_yaml import read_environment_yaml
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import PLATFORM, Work, installed
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner

ASKED = ("python", "bed-tool=1.1", "six=1.15", "numpy<2")


def test_packages_requests_and_files(work: Work) -> None:
    work.create(*ASKED)
    prefix = str(work.prefix)
    found = meta.read(prefix, entries=True)
    assert found.broken == ()
    assert meta.names(prefix).packages == installed(work.prefix)
    assert meta.names(prefix).stems == tuple(sorted(package.stem for package in found.packages))
    records = work.channel.records()
    for package in found.packages:
        record = records[package.file_name]
        assert (package.url, package.sha256, package.md5) == (record["url"], record["sha256"], record["md5"])
        assert (package.channel, package.subdir) == (work.channel.url, record["subdir"])
    names = {package.name for package in found.packages}
    assert set(history.requested(history.read(prefix), names)) == {"python", "bed-tool", "six", "numpy"}
    assert drift.of_files(prefix, found).clean


def test_a_change_by_hand_is_seen(work: Work) -> None:
    work.create(*ASKED)
    before = meta.read(str(work.prefix), entries=True)
    modules = {
        item.package.name: next(entry.path for entry in item.entries if entry.path.endswith(".py"))
        for item in before.installed
        if item.package.name in ("six", "bed-tool")
    }
    (work.prefix / modules["six"]).write_text("import os\n")
    (work.prefix / modules["bed-tool"]).unlink()
    found = drift.of_files(str(work.prefix), before)
    assert found == drift.Findings(missing=(modules["bed-tool"],), changed=(modules["six"],), unowned=())


def test_every_export_leads_back_to_the_same_packages(work: Work) -> None:
    work.create(*ASKED)
    packages = meta.read(str(work.prefix)).packages
    stems = {package.stem for package in packages}
    channels = export.channels_of(packages)
    listed = explicit.read_explicit(export.explicit(packages, PLATFORM), "x", PLATFORM)
    locked = read_conda_lock(export.conda_lock(packages, PLATFORM, channels), "x", PLATFORM)
    for lock in (listed, locked):
        again = work.folder / lock.form
        work.install([item.package() for item in lock.packages], prefix=again)
        assert set(meta.names(str(again)).stems) == stems
    exact = read_environment_yaml(export.environment_yaml("x", channels, export.exact(packages)), "x", PLATFORM)
    assert {package.stem for package in work.solve(*(item.text for item in exact.specs)).packages} == stems
    requested = history.requested(history.read(str(work.prefix)), {package.name for package in packages})
    asked = read_environment_yaml(export.environment_yaml("x", channels, export.from_history(requested)), "x", PLATFORM)
    assert {package.stem for package in work.solve(*(item.text for item in asked.specs)).packages} == stems


def test_conda_env_info_tells_of_it(work: Work) -> None:
    work.create(*ASKED)
    python = work.prefix / "bin" / "python"
    arguments = {"names": [], "paths": [str(work.prefix)], "verify_files": True, "history": True, "cache": True}
    ran = module_runner.run("conda_env_info", arguments)
    assert ran.rc == 0, ran.out + ran.err
    (told,) = ran.result["environments"]
    assert (told["standing"], told["broken"], told["drift"], told["pip"]) == ("conda", [], [], [])
    assert told["files"] == {"missing": [], "changed": [], "unowned": []}
    ask = [python, "-c", "import platform; print(platform.python_version())"]
    said = subprocess.run(ask, capture_output=True, check=True)
    assert told["python"]["version"] == said.stdout.decode().strip()
    assert len(told["history"]) == 1
    assert any(cache["packages"] >= len(told["packages"]) for cache in ran.result["cache"])
