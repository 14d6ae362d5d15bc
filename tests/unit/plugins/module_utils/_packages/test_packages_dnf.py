# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How dnf and rpm are called, and what is made of their answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf import Dnf
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import FRESH, PRESENT, Lists
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Transaction
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._packages.stand_in_programs import Programs
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._packages.test_packages_dnf_history import (
    INSTALL,
    REMOVE,
    UPGRADE,
    UPGRADED,
    Written,
)

OLD = "tool\t0\t1.0\t1\tx86_64\ttool \n"
NEW = "tool\t2\t2.0\t1\tx86_64\ttool \n"
LEAF = "leaf\t0\t1.0\t1\tnoarch\tleaf \n"
TABLE = "{}\n Package   Arch   Version   Repository   Size\n{}\n{}\n\nTransaction Summary\n"
TOOL_GOES = TABLE.format("=" * 80, "=" * 80, "Removing:\n tool   x86_64   1.0-1   @local   1 k")
OTHER_GOES = TABLE.format("=" * 80, "=" * 80, "Removing:\n other   x86_64   1.0-1   @local   1 k")


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path, "dnf", "rpm")


@pytest.fixture
def dnf(programs: Programs) -> Dnf:
    return Dnf(programs.host, programs.commands)


@pytest.mark.parametrize(
    ("lists", "cached", "foreseen"),
    [(PRESENT, True, ""), (FRESH, False, ""), (Lists(True, ("--setopt=x.module_hotfixes=1",)), False, "x.module")],
)
def test_questions_are_answered_from_the_lists_that_they_name(
    dnf: Dnf, programs: Programs, lists: Lists, cached: bool, foreseen: str
) -> None:
    dnf.candidates(["tool"], lists)
    dnf.similar("tool", lists)
    dnf.simulate(Transaction((("tool", ""),)), lists)
    calls = programs.calls()
    assert len(calls) >= 3
    for call in calls:
        assert ("--cacheonly" in call) is cached and foreseen in call


def test_a_forecast_without_lists_is_none(dnf: Dnf, programs: Programs) -> None:
    programs.answer("dnf", "--assumeno", "Error: Cache-only enabled but no cache for 'local'\n", 1)
    assert dnf.simulate(Transaction((("tool", ""),))) is None


def test_a_name_that_nobody_offers_is_unknown_by_what_the_user_calls_it(dnf: Dnf, programs: Programs) -> None:
    programs.answer("dnf", "--assumeno", "Error: Unable to find a match: tool-9.0-1 other\n", 1)
    forecast = dnf.simulate(Transaction((("tool", "9.0-1"), ("other", ""))))
    assert forecast is not None and forecast.unknown == ("tool 9.0-1", "other")


def test_a_change_may_fetch_removes_only_what_is_there_and_is_found_again_by_its_comment(
    dnf: Dnf, programs: Programs
) -> None:
    programs.answer("rpm", "here", "here\t0\t1.0\t1\tx86_64\there \n")
    assert dnf.apply(Transaction((("tool", "2.0-1"),), ("here", "gone"))) == []
    install, remove = (call for call in programs.calls() if call.startswith("dnf"))
    for call in (install, remove):
        assert "--cacheonly" not in call and "--comment=gpufleet.mlstack " in call
        assert "clean_requirements_on_remove=False" in call
    assert install.endswith("--allowerasing install tool-2.0-1") and remove.endswith("remove here")


def locks(programs: Programs, *lines: str) -> None:
    for name, text in (("conf", "[main]\nenabled = 1\n"), ("list", "".join(f"{line}\n" for line in lines))):
        path = Path(programs.host.path(f"/etc/dnf/plugins/versionlock.{name}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def cut_off(tmp_path: Path, programs: Programs) -> Written:
    """An upgrade of a tool that was cut off, on a host with both versions and all locked."""
    made = Written(tmp_path)
    made.add(1, (2, UPGRADE, 0), (1, UPGRADED, 0), end=0)
    programs.answer("rpm", "--all", OLD + NEW)
    programs.answer("rpm", "tool", OLD + NEW)
    locks(programs, "tool-0:1.0-1.*", "leaf-0:1.0-1.*")
    return made


def test_the_older_of_two_versions_goes_and_locks_and_streams_do_not_stand_in_the_way(
    dnf: Dnf, programs: Programs, cut_off: Written
) -> None:
    assert "several versions of tool" in dnf.interrupted(dnf.installed(["tool"]).values())
    programs.answer("dnf", "--duplicates", "")
    programs.answer("rpm", "tool", OLD + NEW)
    dnf.repair()
    calls = [call for call in programs.calls() if call.startswith("dnf")]
    assert calls[0].endswith("-y remove --duplicates")
    # A real dnf would have ended the transaction in its history, too.
    assert calls[-1].endswith("-y --allowerasing reinstall tool-2:2.0-1.x86_64")
    for call in calls:
        assert "--setopt=*.module_hotfixes=1" in call and "clean_requirements_on_remove=False" in call
        assert "pluginconfpath=/etc/dnf/plugins," in call  # without the locks of what was cut off


@pytest.mark.parametrize(("told", "erases"), [(TOOL_GOES, True), (OTHER_GOES, False)])
def test_what_was_to_go_goes_where_it_stands_in_the_way_and_nothing_else(
    dnf: Dnf, programs: Programs, tmp_path: Path, told: str, erases: bool
) -> None:
    Written(tmp_path).add(1, (3, INSTALL, 0), (1, REMOVE, 0), end=0)
    programs.answer("rpm", "leaf", LEAF)
    programs.answer("rpm", "tool", OLD)
    programs.answer("dnf", "--assumeno", told, 1)
    dnf.repair()
    *_questions, step = (call for call in programs.calls() if call.startswith("dnf"))
    assert step.endswith("reinstall leaf-1.0-1.noarch") and ("--allowerasing" in step) is erases


def test_a_repair_that_fails_is_told(dnf: Dnf, programs: Programs, cut_off: Written) -> None:
    programs.answer("dnf", "--duplicates", "", 1)
    with pytest.raises(MlstackError, match="dnf remove --duplicates"):
        dnf.repair()
