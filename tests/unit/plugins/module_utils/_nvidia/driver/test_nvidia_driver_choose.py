# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a desired state that leaves things open to one driver, with the user's own rows among the tables."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import arguments, choose
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

NOBLE = Distribution("ubuntu", "24.04", "noble", "Ubuntu 24.04 LTS", "Debian")
OWN = {"gpus": [{"id": "ffff", "product": "X1", "capability": "7.0", "modules": "proprietary"}]}


def desired(**given):
    defaults = {name: spec.get("default") for name, spec in arguments.SPEC.items()}
    return arguments.read_desired({**defaults, **given}, NOBLE, "x86_64")


def chosen(tmp_path, device, noted=None, release="", kernel="6.8.0-45-generic", **given):
    machine = GpuHost(tmp_path / str(len(list(tmp_path.iterdir()))), kernel=kernel)
    machine.write("/etc/os-release", release or "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=24.04\n")
    machine.gpu(device=device)
    found = observe.of_driver(machine.host, Commands(), {})
    return choose.target(desired(**given), NOBLE, found, machine.host, noted or {})


@pytest.mark.parametrize(
    ("device", "given", "expected"),
    [
        ("20b2", {}, ("580", "open")),
        ("1db6", {}, ("580", "proprietary")),
        ("20b2", {"branch": "535"}, ("535", "proprietary")),
        ("2901", {"branch": "595"}, ("595", "open")),
        ("ffff", {}, ("580", "open")),  # what nobody knows is not refused
        ("ffff", {"catalogue": OWN}, ("580", "proprietary")),
    ],
)
def test_the_solver_chooses_branch_and_flavour(tmp_path, device, given, expected):
    target = chosen(tmp_path, device, **given)
    assert (target.branch, target.flavour) == expected


def test_what_a_repository_has_and_a_kernel_takes_is_left_to_the_host(tmp_path):
    """A mirror or an installer can have what NVIDIA's own repository for EL 10 never had."""
    el10 = "ID=rocky\nID_LIKE=rhel\nVERSION_ID=10.0\n"
    target = chosen(tmp_path, "20b2", release=el10, kernel="6.12.0-55.9.1.el10_0.x86_64", branch="470")
    assert (target.branch, target.flavour) == ("470", "proprietary")


def test_an_impossible_desired_state_names_the_nearest_one(tmp_path):
    with pytest.raises(MlstackError, match=r"no driver after branch 580.*take driver 580"):
        chosen(tmp_path, "1db6", branch="595")


def test_an_answer_that_was_noted_is_asked_again_for_other_rows(tmp_path):
    noted = {"asked": list(chosen(tmp_path, "ffff").asked), "branch": "580", "flavour": "open"}
    assert chosen(tmp_path, "ffff", noted).flavour == "open"
    assert chosen(tmp_path, "ffff", noted, catalogue=OWN).flavour == "proprietary"


def test_rows_that_nothing_could_mean_are_refused():
    with pytest.raises(InvalidArguments, match="the table colours"):
        desired(catalogue={"colours": []})
