# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How apt-get and dpkg are called, and what is made of their answers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.apt import Apt
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import Lists
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Transaction
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._packages.stand_in_programs import Programs

DATABASE = (
    "dpkg\tamd64\t1.21\tinstall\tok\tinstalled\t\n"
    "tool\tamd64\t1.0-1\thold\tok\tinstalled\ta-tool (= 1.0), another\n"
    "tool\ti386\t0.9-1\tinstall\tok\tinstalled\t\n"
    "half\tamd64\t2.0-1\thold\treinstreq\thalf-installed\t\n"
    "kept\tall\t1.0-1\tdeinstall\tok\tconfig-files\t\n"
)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    made = Programs(tmp_path, "apt-get", "dpkg-query", "dpkg", "apt-cache", "apt-mark")
    made.answer("dpkg-query", "--show", DATABASE)
    return made


@pytest.fixture
def apt(programs: Programs) -> Apt:
    return Apt(programs.host, programs.commands)


def test_names_are_answered_by_packages_of_this_machine_and_by_what_they_provide(apt: Apt) -> None:
    found = apt.installed(["tool", "tool:i386", "another", "kept", "absent"])
    versions = {name: (package.version, package.held) for name, package in found.items()}
    assert versions == {"tool": ("1.0-1", True), "tool:i386": ("0.9-1", False), "another": ("1.0-1", True)}


def test_what_is_half_done_is_told_without_another_question(apt: Apt, programs: Programs) -> None:
    apt.installed(["tool"])
    programs.calls()
    assert apt.interrupted() == "to be installed again: half" and programs.calls() == []


def test_a_forecast_may_do_anything_and_changes_nothing(apt: Apt, programs: Programs) -> None:
    programs.answer("apt-get", "--simulate", "Inst tool [1.0-1] (2.0-1 local [amd64])\nConf tool (2.0-1 local)\n")
    wanted = Transaction((("tool", "2.0-1"),), ("other",))
    forecast = apt.simulate(wanted, Lists(foreseen=("--option=Dir::Etc::PreferencesParts=/x",)))
    assert [(change.action, change.name) for change in forecast.changes] == [("upgrade", "tool")]
    (call,) = programs.calls()
    assert call.endswith("install tool=2.0-1 other-") and "--simulate" in call and "PreferencesParts=/x" in call
    assert "--allow-downgrades" in call and "--allow-change-held-packages" in call


@pytest.mark.parametrize(
    ("transaction", "given", "kept_back"),
    [
        (Transaction((("tool", "1"),)), {"--no-remove"}, {"--allow-downgrades", "--allow-change-held-packages"}),
        (Transaction((("tool", "1"),), allow_removal=True), set(), {"--no-remove"}),
        (Transaction((), ("tool",)), set(), {"--no-remove", "--purge"}),
        (Transaction((), ("tool",), purge=True), {"--purge"}, set()),
        (Transaction((("tool", "1"),), lifted=("tool",)), {"--allow-change-held-packages"}, set()),
        (Transaction((("tool", "1"),), allow_downgrade=True), {"--allow-downgrades"}, set()),
        (Transaction((("tool", ""),), install_recommends=True), {"--option=APT::Install-Recommends=yes"}, set()),
    ],
)
def test_apt_may_do_what_the_forecast_was_judged_by_and_no_more(
    apt: Apt, programs: Programs, transaction: Transaction, given: set[str], kept_back: set[str]
) -> None:
    assert apt.apply(transaction) == []
    fetched, changed = (set(call.split()) for call in programs.calls() if call.startswith("apt-get"))
    assert "--download-only" in fetched and "--download-only" not in changed
    for call in (fetched, changed):
        assert given <= call and not kept_back & call


def test_nothing_is_changed_where_the_packages_cannot_be_fetched(apt: Apt, programs: Programs) -> None:
    programs.answer("apt-get", "--download-only", "E: Failed to fetch http://x/tool.deb  404  Not Found\n", 100)
    with pytest.raises(MlstackError):
        apt.apply(Transaction((("tool", ""),)))
    assert len([call for call in programs.calls() if call.startswith("apt-get")]) == 1


def test_a_half_installed_package_comes_again_in_its_version_and_stays_held(apt: Apt, programs: Programs) -> None:
    apt.repair()
    calls = [call for call in programs.calls() if not call.startswith("dpkg-query")]
    assert calls[0].endswith("install half:amd64=2.0-1") and "--reinstall" in calls[0] and "--no-remove" in calls[0]
    assert calls[1].startswith("dpkg ") and "--configure --pending" in calls[1]
    assert calls[2].endswith("install") and "--fix-broken" in calls[2]
    assert calls[3] == "apt-mark hold half"


def test_a_refresh_that_ends_well_with_old_lists_is_a_failure(apt: Apt, programs: Programs) -> None:
    programs.answer("apt-get", "update", "W: Failed to fetch http://x/dists/stable/InRelease  Could not resolve\n")
    with pytest.raises(MlstackError) as caught:
        apt.refresh()
    assert caught.value.code == "repository_unusable"


def test_lists_are_old_when_they_are_missing_older_than_allowed_or_than_their_sources(apt: Apt) -> None:
    assert apt.stale(3600) == "there are none"
    lists, sources = Path(apt.host.path("/var/lib/apt/lists/partial")), Path(apt.host.path("/etc/apt/sources.list.d"))
    lists.mkdir(parents=True)
    (lists.parent / "x_dists_stable_InRelease").write_text("")
    sources.mkdir(parents=True)
    now = time.time()
    os.utime(sources, (now - 9000, now - 9000))
    os.utime(lists, (now - 7200, now - 7200))
    assert (apt.stale(3600), apt.stale(8000)) == ("they are 2.0 h old", "")
    os.utime(sources, (now - 60, now - 60))
    assert apt.stale(8000) == "the repositories have been changed since they were fetched"
