# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a GPU, where the driver comes from, and what does not fit together."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import (
    findings,
    gpu_packages,
    processes,
    sources,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.info import told
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

KERNEL = "6.8.0-45-generic"
ID = "0123456789abcdef" * 4


def healthy(root):
    """A host whose driver fits in all its parts."""
    machine = GpuHost(root, kernel=KERNEL)
    machine.gpu()
    machine.load("550.54.15")
    machine.module(KERNEL, "550.54.15", signer="DKMS module signing key")
    machine.libraries("550.54.15")
    machine.write("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\n")
    machine.packages(
        "nvidia-dkms-550-open 550.54.15-0ubuntu1 hold",
        "libnvidia-compute-550 550.54.15-0ubuntu1 hold",
        "nvidia-utils-550 550.54.15-0ubuntu1",
        "nvidia-container-toolkit 1.17.8-1",
        "vim 2:9.0-1",
    )
    machine.offers("nvidia-dkms-550-open 550.54.15-0ubuntu1", "libnvidia-compute-550 550.54.15-0ubuntu1")
    return machine


def look(machine):
    return observe(machine.host, Commands())


def codes(machine):
    return [problem.code for problem in findings.problems(look(machine))]


def test_a_host_in_order_has_no_problems(tmp_path):
    machine = healthy(tmp_path)
    found = look(machine)
    assert codes(machine) == [] and findings.reboot_reasons(found) == ()
    assert found.on_disk == found.libraries == found.loaded.version == "550.54.15"
    assert found.sources == ("nvidia",)
    assert findings.next_boot(found)["would_load"] is True
    assert {piece.package: (piece.name, piece.held) for piece in found.pieces} == {
        "nvidia-container-toolkit": ("container_toolkit", False),
        "nvidia-dkms-550-open": ("kernel_module", True),
        "libnvidia-compute-550": ("libraries", True),
        "nvidia-utils-550": ("tools", False),
    }


def test_detection_starts_no_program(tmp_path):
    machine = healthy(tmp_path)
    commands = Commands()
    observe(machine.host, commands, ask_driver=False)
    assert commands.count == 0


def test_an_empty_machine(tmp_path):
    found = look(GpuHost(tmp_path, kernel=KERNEL))
    assert findings.problems(found) == () and findings.reboot_reasons(found) == ()
    result = told(found, load())
    assert result["gpus"] == [] and result["driver"]["loaded"] is None and result["reboot_required"] is False


def test_libraries_were_upgraded_below_a_running_module(tmp_path):
    """What unattended upgrades do: module and libraries on disk are new, the loaded module is old."""
    machine = healthy(tmp_path)
    machine.load("535.183.01")
    assert codes(machine) == ["library_mismatch", "module_replaced"]
    found = look(machine)
    assert all(problem.reboot for problem in findings.problems(found))
    assert findings.reboot_reasons(found) == ("the loaded driver is 535.183.01, and 550.54.15 is on disk",)


def test_a_flavour_that_waits_for_a_reboot(tmp_path):
    machine = healthy(tmp_path)
    machine.load("550.54.15", flavour="proprietary")
    (reason,) = findings.reboot_reasons(look(machine))
    assert "proprietary kernel module is loaded" in reason


def test_the_next_kernel_has_no_driver(tmp_path):
    machine = healthy(tmp_path)
    machine.kernel("6.8.0-50-generic", headers=False)
    found = look(machine)
    (problem,) = findings.problems(found)
    assert problem.code == "next_boot_without_driver" and "headers of 6.8.0-50-generic are not" in problem.text
    assert findings.next_boot(found)["would_load"] is False


def test_the_next_kernel_was_not_built_for(tmp_path):
    machine = healthy(tmp_path)
    machine.kernel("6.8.0-50-generic")
    (problem,) = findings.problems(look(machine))
    assert "DKMS knows 550.54.15 and has not built it" in problem.text


