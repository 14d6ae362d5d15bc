# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a GPU is decides what its host is asked, told and given."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import DesiredStack, Refusal
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import choose, plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DesiredDriver, DriverState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.facts import host_facts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.info import told
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

UBUNTU = Distribution("ubuntu", "24.04", "noble", "Ubuntu 24.04", "Debian")
KERNEL = "6.8.0-45-generic"
A100, K80, V100, H100, B200, GTX1080 = "20b2", "102d", "1db4", "2330", "2901", "1b80"


def bind(machine, address, driver):
    machine.link(f"/sys/bus/pci/devices/{address}/driver", f"../../../bus/pci/drivers/{driver}")


def serving(root, device, version="580.95.05"):
    """A host whose own driver serves one GPU."""
    machine = GpuHost(root, kernel=KERNEL)
    machine.gpu("0000:41:00.0", device)
    bind(machine, "0000:41:00.0", "nvidia")
    machine.load(version)
    machine.module(KERNEL, version)
    machine.libraries(version)
    machine.write("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\n")
    return machine


def look(machine):
    return observe(machine.host, Commands(), ask_driver=False)


def shown(machine):
    return told(look(machine), load(None))


def target(machine, **desired):
    return choose.target(DesiredDriver(**desired), UBUNTU, look(machine), machine.host, {})


def planned(machine, **desired):
    found = look(machine)
    wanted = DesiredDriver(**desired)
    return plan.plan(wanted, DriverState(host=found, target=choose.target(wanted, UBUNTU, found, machine.host, {})))


@pytest.mark.parametrize("passed_on", ["vfio-pci", "pci-stub", "xen-pciback", "nvgrace_gpu_vfio_pci"])
def test_a_gpu_of_a_virtual_machine_decides_nothing_here(tmp_path, passed_on):
    machine = serving(tmp_path, A100)
    machine.gpu("0000:81:00.0", K80)
    bind(machine, "0000:81:00.0", passed_on)
    assert [(gpu["pci_id"], gpu["owner"]) for gpu in shown(machine)["gpus"]] == [
        ("10de:20b2", "host"),
        ("10de:102d", "vfio"),
    ]
    # A Tesla K80 has no driver after branch 470.
    assert target(machine, branch="580").branch == "580"
    facts = host_facts(look(machine), machine.host)
    answer = solve(facts, DesiredStack(torch="2.x"), load(None))
    assert not isinstance(answer, Refusal) and answer.driver.version == "580.95.05"


def test_a_gpu_of_a_virtual_machine_is_no_problem_of_this_host(tmp_path):
    machine = serving(tmp_path, H100)
    machine.gpu("0000:81:00.0", V100)
    bind(machine, "0000:81:00.0", "vfio-pci")
    assert shown(machine)["problems"] == []
    bind_free = GpuHost(tmp_path / "free", kernel=KERNEL)
    bind_free.gpu("0000:81:00.0", V100)
    bind_free.module(KERNEL, "580.95.05")
    assert [problem["code"] for problem in shown(bind_free)["problems"]].count("flavour_unfit") == 1


def test_a_blackwell_beside_an_old_card_of_a_virtual_machine_gets_its_driver(tmp_path):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu("0000:41:00.0", B200)
    machine.gpu("0000:81:00.0", GTX1080)
    bind(machine, "0000:81:00.0", "vfio-pci")
    answer = solve(host_facts(look(machine), machine.host), DesiredStack(), load(None))
    assert not isinstance(answer, Refusal) and answer.driver.flavour == "open"


def test_a_host_that_passes_on_all_of_its_gpus_gets_no_driver_and_is_told_why(tmp_path):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu("0000:81:00.0", A100)
    bind(machine, "0000:81:00.0", "vfio-pci")
    for desired in ({}, {"branch": "580"}):
        made = planned(machine, **desired)
        assert not made.changed
        assert "0000:81:00.0 is bound to vfio-pci, for a virtual machine" in made.details["skipped"]


def test_a_virtual_function_is_for_a_virtual_machine(tmp_path):
    machine = serving(tmp_path, A100)
    machine.gpu("0000:41:00.4", A100)
    machine.link("/sys/bus/pci/devices/0000:41:00.4/physfn", "../0000:41:00.0")
    assert [gpu["owner"] for gpu in shown(machine)["gpus"]] == ["host", "virtual_function"]


def test_an_unknown_kernel_driver_is_told_and_left_alone(tmp_path):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu("0000:81:00.0", A100)
    bind(machine, "0000:81:00.0", "something-new")
    assert shown(machine)["gpus"][0]["owner"] == "other" and look(machine).usable_gpus == ()
    assert "bound to something-new" in planned(machine, branch="580").details["skipped"]


