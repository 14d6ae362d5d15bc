# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode shows is what a run does, and afterwards there is nothing left to do."""

from __future__ import annotations

import contextlib
import copy
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution, Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, converge
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Desired, DesiredPackage
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Sources, UpgradeBlock
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.resource import SystemPackages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._packages.memory_manager import MemoryManager
from hypothesis import given, settings
from hypothesis import strategies as st

DEBIAN = Distribution("debian", "12", "bookworm", "Debian GNU/Linux 12", "Debian")
BLOCK = "/etc/apt/apt.conf.d/52mine"
NAMES = ("app", "library", "tool")


class Work(PackageWork):
    """Without the machine's own locks."""

    @contextlib.contextmanager
    def lock(self, seconds: float) -> t.Iterator[None]:
        with self.undoing():
            yield


class Packages(SystemPackages):
    def __init__(self, context: Context, manager: MemoryManager) -> None:
        self._work = Work(context, DEBIAN)
        self._work.manager = manager


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    root = tmp_path_factory.mktemp("host")
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/apt-get").write_text("")
    os.chmod(root / "usr/bin/apt-get", 0o755)
    return Host(str(root), {"PATH": "/usr/bin"})


def run(desired: Desired, manager: MemoryManager, host: Host, *, check: bool = False) -> Outcome[Desired]:
    context = Context(host, Commands(), Redactor([]), check, lambda text: None)
    return converge(Packages(context, manager), desired, context, check_mode=check)


def versions() -> t.Any:
    return st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, max_size=3, unique=True).map(
        lambda found: sorted(found, reverse=True)
    )


def wanted() -> t.Any:
    entry = st.one_of(
        st.fixed_dictionaries({"state": st.just("absent"), "hold": st.sampled_from([None, False])}),
        st.fixed_dictionaries(
            {
                "state": st.sampled_from(["present", "latest"]),
                "version": st.sampled_from(["", "", "1", "2", "3"]),
                "hold": st.sampled_from([None, True, False]),
            }
        ),
    )
    entries = st.dictionaries(st.sampled_from(NAMES), entry, min_size=1)
    return entries.map(lambda found: tuple(DesiredPackage(name, (name,), **one) for name, one in found.items()))


@st.composite
def stories(draw: t.Any) -> tuple[Desired, MemoryManager]:
    present = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["1", "2"])))
    if "app" in present:
        present.setdefault("library", "1")
    offered = draw(st.dictionaries(st.sampled_from(NAMES), versions(), min_size=2))
    held = draw(st.sets(st.sampled_from(sorted(present)))) if present else set()
    packages = draw(wanted())
    # Refused as arguments beside an upgrade of the whole host.
    loose = any(package.hold is False or (package.version and not package.hold) for package in packages)
    desired = Desired(
        packages=packages,
        allow_downgrade=draw(st.booleans()),
        allow_removal=draw(st.booleans()),
        update_cache=False,
        upgrade="" if loose else draw(st.sampled_from(["", "", "all"])),
    )
    return desired, MemoryManager(present, held, offered, offered)


@settings(max_examples=150)
@given(stories())
def test_the_actions_that_check_mode_shows_are_the_actions_done(
    host: Host, story: tuple[Desired, MemoryManager]
) -> None:
    desired, manager = story
    before = copy.deepcopy((manager.present, manager.held))
    shown = run(desired, manager, host, check=True)
    assert (manager.present, manager.held) == before
    done = run(desired, manager, host)
    if shown.error is not None:
        assert done.error is not None and done.error.code == shown.error.code
        assert (manager.present, manager.held) == before and not done.changed
        return
    assert done.error is None, done.error
    assert shown.plan.result() == done.plan.result()
    assert (shown.changed, shown.plan.before, shown.plan.after) == (done.changed, done.plan.before, done.plan.after)
    for key in ("changes", "kept_back"):
        assert shown.details[key] == done.details[key]
    assert run(desired, manager, host).plan.actions == ()


def desired_of(**fields: t.Any) -> Desired:
    return Desired(packages=(DesiredPackage("tool", ("tool",), **fields),))


def verbs(outcome: Outcome[t.Any]) -> list[tuple[str, str]]:
    return [(action.verb, action.subject) for action in outcome.plan.actions]


def test_what_is_unfinished_and_old_lists_come_first_and_the_rest_is_planned_by_what_they_say(host: Host) -> None:
    manager = MemoryManager({}, set(), {"tool": ["1"]}, {"tool": ["3"]})
    manager.old, manager.unfinished = "they are old", "a journal"
    shown = run(desired_of(hold=True), manager, host, check=True)
    assert shown.plan.after[0] == "tool 1"
    done = run(desired_of(hold=True), manager, host)
    steps = [("repair", "package manager"), ("refresh", "package lists"), ("install", "tool"), ("hold", "tool")]
    assert verbs(shown) == verbs(done) == steps
    assert (manager.present["tool"], manager.held) == ("3", {"tool"})
    assert (done.plan.after, done.details["cache_refreshed"]) == (("tool 3", "tool held"), True)
    assert done.details["changes"] == [{"name": "tool", "action": "install", "from": "", "to": "3"}]


def test_what_fresh_lists_do_not_offer_either_is_refused_and_sources_are_as_before(host: Host) -> None:
    manager = MemoryManager({}, set(), {"tool": ["1"]}, {"tool": ["1"]})
    block = Sources(upgrade_blocks=(UpgradeBlock("mine", ("tool",)),))
    desired = Desired((DesiredPackage("tool", ("tool",), version="9"),), sources=block)
    done = run(desired, manager, host)
    assert done.error is not None and done.error.code == "unknown_package"
    assert host.read_text(BLOCK) is None
    kept = run(Desired((DesiredPackage("tool", ("tool",)),), sources=block), manager, host)
    assert kept.error is None and host.read_text(BLOCK) is not None
    Path(host.path(BLOCK)).unlink()


def test_a_transaction_that_fails_leaves_no_new_sources(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryManager({}, set(), {"tool": ["1"]}, {"tool": ["1"]})

    def fail(transaction: object) -> list[str]:
        raise MlstackError("package_script_failed", wanted="install tool", found="no", to_fix="try")

    monkeypatch.setattr(manager, "apply", fail)
    block = Sources(upgrade_blocks=(UpgradeBlock("mine", ("tool",)),))
    done = run(Desired((DesiredPackage("tool", ("tool",)),), sources=block), manager, host)
    assert done.error is not None and done.error.code == "package_script_failed"
    assert host.read_text(BLOCK) is None
