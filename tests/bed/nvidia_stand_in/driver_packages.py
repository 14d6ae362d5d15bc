# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all stand-ins for packages of the driver have in common, and those of NVIDIA's repositories for dnf.

A package that would build a kernel module puts the stand-in module where DKMS puts the real one, for every kernel whose
headers are there. It is loaded by the next stand-in boot; see files/nvidia-load. `apt_packages.py` has those for apt.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ..package_specs import Package
from .kernel_module import module_file

# branch -> the versions that the repository has, the oldest first
BRANCHES = {
    "535": ("535.183.01", "535.216.03"),
    "550": ("550.54.15", "550.90.07"),
    "580": ("580.65.06", "580.95.05"),
    "590": ("590.44.01", "590.48.01"),
}
RENAMED_DAEMONS, RENAMED_ALL = 580, 590  # on dnf and apt, and on apt alone
FLAVOURS = ("proprietary", "open")
# dnf's streams: (branch, flavour); `latest-dkms` and `open-dkms` follow the newest.
STREAMS = {
    "535-dkms": ("535", "proprietary"),
    "550-dkms": ("550", "proprietary"),
    "550-open": ("550", "open"),
    "580-dkms": ("580", "proprietary"),
    "580-open": ("580", "open"),
    "590-dkms": ("590", "proprietary"),
    "590-open": ("590", "open"),
    "latest-dkms": ("590", "proprietary"),
    "open-dkms": ("590", "open"),
}
NOT_MODULAR = ("libnvidia-nscq", "nvidia-imex")
# What each of the dnf repositories has. The one for Enterprise Linux 10 begins with R580, and has no streams.
DNF_BRANCHES = {"el9": tuple(BRANCHES), "el10": ("580", "590")}
LIBRARIES = {"apt": "/usr/lib/x86_64-linux-gnu", "dnf": "/usr/lib64"}


def nvidia_smi(version: str) -> str:
    """The stand-in program: it fails as the real one does without a module, or with a module of another version."""
    library = ".".join(version.split(".")[:2])
    return f"""#!/bin/sh
# Stand-in for nvidia-smi {version}. What the GPUs answer is in /opt/bed/gpu.
if ! [ -r /proc/driver/nvidia/version ]; then
    printf '%s ' "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    echo 'Make sure that the latest NVIDIA driver is installed and running.'
    echo
    exit 9
fi
if ! grep -q '  {version}  ' /proc/driver/nvidia/version; then
    echo 'Failed to initialize NVML: Driver/library version mismatch'
    echo 'NVML library version: {library}'
    exit 18
fi
exec python3 /opt/bed/gpu/answer_as_nvidia_smi.py {version} "$@"
"""


def daemon(name: str, program: str) -> dict[str, str]:
    return {
        f"/usr/bin/{program}": f"#!/bin/sh\n# Stand-in for {program}.\nexec sleep infinity\n",
        f"/usr/lib/systemd/system/{name}.service": (
            f"[Unit]\nDescription=Stand-in for {name}\nConditionPathExists=/proc/driver/nvidia/version\n"
            f"[Service]\nExecStart=/usr/bin/{program}\n[Install]\nWantedBy=multi-user.target\n"
        ),
    }


def sources(version: str, flavour: str) -> dict[str, str]:
    name = f"nvidia-{version}"
    return {
        f"/usr/src/{name}/dkms.conf": f'# {flavour}\nPACKAGE_NAME="nvidia"\nPACKAGE_VERSION="{version}"\n',
        f"/usr/src/{name}/nvidia.ko.base64": base64.b64encode(module_file(version, flavour)).decode() + "\n",
    }


