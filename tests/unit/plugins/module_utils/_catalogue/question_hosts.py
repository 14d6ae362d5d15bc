# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of the question set, as files below a folder, and what the modules answer of them in the words of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import facts_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import STACK_OPTIONS
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import info
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import arguments, choose, package_sets
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.module_utils._stack.resource import StackPlan
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._catalogue import stack_words
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

KERNELS = {
    "jammy": "5.15.0-119-generic",
    "noble": "6.8.0-45-generic",
    "bookworm": "6.1.0-26-amd64",
    "trixie": "6.12.43+deb13-amd64",
    "rocky9": "5.14.0-570.12.1.el9_6.x86_64",
    "rocky10": "6.12.0-55.12.1.el10_0.x86_64",
}
# What is no GPU: NVSwitches of an HGX A100, and a function that only looks like one.
OTHERS = {"switches": ("1af1", "0680", 4), "bridge": ("03ef", "0680", 1)}
GRID = "nvidia-linux-grid-570"


def build(root: Path, row: dict[str, str]) -> GpuHost:
    """The files of a host."""
    system = row["system"].split()[0]
    distribution, version, python, _folder = stack_words.SYSTEMS[system]
    kernel = KERNELS[system] if row["kernel"] == "-" else row["kernel"]
    debian = distribution in ("ubuntu", "debian")
    host = GpuHost(root, family="Debian" if debian else "RedHat", kernel=kernel)
    like = "debian" if debian else "rhel"
    host.write("/etc/os-release", f"ID={distribution}\nID_LIKE={like}\nVERSION_ID={version}\n")
    host.write(f"/usr/bin/python{python}")
    host.link("/usr/bin/python3", f"python{python}")
    host.secure_boot("secure" in row["system"].split())
    if "enforced" in row["system"].split():
        host.write("/sys/module/module/parameters/sig_enforce", "Y\n")
        host.write("/proc/cmdline", "root=/dev/sda1 module.sig_enforce=1\n")
    _devices(host, row)
    if row["driver"] != "-":
        _driver(host, kernel, row)
    return host


def _devices(host: GpuHost, row: dict[str, str]) -> None:
    owner, _space, owned = row["owner"].partition(" ")
    loaded = "vfio-pci" if owner == "vfio" else "nvidia"
    place = 0x40
    for name in row["gpu"].split():
        if name == "none":
            continue
        device, pci_class, count = OTHERS.get(name, (stack_words.GPUS.get(name, ""), "0302", 1))
        for _number in range(count):
            place += 1
            host.pci(f"0000:{place:02x}:00.0 Device [{pci_class}]: NVIDIA Corporation [10de:{device}]")
            if owner == "vfio" and name == owned:
                host.link(f"/sys/bus/pci/devices/0000:{place:02x}:00.0/driver", f"/sys/bus/pci/drivers/{loaded}")
            elif row["driver"] != "-":
                host.link(f"/sys/bus/pci/devices/0000:{place:02x}:00.0/driver", "/sys/bus/pci/drivers/nvidia")


def _driver(host: GpuHost, kernel: str, row: dict[str, str]) -> None:
    """The driver of a host, where its owner has it."""
    version, flavour, *how = row["driver"].split()
    host.load(version, flavour=flavour)
    if row["owner"] == "driver container":
        host.write(f"/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{version}")
        host.write("/run/nvidia/driver/usr/bin/nvidia-smi")
        return
    host.libraries(
        version, "/usr/lib/x86_64-linux-gnu" if "debian" in host.host.read_text("/etc/os-release") else "/usr/lib64"
    )
    if row["owner"] == "lxc guest":
        _lxc(host, kernel, version)
        return
    host.module(kernel, version, licence="Dual MIT/GPL" if flavour == "open" else "NVIDIA")
    host.write("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\noptions nouveau modeset=0\n")
    if row["owner"] == "vgpu guest":
        host.packages(f"{GRID} {version}")
        host.write("/etc/nvidia/gridd.conf", "ServerAddress=licence.example\nFeatureType=4\n")
    elif "packaged" in how:
        branch = version.partition(".")[0]
        names = (f"libnvidia-compute-{branch}", f"nvidia-dkms-{branch}-open", f"nvidia-driver-{branch}-open")
        host.packages(*(f"{name} {version}-0ubuntu1" for name in names))


