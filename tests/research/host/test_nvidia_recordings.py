# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of real machines, read one by one. A recording without a row here fails the test.

The expectations were written by reading the files.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import (
    dkms,
    hardware,
    loaded,
    secure_boot,
    smi,
    toolkits,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "data" / "gpu" / "recordings"
pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings beside the checkout: {RECORDINGS}")

SUPER = "smi-captures/linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04"
H100 = "smi-captures/linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01"
H100_MIG = "smi-captures/linux-x86_64__nvidia-h100-mig__590.48.01"
H200_MIG = "smi-captures/linux-x86_64__nvidia-h200-mig__590.48.01"
WINDOWS = "smi-captures/windows-x86_64__nvidia-geforce-rtx-2080-super__610.62"
V100 = "smi-table/dle__tesla-v100-sxm2-418-40-04-drv418-40-04.txt"
ADA = "smi-xml/telegraf__rtx-4000-sff-ada-v13.xml"

# file -> driver, CUDA, number of GPUs, name and memory of the first, number of MIG instances and of processes
REPORTS = {
    f"{SUPER}/L.txt": ("", "", 1, "NVIDIA GeForce RTX 2080 SUPER", None, 0, 0),
    f"{SUPER}/q-idle.txt": ("610.57.04", "13.3", 1, "NVIDIA GeForce RTX 2080 SUPER", 8192, 0, 2),
    f"{SUPER}/query-gpu-idle.csv": ("610.57.04", "", 1, "NVIDIA GeForce RTX 2080 SUPER", 8192, 0, 0),
    f"{SUPER}/table-idle.txt": ("610.57.04", "13.3", 1, "NVIDIA GeForce RTX 2080 ...", 8192, 0, 2),
    f"{SUPER}/table-load.txt": ("610.57.04", "13.3", 1, "NVIDIA GeForce RTX 2080 ...", 8192, 0, 4),
    f"{SUPER}/version.txt": ("610.57.04", "13.3", 0, "", None, 0, 0),
    f"{SUPER}/compute-apps-idle.csv": ("", "", 0, "", None, 0, 0),
    f"{H100}/L.txt": ("", "", 1, "NVIDIA H100 80GB HBM3", None, 0, 0),
    f"{H100}/q-idle.txt": ("590.48.01", "13.1", 1, "NVIDIA H100 80GB HBM3", 81559, 0, 0),
    f"{H100}/query-gpu-idle.csv": ("590.48.01", "", 1, "NVIDIA H100 80GB HBM3", 81559, 0, 0),
    f"{H100}/table-idle.txt": ("590.48.01", "13.1", 1, "NVIDIA H100 80GB HBM3", 81559, 0, 0),
    f"{H100}/table-load.txt": ("590.48.01", "13.1", 1, "NVIDIA H100 80GB HBM3", 81559, 0, 3),
    f"{H100}/version.txt": ("590.48.01", "13.1", 0, "", None, 0, 0),
    f"{H100}/compute-apps-idle.csv": ("", "", 0, "", None, 0, 0),
    f"{H100_MIG}/L.txt": ("", "", 1, "NVIDIA H100 80GB HBM3", None, 4, 0),
    f"{H100_MIG}/q-idle.txt": ("590.48.01", "13.1", 1, "NVIDIA H100 80GB HBM3", 81559, 4, 0),
    f"{H100_MIG}/query-gpu-idle.csv": ("590.48.01", "", 1, "NVIDIA H100 80GB HBM3", 81559, 0, 0),
    f"{H100_MIG}/table-idle.txt": ("590.48.01", "13.1", 1, "NVIDIA H100 80GB HBM3", 81559, 4, 0),
    f"{H100_MIG}/table-load.txt": ("590.48.01", "13.1", 1, "NVIDIA H100 80GB HBM3", 81559, 4, 3),
    f"{H100_MIG}/version.txt": ("590.48.01", "13.1", 0, "", None, 0, 0),
    f"{H100_MIG}/compute-apps-idle.csv": ("", "", 0, "", None, 0, 0),
    f"{H200_MIG}/L.txt": ("", "", 1, "NVIDIA H200", None, 5, 0),
    f"{H200_MIG}/q-idle.txt": ("590.48.01", "13.1", 1, "NVIDIA H200", 143771, 5, 0),
    f"{H200_MIG}/query-gpu-idle.csv": ("590.48.01", "", 1, "NVIDIA H200", 143771, 0, 0),
    f"{H200_MIG}/table-idle.txt": ("590.48.01", "13.1", 1, "NVIDIA H200", 143771, 5, 0),
    f"{H200_MIG}/table-load.txt": ("590.48.01", "13.1", 1, "NVIDIA H200", 143771, 5, 3),
    f"{H200_MIG}/version.txt": ("590.48.01", "13.1", 0, "", None, 0, 0),
    f"{H200_MIG}/compute-apps-idle.csv": ("", "", 0, "", None, 0, 0),
    f"{WINDOWS}/L.txt": ("", "", 1, "NVIDIA GeForce RTX 2080 SUPER", None, 0, 0),
    f"{WINDOWS}/q-idle.txt": ("610.62", "13.3", 1, "NVIDIA GeForce RTX 2080 SUPER", 8192, 0, 19),
    f"{WINDOWS}/query-gpu-idle.csv": ("610.62", "", 1, "NVIDIA GeForce RTX 2080 SUPER", 8192, 0, 0),
    f"{WINDOWS}/table-idle.txt": ("610.62", "13.3", 1, "NVIDIA GeForce RTX 2080 ...", 8192, 0, 19),
    f"{WINDOWS}/table-load.txt": ("610.62", "13.3", 1, "NVIDIA GeForce RTX 2080 ...", 8192, 0, 21),
    f"{WINDOWS}/version.txt": ("610.62", "13.3", 0, "", None, 0, 0),
    f"{WINDOWS}/compute-apps-idle.csv": ("", "", 0, "", None, 0, 19),
    # A log of one section only: eight GPUs, and no names.
    "smi-q/azhpc__bad_nvsmi8_output.txt": ("535.86.10", "12.2", 8, "", None, 0, 0),
    "smi-q/azhpc__orig_nvsmi8_output.txt": ("535.86.10", "12.2", 8, "", None, 0, 0),
    "smi-table/dle__quadro-gv100-440-48-02-drv440-48-02.txt": ("440.48.02", "10.2", 1, "Quadro GV100", 32506, 0, 0),
    # The tool is 430, and the driver 418.
    "smi-table/dle__tesla-k80-430-40-drv418-67.txt": ("418.67", "10.1", 1, "Tesla K80", 11441, 0, 0),
    "smi-table/dle__tesla-k80-430-50-drv418-67.txt": ("418.67", "10.1", 1, "Tesla K80", 11441, 0, 0),
    V100: ("418.40.04", "10.1", 1, "Tesla V100-SXM2...", 16130, 0, 0),
    "smi-table/pytorch-ci__550.54.15.txt": ("550.54.15", "12.4", 1, "NVIDIA A10G", 23028, 0, 0),  # with time stamps
    "smi-xml/telegraf__a100-sxm4-v12.xml": ("535.54.03", "12.2", 1, "NVIDIA A100-SXM4-80GB", 81920, 4, 0),
    "smi-xml/telegraf__gtx-1070-ti.xml": ("", "", 1, "GeForce GTX 1070 Ti", 4096, 0, 0),  # cut down: no versions
    "smi-xml/telegraf__gtx-1660-ti.xml": ("418.43", "10.1", 1, "Graphics Device", 5912, 0, 0),
    "smi-xml/telegraf__rtx-3060-v12.xml": ("570.124.04", "12.8", 1, "NVIDIA GeForce RTX 3060", 12288, 0, 0),
    ADA: ("595.84", "13.2", 1, "NVIDIA RTX 4000 SFF Ada Generation", 20475, 0, 4),
    "snippets/smi-L/a100-80g-pcie-7x1g.txt": ("", "", 1, "NVIDIA A100 80GB PCIe", None, 7, 0),
    "snippets/smi-L/dgx-station-a100-display.txt": ("", "", 3, "NVIDIA A100-SXM4-80GB", None, 6, 0),
    "snippets/smi-L/h100-r570-compute-instances.txt": ("", "", 1, "NVIDIA H100 80GB HBM3", None, 5, 0),
    "snippets/smi-query/gb10-memory-na.csv": ("580.142", "", 1, "NVIDIA GB10", None, 0, 0),  # no memory of its own
    "snippets/smi-query/rtx5070ti-wsl.csv": ("616.92", "", 1, "NVIDIA GeForce RTX 5070 Ti Laptop GPU", 12227, 0, 0),
}

# file -> error, version of the library
FAILURES = {
    "snippets/mismatch/535.230.txt": ("mismatch", "535.230"),
    "snippets/mismatch/580.159.txt": ("mismatch", "580.159"),
    "snippets/mismatch/no-devices.txt": ("no_devices", ""),
}

# file -> GPUs and NVSwitches by PCI id
DEVICES = {
    "lspci/gpud__lspci.nn.a10.txt": (["2236"], []),
    "lspci/gpud__lspci.nn.a100.txt": (["20b2"] * 8, ["1af1"] * 6),  # the id database does not name the switches
    "lspci/nvdocs__a30.txt": (["20b7"], []),
    "snippets/lspci/hgx-a100-nvswitch-nn.txt": (["20b2"] * 7, ["1af1"] * 6),
    "snippets/lspci/hgx-a100-stale-pciids.txt": ([], ["1af1"] * 6),
    "snippets/lspci/intel-igpu-plus-5090-revff.txt": (["2b85", "20b5"], []),
}

# file -> version, flavour
LOADED = {
    "proc-version/sheffield__bessemer.txt": ("418.67", "proprietary"),
    "snippets/proc-version/open-555.42.06-suse.txt": ("555.42.06", "open"),
    "snippets/proc-version/open-595.91.07-noBuildDate.txt": ("595.91.07", "open"),
    "snippets/proc-version/prop-169.12-x86-2008.txt": ("169.12", "proprietary"),
    "snippets/proc-version/prop-515.65.01-talos.txt": ("515.65.01", "proprietary"),
}

COMPILERS = {
    "nvcc/sheffield__bessemer.txt": "10.1",
    "snippets/nvcc/9.1.txt": "9.1",
    "snippets/nvcc/11.8-linux.txt": "11.8",
    "snippets/nvcc/12.1-early.txt": "12.1",
    "snippets/nvcc/12.8.txt": "12.8",
}

TOOLKITS = {
    "snippets/version-json/11.8.0-partial.json": "11.8",  # '11.8.20220929'
    "snippets/version-json/12.1.0-partial.json": "12.1",
    "snippets/version-json/13.1.1-partial.json": "13.1.1",
}

# file -> the driver that DKMS has installed, by kernel
BUILT = {
    "snippets/dkms-status/amdgpu-no-nvidia.txt": {},
    "snippets/dkms-status/dkms2-nvidia340-many.txt": {"4.13.0-32-generic": "340.104", "4.13.0-36-generic": "340.104"},
    "snippets/dkms-status/dkms3-535-vs-loaded-550.txt": {"6.8.0-31-generic": "535.154.05"},
    "snippets/dkms-status/dkms3-deprecated-feature-noise.txt": {},
}

# file -> what the firmware's own variable says in that state
SECURE_BOOT = {
    "snippets/mokutil/enabled.txt": (b"\6\0\0\0\1", True),
    "snippets/mokutil/cannot-determine.txt": (b"", None),
    "snippets/mokutil/read-setupmode-fail.txt": (b"", None),
    "snippets/mokutil/efi-unsupported.txt": (None, False),
}

# Nothing that gpu_info tells: NVLink and topology, errors in the kernel's log, and what package managers offer.
NOT_ASKED = (
    *(
        f"{capture}/{name}"
        for capture in (SUPER, H100, H100_MIG, H200_MIG, WINDOWS)
        for name in ("nvlink-s.txt", "topo-m.txt")
    ),
    "logs/gpud__dmesg-with-xid-119.log",
    "logs/gpud__nvidia-smi.nvlink.status.a100.txt",
    "snippets/apt-madison/libnccl2-ubuntu2204.txt",
    "snippets/apt-madison/policy-nvidia-610-open-noble.txt",
    "snippets/ubuntu-drivers/azure-a100-vmbus.txt",
    "snippets/ubuntu-drivers/gt350m-14.04-with-broadcom.txt",
    "snippets/ubuntu-drivers/rtx2070-20.04.txt",
    "snippets/ubuntu-drivers/rtx5060ti-ppa-570.txt",
)


def read(name):
    return (RECORDINGS / name).read_text(encoding="utf-8", errors="replace")


def test_every_recording_has_a_row():
    rows = {*REPORTS, *FAILURES, *DEVICES, *LOADED, *COMPILERS, *TOOLKITS, *BUILT, *SECURE_BOOT, *NOT_ASKED}
    files = {str(path.relative_to(RECORDINGS)) for path in RECORDINGS.rglob("*") if path.is_file()}
    assert files == rows


@pytest.mark.parametrize("name", REPORTS)
def test_what_nvidia_smi_says(name):
    report = smi.parse(read(name))
    first = report.gpus[0] if report.gpus else None
    assert not report.error
    assert (
        report.driver,
        report.cuda,
        len(report.gpus),
        first.name if first else "",
        first.memory_total if first else None,
        len(report.mig),
        len(report.processes),
    ) == REPORTS[name]


@pytest.mark.parametrize("name", FAILURES)
def test_why_nvidia_smi_says_nothing(name):
    report = smi.parse(read(name))
    assert (report.error, report.library) == FAILURES[name]
    assert report.message and not report.gpus


@pytest.mark.parametrize("name", DEVICES)
def test_devices_on_the_bus(name, tmp_path):
    machine = GpuHost(tmp_path)
    machine.pci(read(name))
    gpus, switches = hardware.scan(machine.host)
    assert ([gpu.device for gpu in gpus], [switch.device for switch in switches]) == DEVICES[name]


@pytest.mark.parametrize("name", LOADED)
def test_loaded_driver(name, tmp_path):
    machine = GpuHost(tmp_path)
    machine.write("/proc/driver/nvidia/version", read(name))
    driver = loaded.read(machine.host)
    assert (driver.version, driver.flavour) == LOADED[name]


@pytest.mark.parametrize("name", COMPILERS)
def test_compiler(name):
    assert toolkits.parse_compiler(read(name)) == COMPILERS[name]


@pytest.mark.parametrize("name", TOOLKITS)
def test_toolkit(name):
    assert toolkits.parse_version_json(read(name)) == TOOLKITS[name]


@pytest.mark.parametrize("name", BUILT)
def test_modules_that_dkms_has_built(name, tmp_path):
    """The tree that belongs to a status: only what is installed has a link for its kernel."""
    machine = GpuHost(tmp_path)
    for line in read(name).splitlines():
        head, colon, state = line.partition(": ")
        parts = head.replace("/", ", ").split(", ")
        if not colon or line.startswith("Deprecated"):
            continue
        module, version = parts[:2]
        machine.write(f"/var/lib/dkms/{module}/{version}/source/dkms.conf")
        if state.startswith("installed"):
            machine.link(f"/var/lib/dkms/{module}/kernel-{parts[2]}-{parts[3]}", f"{version}/{parts[2]}/{parts[3]}")
    assert dkms.built(machine.host) == BUILT[name]


@pytest.mark.parametrize("name", SECURE_BOOT)
def test_secure_boot(name, tmp_path):
    machine = GpuHost(tmp_path)
    variable, expected = SECURE_BOOT[name]
    assert read(name).strip()
    if variable is not None:
        guid = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
        machine.write(f"/sys/firmware/efi/efivars/SecureBoot-{guid}", variable)
    assert secure_boot.enabled(machine.host) is expected


def test_masked_identities_stay_apart_by_place():
    """Somebody masked every UUID: GPUs and instances are still told apart by their numbers."""
    report = smi.parse(read(f"{H100_MIG}/L.txt"))
    assert {gpu.uuid for gpu in report.gpus} == {"GPU-00000000-0000-0000-0000-000000000000"}
    assert [(instance.gpu_index, instance.device, instance.profile) for instance in report.mig] == [
        (0, 0, "3g.40gb"), (0, 1, "2g.20gb"), (0, 2, "1g.10gb"), (0, 3, "1g.10gb"),
    ]  # fmt: skip


def test_instances_of_a_listing_join_the_numbers_of_the_log():
    numbered = smi.parse(read(f"{H100_MIG}/q-idle.txt")).mig
    listed = smi.parse(read(f"{H100_MIG}/L.txt")).mig
    joined = smi.smi_listing.merged(numbered, listed)
    assert [(i.profile, i.gpu_instance, i.compute_instance) for i in joined] == [
        ("3g.40gb", 2, 0), ("2g.20gb", 3, 0), ("1g.10gb", 9, 0), ("1g.10gb", 10, 0),
    ]  # fmt: skip


def test_mode_of_mig():
    modes = {name: smi.parse(read(f"{name}/q-idle.txt")).gpus[0].mig_current for name in (SUPER, H100, H100_MIG)}
    assert modes == {SUPER: "", H100: "Disabled", H100_MIG: "Enabled"}


def test_capability_and_address_where_a_query_tells():
    for name, capability, address in (
        (f"{SUPER}/query-gpu-idle.csv", "7.5", "00000000:0C:00.0"),
        (f"{H100}/query-gpu-idle.csv", "9.0", "00000000:00:09.0"),
        ("snippets/smi-query/gb10-memory-na.csv", "12.1", "0000000F:01:00.0"),
    ):
        gpu = smi.parse(read(name)).gpus[0]
        assert (gpu.compute_capability, gpu.bus_id) == (capability, address)


def test_the_tool_is_not_the_driver():
    report = smi.parse(read("smi-table/dle__tesla-k80-430-50-drv418-67.txt"))
    assert (report.tool, report.driver) == ("430.50", "418.67")


def test_processes_under_load():
    report = smi.parse(read(f"{H200_MIG}/table-load.txt"))
    assert [(process.pid, process.name, process.memory) for process in report.processes] == [
        (12249, "/root/tools/memhog", 2194), (12250, "/root/tools/memhog", 1170), (12267, "./gpu_burn", 13526),
    ]  # fmt: skip
    named = [process.name for process in smi.parse(read(f"{WINDOWS}/compute-apps-idle.csv")).processes]
    assert r"C:\Program Files\NVIDIA Corporation\NVIDIA App\CEF\NVIDIA Overlay.exe" in named