@pytest.mark.parametrize(
    ("signer", "enrolled", "text"),
    [
        ("", True, "no signature"),
        ("DKMS module signing key", False, "not enrolled"),
        ("DKMS module signing key", True, ""),
        # Its key came with the kernel, so that it does not matter which of the host's own is enrolled.
        ("Canonical Ltd. Kernel Module Signing", False, ""),
    ],
)
def test_secure_boot_and_the_next_boot(tmp_path, signer, enrolled, text):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu()
    machine.secure_boot(True)
    machine.module(KERNEL, "550.54.15", signer=signer, dkms="Canonical" not in signer)
    machine.packages("nvidia-dkms-550-open 550.54.15-0ubuntu1")
    machine.write("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\n")
    machine.write("/var/lib/dkms/mok.pub", b"certificate")
    if enrolled:
        machine.write("/sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23", b"certificate")
    found = look(machine)
    problems = [problem.text for problem in findings.problems(found) if problem.code == "next_boot_unsigned"]
    assert bool(problems) == bool(text) and all(text in problem for problem in problems)
    assert findings.next_boot(found)["would_load"] == (not text)


def test_a_mixture_of_sources(tmp_path):
    machine = healthy(tmp_path)
    machine.packages("nvidia-dkms-550-open 550.54.15-0ubuntu1", "nvidia-utils-550 550.120-0ubuntu0.24.04.1")
    machine.write("/usr/bin/nvidia-uninstall")
    found = look(machine)
    assert found.sources == ("distribution", "nvidia", "runfile")
    mixture, differs = findings.problems(found)
    assert (mixture.code, differs.code) == ("mixed_sources", "piece_differs")
    assert (
        "nvidia-utils-550 550.120-0ubuntu0.24.04.1 (distribution)" in mixture.text
        and "/usr/bin/nvidia-uninstall (runfile)" in mixture.text
    )


@pytest.mark.parametrize(
    ("name", "vendor", "source"),
    [
        ("nvidia-driver", "", "nvidia"),
        ("nvidia-driver", "NVIDIA Corporation", "nvidia"),
        ("nvidia-driver", "negativo17", "distribution"),
        ("akmod-nvidia", "RPM Fusion", "distribution"),
        # Built on the host, with no vendor in it: by akmods, and by NVIDIA.
        ("kmod-nvidia-5.14.0-427.13.1.el9_4.x86_64", "", "distribution"),
        ("kmod-nvidia-580.95.05-5.14.0-427.13.1", "", "nvidia"),
    ],
)
def test_who_made_a_package_of_rpm(tmp_path, name, vendor, source):
    package = gpu_packages.Package(name, "3:580.95.05-1.el9", vendor=vendor)
    origins = gpu_packages.origins(Host(str(tmp_path)), "RedHat", [package])
    assert origins == {name: source}
    (piece,) = sources.pieces([package], origins)
    assert piece.maker == (vendor if source == "distribution" and vendor else source)


def test_fabric_manager(tmp_path):
    machine = healthy(tmp_path)
    machine.pci("54:00.0 Bridge [0680]: NVIDIA Corporation Device [10de:1af1] (rev a1)")
    assert codes(machine) == ["fabric_manager_absent"]
    machine.packages("libnvidia-compute-550 550.54.15-0ubuntu1", "nvidia-fabricmanager-550 550.90.07-1")
    assert codes(machine) == ["piece_differs"]


def test_nouveau(tmp_path):
    machine = healthy(tmp_path)
    (tmp_path / "etc/modprobe.d/nvidia.conf").unlink()
    assert codes(machine) == ["nouveau_not_blocked"]
    machine.write("/sys/module/nouveau/refcnt", "1\n")
    assert codes(machine) == ["nouveau_loaded"]


def test_an_outdated_container_specification(tmp_path):
    machine = healthy(tmp_path)
    machine.write("/etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\npath: /usr/lib/libnvidia-ml.so.535.183.01\n")
    assert codes(machine) == ["container_specification_outdated"]


def nvidia_smi(machine, output, status=0):
    """A stand-in that prints what a real one printed."""
    program = machine.write("/usr/bin/nvidia-smi", f"#!/bin/sh\ncat <<'TEXT'\n{output}\nTEXT\nexit {status}\n")
    program.chmod(0o755)


def smi_xml(*gpus):
    body = "".join(
        f'<gpu id="{bus}"><product_name>{name}</product_name><uuid>{uuid}</uuid>'
        f"<fb_memory_usage><total>{memory}</total></fb_memory_usage>"
        f"<mig_mode><current_mig>{mig}</current_mig><pending_mig>{pending}</pending_mig></mig_mode></gpu>"
        for bus, name, uuid, memory, mig, pending in gpus
    )
    return f"<?xml version='1.0'?><nvidia_smi_log><driver_version>550.54.15</driver_version>{body}</nvidia_smi_log>"