def _lxc(host: GpuHost, kernel: str, version: str) -> None:
    """A guest without a kernel of its own, as LXC shows itself to what runs in it. It has the libraries alone."""
    branch = version.partition(".")[0]
    host.packages(*(f"{name}-{branch} {version}-0ubuntu1" for name in ("libnvidia-compute", "nvidia-utils")))
    host.write("/run/systemd/container", "lxc\n")
    host.write("/proc/1/environ", "container=lxc\0")
    for path in (f"boot/vmlinuz-{kernel}", f"lib/modules/{kernel}/modules.order", f"lib/modules/{kernel}/build"):
        (host.root / path).unlink()
    (host.root / f"lib/modules/{kernel}").rmdir()


def answer(host: GpuHost, row: dict[str, str]) -> str:
    """What the module says that the question is for."""
    ask, _colon, desired = row["ask"].partition(": ")
    return {"plan": _plan, "driver": _target}.get(ask, _told)(host, row, desired or ask)


def _plan(host: GpuHost, row: dict[str, str], desired: str) -> str:
    """stack_plan: a set in the words of stacks.txt. What no file tells stands beside it."""
    traits = row["system"].split()[1:]
    given: dict[str, Any] = {"today": stack_words.TODAY, "managed_pythons": "own" not in traits}
    glibc = next((trait[5:] for trait in traits if trait.startswith("glibc")), "")
    given["architecture"] = "aarch64" if stack_words.ARM & set(row["gpu"].split()) else "x86_64"
    given["glibc"] = glibc
    context = _context(host)
    params = dict.fromkeys((*STACK_OPTIONS, "compat", "catalogue"))
    params.update(facts=given, fail_when_impossible=False, ask_driver=False, catalogue_max_age=0)
    plan = StackPlan()
    (question,) = plan.all_desired(params, context)
    facts = facts_of(plan.describe(question, plan.observe(question, context))["facts"])
    return stack_words.told(solve(facts, stack_words.all_desired(desired), load()))


def _target(host: GpuHost, row: dict[str, str], desired: str) -> str:
    """nvidia_driver: the driver that it would bring, `refused CODE`, or `no driver` for either where owners count."""
    context = _context(host)
    given = {name: default.get("default") for name, default in arguments.SPEC.items()}
    given.update(part.strip().split(" ") for part in desired.split(",") if desired != "driver")
    try:
        asked = arguments.read_desired(given, host.host.distribution(), "x86_64")
        found = observe(host.host, context.commands, detail=False, ask_driver=False)
        chosen = choose.target(asked, host.host.distribution(), found, host.host, {})
    except MlstackError as error:
        return "no driver" if row["answer"] == "no driver" else f"refused {error.code}"
    return f"driver {chosen.branch} {chosen.flavour}" if chosen is not None else "no driver"


def _told(host: GpuHost, row: dict[str, str], ask: str) -> str:
    """gpu_info: one of the things that it tells."""
    if ask == "headers":
        target = Target("nvidia", "580", "", "open", "dkms", "full", True, host.host.distribution())
        return " ".join(package_sets.header_packages(target, row["kernel"])).strip()
    told = info.told(observe(host.host, _context(host).commands, ask_driver=False), load())
    answers = {
        "problems": " ".join(sorted({problem["code"] for problem in told["problems"]})) or "none",
        "reboot": "yes" if told["reboot_required"] else "no",
        "loads": "yes" if told["next_boot"].get("would_load") else "no",
        "switches": str(len(told["nvswitches"])),
    }
    return answers[ask]


def _context(host: GpuHost) -> Context:
    redactor = Redactor([])
    return Context(host.host, Commands(redactor), redactor, preview=False, warn=lambda _text: None)
