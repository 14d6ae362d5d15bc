# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back to a driver that no package manager knows: the installer that is kept, and what a failure says."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    choose,
    kept_installer,
    restoring,
    runfile,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    DesiredDriver,
    KeptInstaller,
    Runfile,
    WayBack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Kernel, Piece
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    KERNEL,
    desired_for,
    empty_host,
    installed,
    planned,
    target,
)

RUN = {"source": "runfile"}
OLD, NEW = target(version="550.54.15", **RUN), target(version="580.65.06", **RUN)
KEPT = KeptInstaller(f"{kept_installer.FOLDER}/550.54.15-{'a' * 64}.run", "550.54.15", "a" * 64, 307_000_000)
OTHER = replace(KEPT, path=f"{kept_installer.FOLDER}/535.183.01-{'c' * 64}.run", version="535.183.01", sha256="c" * 64)
NOTED = {
    "source": "runfile",
    "version": "550.54.15",
    "flavour": "open",
    "runfile": {"path": "/srv/550.run", "url": "", "sha256": "b" * 64},
}
PUBLISHED = Runfile(sha256="d" * 64)
BY_INSTALLER = installed(empty_host(), OLD)
PACKAGES = installed(empty_host(), target(branch="550"))
# Between two kernels: the driver is whole, and the kernel that boots next has no module yet.
NEWER = replace(
    BY_INSTALLER,
    kernels=(replace(BY_INSTALLER.kernels[0], boots_next=False), Kernel("6.9", boots_next=True, headers=True)),
)


@pytest.mark.parametrize(
    ("name", "wanted", "found", "noted", "kept", "expected"),
    [
        ("kept", NEW, BY_INSTALLER, NOTED, (OTHER, KEPT), Runfile(KEPT.path, "", "a" * 64)),
        ("from where it came", NEW, BY_INSTALLER, NOTED, (OTHER,), Runfile("/srv/550.run", "", "b" * 64)),
        ("as published", NEW, BY_INSTALLER, {}, (), PUBLISHED),
        ("the note is of another driver", NEW, BY_INSTALLER, {**NOTED, "version": "535.183.01"}, (), PUBLISHED),
        ("the note has no digest", NEW, BY_INSTALLER, {**NOTED, "runfile": {}}, (), PUBLISHED),
        ("packages come", target(branch="580"), BY_INSTALLER, {}, (KEPT,), Runfile(KEPT.path, "", "a" * 64)),
        ("all of it goes, kept", None, BY_INSTALLER, NOTED, (KEPT,), Runfile(KEPT.path, "", "a" * 64)),
        ("all of it goes: nothing is fetched", None, BY_INSTALLER, NOTED, (), Runfile()),
        ("another flavour", replace(OLD, flavour="proprietary"), BY_INSTALLER, {}, (), PUBLISHED),
        ("the next kernel has no module", OLD, NEWER, {}, (), PUBLISHED),
        ("as desired", OLD, BY_INSTALLER, NOTED, (KEPT,), None),
        ("packages from before", NEW, PACKAGES, {}, (KEPT,), None),
        ("nothing from before", NEW, empty_host(), {}, (KEPT,), None),
        ("a mixture", NEW, replace(PACKAGES, leftovers=BY_INSTALLER.leftovers), NOTED, (KEPT,), None),
        ("remains of an installer", NEW, replace(empty_host(), leftovers=("/var/lib/nvidia",)), {}, (KEPT,), None),
    ],
)
def test_how_an_installers_driver_could_be_put_back(name, wanted, found, noted, kept, expected):
    way = kept_installer.way_back(wanted, found, noted, kept, lambda _version: PUBLISHED)
    assert (way.runfile if way else None) == expected, name
    if way is not None:
        assert (way.version, way.flavour) == ("550.54.15", "open")
        assert way.kept == (expected.path == KEPT.path) and way.known == bool(expected.sha256)


def test_the_flavour_is_what_files_say_or_what_was_written_down():
    kernel = BY_INSTALLER.kernels[0]
    packed = replace(BY_INSTALLER, kernels=(replace(kernel, module=replace(kernel.module, flavour="")),))
    assert kept_installer.way_back(NEW, packed, NOTED, (), lambda _version: PUBLISHED).flavour == "open"
    unknown = kept_installer.way_back(NEW, packed, {}, (), lambda _version: PUBLISHED)
    assert unknown.flavour == "" and runfile.options("580.65.06", "", KERNEL)[-1] == "--skip-module-load"


def way(known=True, kept=True):
    return WayBack("550.54.15", "open", Runfile(KEPT.path, "", "a" * 64 if known else ""), kept)


@pytest.mark.parametrize("wanted", [NEW, target(branch="580")])
def test_no_way_back_is_refused_and_told_before_the_first_change(wanted):
    with pytest.raises(MlstackError, match=r"550\.54\.15 here is an installer's.*require_rollback") as caught:
        planned(BY_INSTALLER, wanted, way_back=way(known=False))
    assert (caught.value.code, caught.value.details["present"]) == ("no_way_back", "550.54.15")
    accepted = planned(BY_INSTALLER, wanted, desired_for(wanted, require_rollback=False), way_back=way(known=False))
    assert "no way back: the installer of 550.54.15 is not at hand; a failure leaves no driver" in accepted.after
    there = planned(BY_INSTALLER, wanted, way_back=way())
    assert "if this fails, 550.54.15 is put back by its installer, which is kept here" in there.after
    fetched = planned(BY_INSTALLER, wanted, way_back=way(kept=False))
    assert "if this fails, 550.54.15 is put back by its installer, which is fetched before" in fetched.after


