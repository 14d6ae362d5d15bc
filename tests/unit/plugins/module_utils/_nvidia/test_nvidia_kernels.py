# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels, their modules and what boots next, read from the files of a host."""

from __future__ import annotations

import gzip
import lzma

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import (
    libraries,
    loaded,
    nouveau,
    on_disk,
    toolkits,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.kernel_module import ModuleFile
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import (
    GpuHost,
    kernel_module,
)

OLD, NEW = "6.8.0-45-generic", "6.8.0-100-generic"
FIELDS = {"version": "550.54.15", "license": "Dual MIT/GPL"}


def kernels(machine, **options):
    return {kernel.release: kernel for kernel in on_disk.kernels(machine.host, Commands(), **options)}


@pytest.mark.parametrize("pack", [None, gzip.compress, lzma.compress])
@pytest.mark.parametrize("signer", ["", "DKMS module signing key"])
def test_what_a_module_says_of_itself(tmp_path, pack, signer):
    suffix = {None: "", gzip.compress: ".gz", lzma.compress: ".xz"}[pack]
    path = tmp_path / f"nvidia.ko{suffix}"
    content = kernel_module(FIELDS, signer)
    path.write_bytes(pack(content) if pack else content)
    file = ModuleFile(str(path))
    assert file.readable and file.fields == FIELDS
    assert (file.signed, file.signer) == (bool(signer), signer)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nvidia.ko", b""),
        ("nvidia.ko", b"\x7fELF\x02\x01" + b"\xff" * 100),
        ("nvidia.ko", b"#!/bin/sh\n"),
        ("nvidia.ko.xz", b"\xfd7zXZ\x00half"),
        ("nvidia.ko.gz", b"\x1f\x8b"),
        ("nvidia.ko.zst", b"\x28\xb5\x2f\xfd"),
    ],
)
def test_a_file_that_is_no_module_says_nothing(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    file = ModuleFile(str(path))
    assert not file.readable and not file.signed and file.fields == {}


def test_modules_of_each_kernel(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.kernel(NEW, headers=False)
    machine.module(OLD, "550.54.15", signer="DKMS module signing key")
    found = kernels(machine)
    assert list(found) == [OLD, NEW], "by number, not by letter"
    assert found[OLD].running and not found[OLD].boots_next and found[NEW].boots_next
    module = found[OLD].module
    assert (module.version, module.flavour, module.origin, module.signed) == ("550.54.15", "open", "dkms", True)
    assert found[NEW].module is None and not found[NEW].headers
    assert found[NEW].registered == "550.54.15", "DKMS knows it and has not built it"


def test_prebuilt_and_runfile_modules(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.module(OLD, "550.54.15", licence="NVIDIA", dkms=False)
    module = kernels(machine)[OLD].module
    assert (module.origin, module.flavour, module.signed) == ("prebuilt", "proprietary", False)
    other = GpuHost(tmp_path / "other", kernel=OLD)
    other.write(f"/lib/modules/{OLD}/kernel/drivers/video/nvidia.ko", kernel_module(FIELDS))
    assert kernels(other)[OLD].module.origin == "runfile"


def test_debian_calls_its_module_current(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.write(f"/lib/modules/{OLD}/updates/dkms/nvidia-current-uvm.ko", kernel_module({"version": "1"}))
    assert kernels(machine)[OLD].module is None
    machine.write(f"/lib/modules/{OLD}/updates/dkms/nvidia-current.ko", kernel_module(FIELDS))
    machine.link(f"/var/lib/dkms/nvidia-current/kernel-{OLD}-x86_64", f"535.309.01/{OLD}/x86_64")
    assert kernels(machine)[OLD].module.origin == "dkms"


def test_a_packed_module_costs_nothing_where_dkms_tells_its_version(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.write(f"/lib/modules/{OLD}/updates/dkms/nvidia.ko.zst", b"\x28\xb5\x2f\xfd")
    machine.link(f"/var/lib/dkms/nvidia/kernel-{OLD}-x86_64", f"550.54.15/{OLD}/x86_64")
    commands = Commands()
    (kernel,) = on_disk.kernels(machine.host, commands, detail=False)
    assert kernel.module.version == "550.54.15" and kernel.module.signed is None and commands.count == 0


def test_a_module_packed_with_zstd_is_read_by_modinfo(tmp_path):
    """Python's library has no zstd before 3.14; the stand-in answers as modinfo of kmod 31 does."""
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.write(f"/lib/modules/{OLD}/updates/dkms/nvidia.ko.zst", b"\x28\xb5\x2f\xfd")
    program = machine.write(
        "/usr/bin/modinfo",
        '#!/bin/sh\necho "filename:       $1"\necho "version:        550.54.15"\necho "license:        NVIDIA"\n'
        'echo "sig_id:         PKCS#7"\necho "signer:         somebody"\n',
    )
    program.chmod(0o755)
    module = kernels(machine)[OLD].module
    assert (module.version, module.flavour, module.signed, module.signer) == (
        "550.54.15",
        "proprietary",
        True,
        "somebody",
    )


def test_a_folder_that_a_removed_kernel_left_is_no_kernel(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.write("/lib/modules/5.15.0-1-generic/updates/dkms/nvidia.ko", kernel_module(FIELDS))
    assert list(kernels(machine)) == [OLD]


def test_a_host_with_headers_and_no_kernel_of_its_own(tmp_path):
    """A container runs the kernel of its host, and builds for the one whose headers it has."""
    machine = GpuHost(tmp_path, kernel=OLD)
    (tmp_path / "boot" / f"vmlinuz-{OLD}").unlink()
    machine.write("/proc/sys/kernel/osrelease", "6.18.44\n")
    found = kernels(machine)
    assert found["6.18.44"].running and found[OLD].boots_next and found[OLD].headers


def test_loaded_driver_of_a_module_without_procfs(tmp_path):
    machine = GpuHost(tmp_path)
    assert loaded.read(machine.host) is None
    machine.write("/sys/module/nvidia/version", "550.54.15\n")
    machine.write("/sys/module/nvidia_uvm/refcnt", "0\n")
    driver = loaded.read(machine.host)
    assert (driver.version, driver.flavour, driver.modules) == ("550.54.15", "", ("nvidia", "nvidia_uvm"))


def test_nouveau(tmp_path):
    machine = GpuHost(tmp_path, kernel=OLD)
    machine.write(f"/lib/modules/{OLD}/kernel/drivers/gpu/drm/nouveau/nouveau.ko.xz")
    image = machine.write(f"/boot/initrd.img-{OLD}")
    free = nouveau.read(machine.host, [OLD])
    assert not free.blocked and free.initramfs == (OLD,)
    machine.write("/etc/modprobe.d/other.conf", "# blacklist nouveau\nblacklist floppy\n")
    assert not nouveau.read(machine.host, [OLD]).blocked, "a comment blocks nothing"
    block = machine.write("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\noptions nouveau modeset=0\n")
    import os

    os.utime(image, (block.stat().st_ctime - 5, block.stat().st_ctime - 5))
    found = nouveau.read(machine.host, [OLD])
    assert found.blocked and found.blocked_by == ("/etc/modprobe.d/nvidia.conf",) and found.initramfs == (OLD,)
    os.utime(image, (block.stat().st_ctime + 5, block.stat().st_ctime + 5))
    assert nouveau.read(machine.host, [OLD]).initramfs == ()
    machine.write("/proc/cmdline", "root=/dev/sda1 modprobe.blacklist=floppy,nouveau\n")
    assert "/proc/cmdline" in nouveau.read(machine.host, [OLD]).blocked_by


def test_libraries_and_container_specifications(tmp_path):
    machine = GpuHost(tmp_path)
    assert libraries.version(machine.host) == ""
    machine.libraries("535.309.01", "/usr/lib/x86_64-linux-gnu/nvidia/current")
    assert libraries.version(machine.host) == "535.309.01"
    machine.write("/etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\n  path: /usr/lib/libnvidia-ml.so.535.1.02\n")
    machine.write("/etc/cdi/other.yaml", "kind: example.com/device\n")
    assert libraries.container_specifications(machine.host) == (("/etc/cdi/nvidia.yaml", "535.1.02"),)


def test_toolkits_side_by_side(tmp_path):
    machine = GpuHost(tmp_path)
    for release, version in (("12.4", "12.4.1"), ("11.8", "11.8.20220929")):
        machine.write(f"/usr/local/cuda-{release}/version.json", f'{{"cuda": {{"version": "{version}"}}}}')
        machine.write(f"/usr/local/cuda-{release}/bin/nvcc")
    machine.write("/usr/local/cuda-11.8/bin/cuda-uninstaller")
    machine.write("/usr/local/cuda-10.1/version.txt", "CUDA Version 10.1.105\n")
    machine.write("/usr/local/cuda-10.1/bin/x")
    machine.write("/usr/local/cuda-samples/bin/x")
    machine.link("/usr/local/cuda", "/etc/alternatives/cuda")
    machine.link("/etc/alternatives/cuda", "/usr/local/cuda-12.4")
    machine.write("/usr/lib/nvidia-cuda-toolkit/bin/nvcc")
    packages = {"cuda-nvcc-12-4": "12.4.131-1", "nvidia-cuda-toolkit": "11.8.89~11.8.0-5~deb12u1"}
    found = toolkits.find(machine.host, packages)
    assert [(kit.path, kit.version, kit.default, kit.source) for kit in found] == [
        ("/usr/local/cuda-10.1", "10.1", False, "unknown"),
        ("/usr/local/cuda-11.8", "11.8", False, "runfile"),
        ("/usr/lib/nvidia-cuda-toolkit", "11.8.0", False, "distribution"),
        ("/usr/local/cuda-12.4", "12.4.1", True, "nvidia"),
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cuda": null}', '{"cuda": {"version": "new"}}'])
def test_a_broken_version_file_names_no_version(text):
    assert toolkits.parse_version_json(text) == ""
