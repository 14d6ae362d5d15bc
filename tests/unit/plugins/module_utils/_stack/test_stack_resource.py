# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stack_plan on a host: what it sees there, what stands in for it, and how it says no."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, converge
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.module_utils._stack.resource import StackPlan
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

ASKED = {
    **dict.fromkeys(("driver", "cuda", "torch", "tensorflow", "jax", "python", "facts", "catalogue")),
    "flavour": "auto",
    "wheel": "auto",
    "compat": False,
    "fail_when_impossible": False,
    "ask_driver": False,
    "catalogue_max_age": 0,
}


@pytest.fixture
def host(tmp_path):
    """A host with an A100, three Pythons and a compiler, and no driver."""
    made = GpuHost(tmp_path)
    made.write("/etc/os-release", "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=24.04\n")
    for name, value in {"vendor": "0x10de", "device": "0x20b2", "class": "0x030200"}.items():
        made.write(f"/sys/bus/pci/devices/0000:41:00.0/{name}", f"{value}\n")
    for name in ("python3.9", "python3.11", "python3.10", "python3.11-config", "gcc-13"):
        made.write(f"/usr/bin/{name}")
    made.link("/usr/bin/python3", "python3.10")
    made.link("/usr/bin/gcc", "gcc-13")
    return made


def asked(host: GpuHost, **given: object):
    """The outcome of one call."""
    redactor = Redactor([])
    context = Context(host.host, Commands(redactor), redactor, preview=False, warn=pytest.fail)
    subject = StackPlan()
    (desired,) = subject.all_desired({**ASKED, **given}, context)
    return converge(subject, desired, context, check_mode=False)


def test_it_sees_the_host_and_answers(host):
    outcome = asked(host, torch="2.x")
    assert outcome.error is None
    assert not outcome.changed
    facts = outcome.details["facts"]
    assert [gpu["product"] for gpu in facts["gpus"]] == ["A100-SXM4-80GB"]
    assert (facts["distribution"], facts["version"], facts["gcc"]) == ("ubuntu", "24.04", "13")
    assert facts["pythons"] == ["3.10", "3.11", "3.9"]
    assert outcome.details["possible"]
    assert outcome.details["stack"]["frameworks"]["torch"]["tag"] == "cu130"
    assert outcome.details["stack"]["python"] == "3.10"


def test_no_is_an_answer_and_an_error_only_where_asked(host):
    details = asked(host, cuda="12.7").details
    assert not details["possible"]
    assert details["refusal"]["conflict"] == {"cuda": "12.7"}
    error = asked(host, cuda="12.7", fail_when_impossible=True).error
    assert isinstance(error, MlstackError)
    assert error.code == "stack_impossible"
    assert error.details["refusal"]["text"] == str(error)


def test_single_facts_stand_in_for_what_is_there(host):
    details = asked(host, torch="2.x", facts={"pythons": ["3.12"], "driver": "535.129.03"}).details
    assert details["facts"]["gpus"][0]["pci_id"] == "20b2"
    assert details["facts"]["pythons"] == ["3.12"]
    assert details["stack"]["driver"]["version"] == "535.129.03"


def test_with_gpus_given_nothing_is_looked_at(host):
    details = asked(host, facts={"gpus": ["10de:1db6"], "distribution": "rocky", "version": "9.6"}).details
    assert details["facts"]["pythons"] == []
    assert details["stack"]["driver"]["flavour"] == "proprietary"
    assert details["stack"]["repository"] == "rhel9/x86_64"


def test_rows_of_ones_own_count(host):
    own = {"cuda": [{"version": "13.5.0", "driver": "620.20", "minor_driver": "620.20"}]}
    assert asked(host, cuda="13.5", catalogue=own).details["stack"]["driver"]["branch"] == "620"


@pytest.mark.parametrize(
    "desired",
    [
        {"driver": "latest"},
        {"driver": "-rf"},
        {"cuda": "12"},
        {"wheel": "rocm6"},
        {"python": "three"},
        {"torch": "newest"},
        {"torch": ">=2;rm"},
    ],
)
def test_a_desired_state_that_nothing_could_mean_is_refused(host, desired):
    assert isinstance(asked(host, **desired).error, InvalidArguments)