def test_gpus_on_the_bus_and_in_the_driver_are_one(tmp_path):
    machine = healthy(tmp_path)
    machine.gpu("0000:81:00.0")
    nvidia_smi(
        machine, smi_xml(("00000000:41:00.0", "NVIDIA A100-SXM4-80GB", "GPU-1", "81920 MiB", "Disabled", "Enabled"))
    )
    found = look(machine)
    gpus = told(found, load())["gpus"]
    assert [(gpu["address"], gpu["name"], gpu["memory_mib"]) for gpu in gpus] == [
        ("0000:41:00.0", "NVIDIA A100-SXM4-80GB", 81920),
        ("0000:81:00.0", None, None),
    ]
    assert gpus[0]["mig"] == {"current": "Disabled", "pending": "Enabled", "instances": []}
    assert [problem.code for problem in findings.problems(found)] == ["gpu_not_answering", "mig_pending"]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("20b2", ("A100-SXM4-80GB", "8.0", ["open", "proprietary"], True)),
        ("1db6", ("Tesla V100-PCIE-32GB", "7.0", ["proprietary"], False)),
        ("2901", ("B200", "10.0", ["open"], True)),
        ("227f", ("Ampere GPU 10de:227f", "8.6", ["open", "proprietary"], False)),  # by its family
        ("ffff", ("unknown GPU 10de:ffff", None, [], False)),
    ],
)
def test_product_capability_and_flavours_need_no_driver(tmp_path, device, expected):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu(device=device)
    (gpu,) = told(look(machine), load())["gpus"]
    assert (gpu["product"], gpu["capability"], gpu["flavours"], gpu["verified"]) == expected


def test_a_product_of_ones_own(tmp_path):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu(device="ffff")
    own = load({"gpus": [{"id": "ffff", "product": "X1", "capability": "12.0", "modules": "open"}]})
    (gpu,) = told(look(machine), own)["gpus"]
    assert (gpu["product"], gpu["capability"], gpu["flavours"], gpu["verified"]) == ("X1", "12.0", ["open"], True)


def test_a_module_of_a_flavour_that_a_gpu_does_not_take(tmp_path):
    machine = healthy(tmp_path)
    machine.gpu("0000:81:00.0", device="1db6")
    (problem,) = told(look(machine), load())["problems"]
    assert problem["code"] == "flavour_unfit" and "0000:81:00.0 (Tesla V100-PCIE-32GB)" in problem["text"]


def test_a_driver_that_does_not_answer(tmp_path):
    machine = healthy(tmp_path)
    text = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.90"
    nvidia_smi(machine, text, 18)
    found = look(machine)
    assert (found.smi.error, found.smi.library) == ("mismatch", "550.90")
    assert codes(machine) == ["driver_not_answering"]


@pytest.mark.parametrize("name", ["/tmp/No devices were found", "\x1b[31mred", "Driver/library version mismatch"])
def test_the_name_of_a_process_says_nothing_of_the_driver(tmp_path, name):
    machine = healthy(tmp_path)
    process = f"<processes><process_info><pid>{'9' * 5000}</pid><process_name>{name}</process_name></process_info>"
    text = smi_xml(("00000000:41:00.0", "NVIDIA A100", "GPU-1", "81920 MiB", "N/A", "N/A"))
    nvidia_smi(machine, text.replace("</gpu>", f"{process}</processes></gpu>"))
    found = look(machine)
    assert found.smi.error == "" and len(found.smi.gpus) == 1
    assert codes(machine) == []


def test_a_driver_that_shows_none_of_the_gpus(tmp_path):
    machine = healthy(tmp_path)
    nvidia_smi(machine, smi_xml())
    assert codes(machine) == ["gpu_not_answering"]