def test_a_removal_needs_no_way_back():
    made = planned(BY_INSTALLER, None, way_back=way(known=False))
    assert [action.verb for action in made.actions][:1] == ["uninstall_runfile"]


def installers(found, wanted, kept, **purpose):
    desired = desired_for(wanted, **purpose)
    steps = planned(found, wanted, desired, kept=kept, way_back=way()).actions
    return [(step.verb, step.subject) for step in steps if step.verb.endswith(("keep_runfile", "delete_runfile"))]


def test_the_last_installer_stays_and_goes_with_the_driver():
    keeping, deleting = ("keep_runfile", kept_installer.FOLDER), ("delete_runfile", KEPT.path)
    assert installers(BY_INSTALLER, NEW, (KEPT,)) == [keeping, deleting]
    assert installers(empty_host(), NEW, ()) == [keeping]
    assert installers(empty_host(), NEW, (), keep_runfile=False) == []
    assert installers(BY_INSTALLER, OLD, (KEPT,)) == [], "a converged host is left alone"
    assert installers(BY_INSTALLER, OLD, (KEPT, OTHER)) == [("delete_runfile", OTHER.path)], "a killed run left it"
    assert installers(BY_INSTALLER, OLD, (KEPT,), keep_runfile=False) == [deleting]
    assert installers(BY_INSTALLER, target(branch="580"), (KEPT,)) == [], "the driver from before comes back by it"
    assert installers(BY_INSTALLER, None, (KEPT,)) == [deleting]
    (told,) = [a.summary for a in planned(BY_INSTALLER, None, kept=(KEPT,)).actions if a.verb == "delete_runfile"]
    assert told.endswith("(307 MB)")


def test_an_installer_is_kept_by_its_digest_for_root_alone(tmp_path):
    host = Host(str(tmp_path))
    source = tmp_path / "fetched.run"
    source.write_text("#!/bin/sh\n")
    kept_installer.keep(host, str(source), "550.54.15", "a" * 64)
    kept_installer.keep(host, str(source), "550.54.15", "a" * 64)  # the same file once more
    folder = tmp_path / kept_installer.FOLDER.lstrip("/")
    (folder / "550.54.15-x.run.part").write_text("of a run that was killed")
    assert kept_installer.find(host) == (replace(KEPT, size=10),)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / os.path.basename(KEPT.path)).stat().st_mode) == 0o600
    (folder / "550.54.15-x.run.part").unlink()
    kept_installer.delete(host, KEPT.path)
    assert not folder.exists() and kept_installer.find(host) == ()


def test_a_kept_installer_is_held_against_its_digest_again(tmp_path):
    host = Host(str(tmp_path))
    (tmp_path / "var/tmp").mkdir(parents=True)
    source = tmp_path / "fetched.run"
    source.write_text("#!/bin/sh\n")
    kept_installer.keep(host, str(source), "550.54.15", "a" * 64)
    with (
        pytest.raises(MlstackError, match="has the digest"),
        runfile.fetched(host, Runfile(KEPT.path, "", "a" * 64), "550.54.15"),
    ):
        pass
    assert list((tmp_path / "var/tmp").iterdir()) == []


def test_what_is_kept_is_not_fetched_again():
    wanted = Runfile("", "https://mirror.example/550.run", "a" * 64)
    assert kept_installer.instead_of(wanted, "550.54.15", (OTHER, KEPT)) == Runfile(KEPT.path, "", "a" * 64)
    assert kept_installer.instead_of(wanted, "580.65.06", (KEPT,)) == wanted
    other = replace(wanted, sha256="e" * 64)
    assert kept_installer.instead_of(other, "550.54.15", (KEPT,)) == other


def test_the_callers_installer_is_that_of_the_desired_version_alone():
    desired = DesiredDriver(source="runfile", version="580.65.06", runfile=Runfile("/srv/580.run", "", "f" * 64))
    assert choose.runfile_of(desired, "580.65.06", Host()).path == "/srv/580.run"
    assert choose.runfile_of(desired, "550.54.15", Host()).path == ""


def test_what_a_failure_says_of_the_host():
    half = replace(empty_host(), leftovers=("/usr/bin/nvidia-uninstall",), libraries="580.65.06")
    piece = Piece("tools", "nvidia-utils-550", "550.90.07-0ubuntu1", "550.90.07", "nvidia")
    cases = [
        (BY_INSTALLER, BY_INSTALLER, (), "550.54.15 was put back by its installer", True),
        (PACKAGES, replace(PACKAGES, pieces=PACKAGES.pieces[::-1]), (), "packages from before are back", True),
        (empty_host(), empty_host(), (), "has none, as before", True),
        (
            BY_INSTALLER,
            empty_host(),
            ("sh ended",),
            "(sh ended); this host now has no NVIDIA driver on its disk",
            False,
        ),
        (BY_INSTALLER, half, (), "now has 580.65.06 of an installer (/usr/bin/nvidia-uninstall)", False),
        (PACKAGES, replace(empty_host(), pieces=(piece,)), (), "now has nvidia-utils-550 550.90.07-0ubuntu1", False),
        (PACKAGES, replace(PACKAGES, leftovers=half.leftovers), (), "of an installer", False),
    ]
    for before, now, reasons, words, expected in cases:
        told, restored = restoring.told(before, now, reasons)
        assert words in told and restored is expected, told
    # A module that is gone is a driver that would not load.
    assert not restoring.same(BY_INSTALLER, replace(BY_INSTALLER, kernels=empty_host().kernels))
