# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be begun, and what is written down to go back to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    arguments,
    guards,
    plan,
    record,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DesiredDriver, Runfile, Space
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Holder, Kernel, Piece
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    KERNEL,
    UBUNTU,
    desired_for,
    empty_host,
    installed,
    loaded,
    planned,
    state_of,
    summaries,
    target,
)

ARCHIVE = {"source": "distribution"}


def refused(code, found, wanted, desired=None, **fields):
    with pytest.raises(MlstackError) as caught:
        planned(found, wanted, desired, **fields)
    assert caught.value.code == code
    return caught.value


def test_a_mixture_is_refused_unless_it_may_be_replaced():
    pieces = (
        Piece("libraries", "libnvidia-compute-550", "550.54.15-0ubuntu1", "550.54.15", "nvidia"),
        Piece("tools", "nvidia-utils-535-server", "535.183.01-0ubuntu0.24.04.1", "535.183.01", "distribution"),
    )
    found = replace(empty_host(), pieces=pieces)
    error = refused("mixed_sources", found, target())
    assert "nvidia-utils-535-server 535.183.01-0ubuntu0.24.04.1 (distribution)" in error.found
    desired = desired_for(target(), replace_mixed_sources=True)
    assert "remove nvidia-utils-535-server 535.183.01-0ubuntu0.24.04.1" in summaries(planned(found, target(), desired))


def test_absent_headers_are_refused_where_they_may_not_be_installed():
    host = replace(empty_host(), kernels=(Kernel(KERNEL, running=True, boots_next=True),))
    error = refused("headers_absent", host, target(), desired_for(target(), install_headers=False))
    assert error.details["kernels"] == [KERNEL]
    refused("no_kernel", replace(host, kernels=(Kernel("6.18", installed=False, running=True),)), target())


@pytest.mark.parametrize(
    ("enrolled", "modules", "fine"),
    [(None, "dkms", False), (False, "dkms", False), (True, "dkms", True), (None, "prebuilt", True)],
)
def test_secure_boot_wants_modules_that_load(enrolled, modules, fine):
    host = replace(empty_host(), secure_boot=True, key_enrolled=enrolled)
    wanted = target(branch="580", modules=modules, **ARCHIVE)
    if fine:
        assert planned(host, wanted).changed
    else:
        refused("secure_boot_unsigned", host, wanted)


def test_space_is_looked_at_first():
    with pytest.raises(MlstackError) as caught:
        guards.require_space(DesiredDriver(), [Space("/usr", 10, 5), Space("/boot", 10_000_000, 90_000_000)])
    assert caught.value.code == "disk_full" and "/boot has 10 MB and 90 MB may be needed" in caught.value.found
    full = replace(state_of(empty_host(), target()), spaces=(Space("/var", 1, 2),))
    with pytest.raises(MlstackError, match="not enough space"):
        plan.plan(desired_for(target()), full)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change("upgrade", "linux-image-6.8.0-45-generic", "1", "2"), "kernel_change"),
        (Change("install", "linux-image-6.8.0-50-generic", "", "2"), "kernel_change"),
        (Change("remove", "kernel-core", "5.14.0-427", ""), "kernel_change"),
        (Change("upgrade", "libc6", "2.39-1", "2.39-2"), "unnamed_change"),
        (Change("remove", "slurmd", "23.11", ""), "unnamed_change"),
        (Change("install", "dkms", "", "3.0.11"), ""),
        (Change("remove", "libnvidia-gl-535", "535.183.01", ""), ""),
        (Change("upgrade", "gcc-13", "1", "2"), "allowed"),
        (Change("upgrade", "nvidia-utils-550", "1", "2"), ""),
    ],
)
def test_a_transaction_with_surprises(change, code):
    desired = DesiredDriver(allow_changes=frozenset({"gcc-13"}))
    if code in ("", "allowed"):
        guards.require_expected(desired, [change], ["nvidia-open-550"])
        return
    with pytest.raises(MlstackError) as caught:
        guards.require_expected(desired, [change], ["nvidia-open-550"])
    assert caught.value.code == code and change.name in caught.value.found