def vgpu_guest(machine):
    machine.packages("nvidia-linux-grid-570 570.237-1")


def vgpu_guest_by_file(machine):
    machine.write("/etc/nvidia/gridd.conf", "FeatureType=1\n")


def vgpu_host(machine):
    machine.write("/sys/module/nvidia_vgpu_vfio/refcnt", "0\n")


def driver_container(machine):
    machine.write("/run/nvidia/driver/usr/bin/nvidia-smi")


def lxc(machine):
    machine.write("/run/systemd/container", "lxc\n")


def wsl(machine):
    machine.write("/dev/dxg")
    machine.write("/proc/version", "Linux version 5.15.167.4-microsoft-standard-WSL2\n")


FOREIGN = [
    (vgpu_guest, "vgpu_guest", "nvidia-linux-grid-570"),
    (vgpu_guest_by_file, "vgpu_guest", "/etc/nvidia/gridd.conf"),
    (vgpu_host, "vgpu_host", "vGPU manager"),
    (driver_container, "driver_container", "/run/nvidia/driver/usr/bin/nvidia-smi"),
    (lxc, "guest_container", "lxc"),
    (wsl, "wsl", "/dev/dxg"),
]


@pytest.mark.parametrize(("mark", "kind", "evidence"), FOREIGN, ids=[row[0].__name__ for row in FOREIGN])
def test_a_driver_of_somebody_else_is_left_alone_and_no_problem(tmp_path, mark, kind, evidence):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu("0000:41:00.0", A100)
    # Loaded, of the rest of it only the libraries are here: on a host of its own that would be wrong in many ways.
    machine.load("570.211.01")
    machine.libraries("570.124.06")
    machine.packages("libnvidia-compute-570 570.124.06-0ubuntu1")
    assert findings.problems(look(machine)) != ()
    mark(machine)
    found = look(machine)
    assert found.owner.kind == kind and evidence in found.owner.evidence
    assert findings.problems(found) == () and findings.reboot_reasons(found) == ()
    assert shown(machine)["owner"] == {"kind": kind, "evidence": found.owner.evidence}
    made = planned(machine)
    assert not made.changed and made.details["skipped"] == found.owner.evidence
    for desired in ({"branch": "580"}, {"version": "580.95.05", "branch": "580"}):
        with pytest.raises(MlstackError) as refused:
            planned(machine, **desired)
        assert refused.value.code == "driver_of_others" and refused.value.found == found.owner.evidence
        assert "take_over" in refused.value.to_fix
    assert choose.left_alone(DesiredDriver(branch="580"), found)
    assert not choose.left_alone(DesiredDriver(branch="580", take_over=True), found)


@pytest.mark.parametrize("mark", [vgpu_guest, driver_container, lxc])
def test_programs_of_a_guest_get_what_its_driver_runs(tmp_path, mark):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu("0000:41:00.0", A100)
    machine.load("550.54.15")
    mark(machine)
    facts = host_facts(look(machine), machine.host)
    answer = solve(facts, DesiredStack(torch="2.x"), load(None))
    assert not isinstance(answer, Refusal)
    assert (answer.driver.version, answer.driver.kept) == ("550.54.15", True)
    assert "driver_of_others" in {note.code for note in answer.notes}
    # What this driver cannot run is refused: the advice to take another one would be none.
    refusal = solve(facts, DesiredStack(cuda="13.0"), load(None))
    assert isinstance(refusal, Refusal)
    assert not [other for other in refusal.alternatives if other.instead_of == "driver"]


def test_a_vgpu_host_has_no_gpus_for_programs(tmp_path):
    machine = serving(tmp_path, A100)
    vgpu_host(machine)
    assert look(machine).usable_gpus == () and host_facts(look(machine), machine.host).gpus == ()


def test_an_image_container_is_no_machine(tmp_path):
    machine = serving(tmp_path, A100)
    machine.write("/run/systemd/container", "docker\n")
    assert look(machine).owner.kind == "host"


def test_an_ethernet_bridge_is_no_nvswitch(tmp_path):
    machine = serving(tmp_path, A100)
    machine.pci("0000:00:08.0 Bridge [0680]: NVIDIA Corporation MCP61 Ethernet [10de:03ef] (rev a2)")
    assert look(machine).nvswitches == () and shown(machine)["problems"] == []
    machine.pci("0000:54:00.0 Bridge [0680]: NVIDIA Corporation Device [10de:1af1] (rev a1)")
    machine.pci("0000:55:00.0 Bridge [0680]: NVIDIA Corporation Device [10de:ffff] (rev a1)")
    bind(machine, "0000:55:00.0", "nvidia-nvswitch")  # newer than the list, and its driver has it
    assert [switch.device for switch in look(machine).nvswitches] == ["1af1", "ffff"]