def build(version: str) -> str:
    """What DKMS would do: the module for every kernel with headers, and DKMS' own notes of it, in place of those that
    an older package's script would take away."""
    return f"""\
for other in /var/lib/dkms/nvidia/[0-9]*; do
    [ "$other" = /var/lib/dkms/nvidia/{version} ] || rm -rf "$other"
done
mkdir -p /var/lib/dkms/nvidia/{version}
ln -sfn /usr/src/nvidia-{version} /var/lib/dkms/nvidia/{version}/source
for build in /lib/modules/*/build; do
    [ -e "$build" ] || continue
    kernel=${{build%/build}}
    mkdir -p "$kernel/updates/dkms" "/var/lib/dkms/nvidia/{version}/${{kernel##*/}}/x86_64/module"
    base64 -d /usr/src/nvidia-{version}/nvidia.ko.base64 >"$kernel/updates/dkms/nvidia.ko"
    ln -sfn "{version}/${{kernel##*/}}/x86_64" "/var/lib/dkms/nvidia/kernel-${{kernel##*/}}-x86_64"
done"""


def unbuild(version: str) -> str:
    return f"""\
rm -rf /var/lib/dkms/nvidia/{version}
for link in /var/lib/dkms/nvidia/kernel-*; do
    case "$(readlink "$link" || true)" in
        {version}/*)
            kernel=$(basename "${{link##*/kernel-}}" -x86_64)
            rm -f "$link" "/lib/modules/$kernel/updates/dkms/nvidia.ko"
            rmdir --ignore-fail-on-non-empty "/lib/modules/$kernel/updates/dkms" ;;
    esac
done
rmdir --ignore-fail-on-non-empty /var/lib/dkms/nvidia 2>/dev/null || true"""


def dnf_packages(system: str) -> Iterator[Package]:
    """NVIDIA's repository for dnf, of el9 or el10. All carry the epoch 3."""
    for branch in DNF_BRANCHES[system]:
        for version in BRANCHES[branch]:
            yield from _dnf_driver(system, branch, version)


def _dnf_driver(system: str, branch: str, version: str) -> Iterator[Package]:
    same = f"= 3:{version}"

    # Since R570 they say who made them.
    vendor = "NVIDIA" if int(branch) >= 570 else ""

    def part(name: str, *requires: str, epoch: str = "3:", dist: str = f".{system}", **fields: object) -> Package:
        full = f"{epoch}{version}"
        return Package(name, full, f"1{dist}", tuple(requires), stand_in_for=name, vendor=vendor, **fields)  # type: ignore[arg-type]

    # What is not built with the driver: neither an epoch nor a mark of the distribution.
    def beside(name: str, **fields: object) -> Package:
        return part(name, epoch="", dist="", **fields)

    kmods = {"proprietary": "kmod-nvidia-latest-dkms", "open": "kmod-nvidia-open-dkms"}
    for flavour, name in kmods.items():
        (other,) = set(kmods.values()) - {name}
        yield part(
            name,
            f"nvidia-kmod-common {same}",
            files=sources(version, flavour),
            provides=(f"nvidia-kmod {same}",),
            conflicts=(other,),
            after_install=build(version),
            # Rpm installs before it removes; the other flavour's module stays, as dkms' --rpm_safe_upgrade sees to.
            before_removal=f"grep -q '# {flavour}' /usr/src/nvidia-{version}/dkms.conf || exit 0\n{unbuild(version)}",
        )
    # At 550 there was no host with less than everything, and modprobe belonged to one driver.
    split = int(branch) >= 570
    kmod_common = (f"nvidia-kmod {same}", "nvidia-modprobe" if split else f"nvidia-driver {same}")
    file = {"/usr/lib/modprobe.d/nvidia.conf": "blacklist nouveau\n"}
    yield part("nvidia-kmod-common", *kmod_common, files=file)
    yield part("nvidia-modprobe", *(() if split else (f"nvidia-driver {same}",)))
    yield part("nvidia-settings")
    # RPM Fusion's packages own the same files.
    fusion = "xorg-x11-drv-nvidia"
    needed = (f"nvidia-driver-libs {same}", f"nvidia-kmod-common {same}")
    yield part("nvidia-driver", *needed, conflicts=(fusion, "nvidia-x11-drv"))
    yield part("nvidia-driver-libs", f"nvidia-driver-cuda-libs {same}", conflicts=(f"{fusion}-libs",))
    library = f"{LIBRARIES['dnf']}/libnvidia-ml.so"
    ml = "libnvidia-ml" if split else "nvidia-driver-NVML"
    libraries = (f"{ml} {same}", f"libnvidia-cfg {same}") if split else (f"{ml} {same}",)
    yield part("nvidia-driver-cuda-libs", *libraries, conflicts=(f"{fusion}-cuda-libs",))
    yield part(
        ml,
        files={f"{library}.{version}": "stand-in\n"},
        links={f"{library}.1": f"libnvidia-ml.so.{version}"},
        provides=(f"nvidia-driver-NVML {same}",) if split else (),
        obsoletes=(f"nvidia-driver-NVML < 3:{version}",) if split else (),
    )
    if split:
        yield part("libnvidia-cfg")
    yield part(
        "nvidia-driver-cuda",
        *(f"nvidia-driver-cuda-libs {same}", f"nvidia-persistenced {same}"),
        *((f"nvidia-kmod-common {same}",) if split else ()),
        conflicts=(f"{fusion}-cuda",),
        files={"/usr/bin/nvidia-smi": nvidia_smi(version)},
    )
    daemons = daemon("nvidia-persistenced", "nvidia-persistenced")
    yield part(
        "nvidia-persistenced", f"libnvidia-cfg >= 3:{version}" if split else f"nvidia-driver-cuda {same}", files=daemons
    )
    manager = "nvidia-fabric-manager" if int(branch) < RENAMED_DAEMONS else "nvidia-fabricmanager"
    yield beside(manager, files=daemon("nvidia-fabricmanager", "nv-fabricmanager"))
    yield beside("nvidia-imex", files=daemon("nvidia-imex", "nvidia-imex"))
    nscq = f"libnvidia-nscq-{branch}" if int(branch) < RENAMED_DAEMONS else "libnvidia-nscq"
    only = () if nscq == "libnvidia-nscq" else ("libnvidia-nscq",)
    file = {f"{LIBRARIES['dnf']}/libnvidia-nscq.so.{version}": "stand-in\n"}
    yield beside(nscq, files=file, provides=only, conflicts=only)
    both = (f"nvidia-driver {same}", f"nvidia-driver-cuda {same}", f"nvidia-settings {same}")
    yield part("cuda-drivers", *both, f"kmod-nvidia-latest-dkms {same}")
    yield part("nvidia-open", *both, f"kmod-nvidia-open-dkms {same}")