def test_processes_with_user_unit_container_and_job(tmp_path):
    machine = healthy(tmp_path)
    machine.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n")
    devices = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/null")
    machine.process(10, "/usr/bin/python train.py", devices, cgroup="0::/user.slice/user-1000.slice/session-3.scope\n")
    machine.process(11, "serve", ("/dev/nvidia-uvm",), uid=0, cgroup=f"0::/system.slice/docker-{ID}.scope\n")
    machine.write(f"/var/lib/docker/containers/{ID}/config.v2.json", '{"Name": "/triton"}')
    machine.process(12, "step", ("/dev/nvidia1",), cgroup="0::/system.slice/slurmstepd.scope/job_77/step_0\n")
    machine.process(13, "/usr/bin/nvidia-persistenced", ("/dev/nvidiactl",), uid=0)
    machine.process(14, "mapper", (), maps="7f00-7f01 rw-s 00000000 00:06 512 /dev/nvidia0\n")
    machine.process(15, "/bin/sleep 1", ("/dev/null", "/dev/nvidia-log.txt"))
    found = {holder.pid: holder for holder in processes.holders(machine.host)}
    assert sorted(found) == [10, 11, 12, 13, 14]
    assert found[10].devices == ("/dev/nvidia0", "/dev/nvidiactl") and found[10].user == "ada"
    assert (found[10].command, found[10].unit) == ("/usr/bin/python train.py", "session-3.scope")
    assert (found[11].container, found[11].unit) == (f"triton ({ID[:12]})", "")
    assert (found[12].job, found[12].unit) == ("77", "slurmstepd.scope")
    assert found[13].daemon and not found[14].daemon
    assert str(found[10]) == "pid 10 (/usr/bin/python train.py) of ada, unit session-3.scope"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", "", "")),
        ("0::/system.slice/jupyter.service\n", ("jupyter.service", "", "")),
        ("0::/user.slice/user-1.slice/user@1.service/app.slice/run.scope\n", ("run.scope", "", "")),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope\n", ("", ID, "")),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", ("", ID, "")),
        (f"12:devices:/docker/{ID}\n1:name=systemd:/docker/{ID}\n", ("", ID, "")),
        (f"0::/kubepods/burstable/pod1/{ID}\n", ("", ID, "")),
        (
            "9:freezer:/slurm/uid_1000/job_42/step_0\n1:name=systemd:/system.slice/slurmd.service\n",
            ("slurmd.service", "", "42"),
        ),
        ("half\n", ("", "", "")),
    ],
)
def test_control_groups(text, expected):
    assert processes.parse_cgroup(text) == expected


@pytest.mark.parametrize(
    ("package", "piece"),
    [
        ("nvidia-dkms-580-open", "kernel_module"),
        ("nvidia-dkms-open", "kernel_module"),
        ("nvidia-kernel-dkms", "kernel_module"),
        ("nvidia-open-kernel-dkms", "kernel_module"),
        ("linux-modules-nvidia-535-server-open-6.8.0-45-generic", "kernel_module"),
        ("kmod-nvidia-open-dkms", "kernel_module"),
        ("libnvidia-compute-550", "libraries"),
        ("libnvidia-compute", "libraries"),
        ("nvidia-driver-cuda-libs", "libraries"),
        ("libcuda1", "libraries"),
        ("nvidia-utils-550-server", "tools"),
        ("nvidia-smi", "tools"),
        ("nvidia-driver-cuda", "tools"),
        ("cuda-drivers-550", "metapackage"),
        ("nvidia-open", "metapackage"),
        ("nvidia-headless-535-server", "metapackage"),
        ("nvidia-driver-580", "metapackage"),
        ("nvidia-driver-pinning-590", "pinning"),
        ("nvidia-fabricmanager-550", "fabric_manager"),
        ("nvidia-fabric-manager", "fabric_manager"),
        ("libnvidia-nscq-550", "nscq"),
        ("nvidia-imex-570", "imex"),
        ("nvidia-compute-utils-550", "persistence_daemon"),
        ("nvidia-persistenced", "persistence_daemon"),
        ("nvidia-container-toolkit", "container_toolkit"),
        ("libnvidia-container1", "container_toolkit"),
        ("datacenter-gpu-manager", "dcgm"),
        ("nvidia-firmware-550-550.54.15", "firmware"),
        ("cuda-toolkit-12-4", ""),
        ("nvidia-cuda-toolkit", ""),
        ("libnvidia-ml-dev", ""),  # headers of CUDA's
        ("libnccl2", ""),
    ],
)
def test_what_a_package_is_a_piece_of(package, piece):
    assert sources.piece_of(package) == piece


@pytest.mark.parametrize(
    ("version", "driver"),
    [
        ("550.54.15-0ubuntu1", "550.54.15"),
        ("3:610.57.04-1.el9", "610.57.04"),
        ("535.309.01-1~deb12u1", "535.309.01"),
        ("595.84-1", "595.84"),
        ("6.8.0-45.45+1", ""),
        ("1.17.8-1", ""),
        ("1:3.3.9", ""),
    ],
)
def test_driver_in_the_version_of_a_package(version, driver):
    assert sources.driver_of(version) == driver