def test_a_busy_gpu_is_named_with_its_user():
    daemon = Holder(1, "root", "nv-fabricmanager", ("/dev/nvidia0",), daemon=True)
    guards.require_idle(DesiredDriver(), [daemon])
    work = Holder(4711, "ada", "python train.py", ("/dev/nvidia0",), container="triton (0123456789ab)", job="77")
    with pytest.raises(MlstackError) as caught:
        guards.require_idle(DesiredDriver(busy="wait", busy_timeout=30), [daemon, work])
    assert "pid 4711 (python train.py) of ada, container triton (0123456789ab), Slurm job 77" in caught.value.found
    assert "after 30 s" in caught.value.found and caught.value.details["holders"][0]["user"] == "ada"


# ---- the record ----------------------------------------------------------------------------------------------------


def test_what_worked_before_a_change_can_be_gone_back_to():
    old, new = target(version="550.54.15"), target(version="580.95.05")
    first = installed(empty_host(), old)
    noted = record.following({}, empty_host(), old, first)
    assert noted["current"]["version"] == "550.54.15" and "previous" not in noted
    second = installed(loaded(first, "550.54.15"), new)
    noted = record.following(noted, loaded(first, "550.54.15"), new, second)
    assert (noted["current"]["version"], noted["previous"]["version"]) == ("580.95.05", "550.54.15")
    # Never loaded: it is no driver to go back to, and the older one stays the good one.
    third = target(version="590.48.01")
    noted = record.following(noted, second, third, installed(second, third))
    assert noted["previous"]["version"] == "550.54.15"
    back = record.following(noted, installed(second, third), old, installed(empty_host(), old))
    assert back["previous"]["version"] == back["current"]["version"] == "550.54.15", "going back twice goes nowhere"
    assert record.following(back, first, None, empty_host())["current"] == {}


def test_another_flavour_of_the_same_version_is_another_driver():
    closed, opened = (target(version="580.95.05", flavour=flavour) for flavour in ("proprietary", "open"))
    first = loaded(installed(empty_host(), closed), "580.95.05", "proprietary")
    noted = record.following({}, empty_host(), closed, first)
    second = installed(first, opened)
    noted = record.following(noted, first, opened, second)
    assert noted["previous"]["flavour"] == "proprietary"
    # The open module lies on the disk and was never loaded.
    other = target(version="590.48.01")
    assert record.following(noted, second, other, installed(second, other))["previous"]["flavour"] == "proprietary"


@pytest.mark.parametrize(
    ("url", "kept"),
    [("https://mirror.example/550.run", "https://mirror.example/550.run"), ("https://ada:secret@mirror.example/x", "")],
)
def test_the_way_back_leads_to_where_the_driver_came_from(tmp_path, url, kept):
    old, new = target(source="runfile", version="550.54.15"), target(version="580.95.05")
    host = Host(str(tmp_path))
    first = loaded(installed(empty_host(), old), "550.54.15")
    noted = record.following({}, empty_host(), old, first, Runfile("", url, "a" * 64))
    noted = record.following(noted, first, new, installed(first, new), Runfile())
    record.write(host, noted)
    assert "secret" not in (tmp_path / record.PATH.lstrip("/")).read_text()
    asked = {name: option.get("default") for name, option in arguments.SPEC.items()}
    asked.update(state="previous", version="580.95.05", runfile_sha256="b" * 64)
    desired = arguments.read_desired(record.previous_arguments(host, asked), UBUNTU, "x86_64")
    assert (desired.state, desired.source, desired.version, desired.repository) == (
        "present",
        "runfile",
        "550.54.15",
        None,
    )
    assert desired.runfile == Runfile("", kept, "a" * 64)
    asked["source"] = "distribution"
    record.write(host, {**noted, "previous": record.entry(new, installed(first, new), Runfile())})
    desired = arguments.read_desired(record.previous_arguments(host, asked), UBUNTU, "x86_64")
    assert desired.source == "nvidia" and desired.repository is not None
