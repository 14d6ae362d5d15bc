# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wanted of toolkits, and what is refused before a host is looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.desired import read_desired, read_toolkit
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import DesiredToolkit
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution

UBUNTU = Distribution("ubuntu", "24.04", "noble", "Ubuntu 24.04 LTS", "Debian")
ROCKY = Distribution("rocky", "9.4", "", "Rocky Linux 9.4", "RedHat")
PARAMS = {
    "toolkits": ["12.4"],
    "method": "nvidia",
    "default": None,
    "driver": "check",
    "cudnn": None,
    "nccl": None,
    "environment": True,
    "manage_repository": True,
    "repository_url": None,
    "repository_key": None,
    "repository_key_url": None,
    "repository_fingerprints": [],
    "allow_downgrade": False,
    "update_cache": True,
    "cache_valid_time": 3600,
    "lock_timeout": 300,
}
WHEELS = {"version": "13.0", "method": "wheels", "environment": "/opt/cuda/x"}


@pytest.mark.parametrize(
    ("entry", "desired"),
    [
        ("12.4", DesiredToolkit("12.4")),
        ("12.4.1", DesiredToolkit("12.4", "12.4.1")),
        ("11.8.0_520.61.05", DesiredToolkit("11.8", "11.8.0", "runfile")),
        ({"version": "12.4", "hold": True}, DesiredToolkit("12.4", hold=True)),
        ({"version": "12.4", "components": "runtime"}, DesiredToolkit("12.4", components="runtime")),
        ({"version": "11.8", "method": "distribution"}, DesiredToolkit("11.8", method="distribution")),
        (WHEELS, DesiredToolkit("13.0", method="wheels", environment="/opt/cuda/x")),
        (
            {"version": "11.8", "method": "runfile", "state": "absent"},
            DesiredToolkit("11.8", method="runfile", state="absent"),
        ),
    ],
)
def test_what_a_toolkit_can_be(entry, desired):
    assert read_toolkit(entry) == desired


@pytest.mark.parametrize(
    "entry",
    [
        12.4,
        12,
        True,
        None,
        [],
        "",
        "latest",
        "-12.4",
        "12",
        "12.4.1.1",
        "12.4; rm -rf /",
        {"version": 12.4},
        {"version": "12.4", "colour": "red"},
        {"version": "12.4", "state": "latest"},
        {"version": "12.4", "method": "snap"},
        {"version": "12.4", "components": "driver"},
        {"version": "12.4", "hold": "yes"},
        {"version": "12.4", "source": "/x.run"},
        {"version": "11.8", "method": "runfile"},
        {"version": "11.8.0", "method": "runfile", "source": "ftp://x/y.run"},
        {"version": "11.8.0", "method": "runfile", "source": "https://me:secret@x/y.run"},
        {"version": "11.8.0", "method": "runfile", "sha256": "abc"},
        {"version": "11.8.0", "method": "runfile", "hold": True},
        {"version": "11.8.0", "method": "runfile", "components": "runtime"},
        {"version": "13.0", "method": "wheels"},
        {"version": "13.0", "environment": "/opt/x"},
        {**WHEELS, "environment": "relative"},
        {**WHEELS, "environment": "/opt/*/x"},
        {"version": "12.4", "state": "absent", "hold": True},
    ],
    ids=repr,
)
def test_what_it_cannot_be(entry):
    with pytest.raises(InvalidArguments) as refused:
        read_toolkit(entry)
    assert refused.value.code == "invalid_toolkit"


@pytest.mark.parametrize(
    "changed",
    [
        {"toolkits": ["12.4", "12.4.1"]},
        {"default": "11.8"},
        {"default": "12.4.1"},
        {"cudnn": "nine"},
        {"nccl": "-o"},
        {"toolkits": [WHEELS], "cudnn": "9"},
        {"toolkits": [WHEELS], "driver": "compat"},
        {"toolkits": [{"version": "12.4", "state": "absent"}], "default": "12.4"},
    ],
    ids=repr,
)
def test_a_task_that_contradicts_itself_is_refused(changed):
    with pytest.raises(InvalidArguments):
        read_desired({**PARAMS, **changed}, UBUNTU, "x86_64")


def test_enterprise_linux_has_no_cuda_of_its_own():
    with pytest.raises(InvalidArguments, match="no CUDA of its own"):
        read_desired({**PARAMS, "method": "distribution"}, ROCKY, "x86_64")


def test_the_repository_comes_where_a_method_needs_it():
    assert read_desired(PARAMS, UBUNTU, "x86_64").repository.url.endswith("/ubuntu2404/x86_64")
    assert read_desired(PARAMS, ROCKY, "aarch64").repository.url.endswith("/rhel9/sbsa")
    mirror = read_desired({**PARAMS, "repository_url": "https://mirror.invalid/cuda"}, UBUNTU, "x86_64").repository
    assert mirror.key_url == "https://mirror.invalid/cuda/3bf863cc.pub" and len(mirror.fingerprints) == 1
    assert read_desired({**PARAMS, "toolkits": ["11.8.0_520.61.05"]}, UBUNTU, "x86_64").repository is None
    assert read_desired({**PARAMS, "manage_repository": False}, UBUNTU, "x86_64").repository is None


def test_a_key_of_which_nobody_has_the_fingerprint_is_not_trusted():
    trixie = replace(UBUNTU, id="debian", version="13", name="Debian GNU/Linux 13")
    with pytest.raises(MlstackError, match=r"8793F200\.pub.*give repository_fingerprints"):
        read_desired(PARAMS, trixie, "x86_64")
    own = read_desired({**PARAMS, "repository_fingerprints": ["A" * 40]}, trixie, "x86_64").repository
    assert own.key_url.endswith("/debian13/x86_64/8793F200.pub") and own.fingerprints == ("A" * 40,)


def test_a_system_without_a_repository_of_nvidias_takes_a_mirror_alone():
    other = replace(UBUNTU, id="debian", version="11", name="Debian GNU/Linux 11")
    with pytest.raises(MlstackError, match="none is known for Debian GNU/Linux 11"):
        read_desired(PARAMS, other, "x86_64")
    mirror = read_desired({**PARAMS, "repository_url": "file:///srv/cuda"}, other, "x86_64").repository
    assert mirror.key_url == "file:///srv/cuda/3bf863cc.pub"


def test_the_default_is_the_newest_unless_it_is_named():
    assert read_desired({**PARAMS, "toolkits": ["12.9", "12.10"]}, UBUNTU, "x86_64").chosen.release == "12.10"
    assert (
        read_desired({**PARAMS, "toolkits": ["11.8", "12.4"], "default": "11.8"}, UBUNTU, "x86_64").chosen.release
        == "11.8"
    )