def dnf_modules() -> str:
    """The document of the module `nvidia-driver`: its streams, their profiles and packages. Only el9 has it."""
    names: dict[str, list[str]] = {}
    for package in dnf_packages("el9"):
        if package.name.startswith(NOT_MODULAR):
            continue
        epoch = "" if package.epoch else "0:"
        artifact = f"{package.name}-{epoch}{package.full_version}.x86_64"
        names.setdefault(package.upstream.partition(".")[0], []).append(artifact)
    documents = []
    for number, (stream, (branch, flavour)) in enumerate(STREAMS.items()):
        unwanted = {"proprietary": "kmod-nvidia-open-dkms", "open": "kmod-nvidia-latest-dkms"}[flavour]
        meta = {"proprietary": "cuda-drivers", "open": "nvidia-open"}[flavour]
        other = {"proprietary": "nvidia-open-3", "open": "cuda-drivers"}[flavour]
        artifacts = [name for name in names[branch] if not name.startswith((unwanted, other))]
        documents.append(
            f"---\ndocument: modulemd\nversion: 2\ndata:\n  name: nvidia-driver\n  stream: '{stream}'\n"
            f"  version: 20260101000000\n  context: bed{number:05d}\n  arch: x86_64\n"
            f"  summary: Stand-in for NVIDIA's driver, stream {stream}\n  description: stand-in\n"
            "  license:\n    module: [MIT]\n  dependencies:\n  - requires:\n      platform: [el9]\n"
            f"  profiles:\n    default:\n      rpms: [{meta}]\n    fm:\n      rpms: [{meta}]\n"
            "  artifacts:\n    rpms:\n" + "".join(f"    - {name}\n" for name in artifacts) + "...\n"
        )
    return "".join(documents)
