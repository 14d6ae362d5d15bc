# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the packages of the driver, from NVIDIA's repositories and from Ubuntu's archive.

Names and relations are real, among them the renames of 580 (Fabric Manager) and 590 (everything on apt). A package that
would build a kernel module puts the stand-in module where DKMS puts the real one, for every kernel whose headers are
there. It is loaded by the next stand-in boot; see files/nvidia-load.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ..package_specs import Package
from . import kernel_headers
from .kernel_module import module_file

# branch -> the versions that the repository has, the oldest first
BRANCHES = {
    "535": ("535.183.01", "535.216.03"),
    "550": ("550.54.15", "550.90.07"),
    "580": ("580.65.06", "580.95.05"),
    "590": ("590.44.01", "590.48.01"),
}
RENAMED_DAEMONS, RENAMED_ALL = 580, 590
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


def _source(version: str, flavour: str) -> dict[str, str]:
    name = f"nvidia-{version}"
    return {
        f"/usr/src/{name}/dkms.conf": f'# {flavour}\nPACKAGE_NAME="nvidia"\nPACKAGE_VERSION="{version}"\n',
        f"/usr/src/{name}/nvidia.ko.base64": base64.b64encode(module_file(version, flavour)).decode() + "\n",
    }


def _build(version: str) -> str:
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


def _unbuild(version: str) -> str:
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


def apt_packages() -> Iterator[Package]:
    """NVIDIA's repository for apt."""
    for branch, versions in BRANCHES.items():
        for version in versions:
            yield from _apt_driver(branch, version, f"-{branch}" if int(branch) < RENAMED_ALL else "", "0ubuntu1", "")
            yield from _apt_companions(branch, version)
    for branch, versions in BRANCHES.items():
        pin = f"Package: *nvidia* cuda-drivers* libxnvctrl*\nPin: version {branch}.*\nPin-Priority: 1000\n"
        yield Package(
            f"nvidia-driver-pinning-{branch}",
            branch,
            files={"/etc/apt/preferences.d/nvidia-driver-pinning": pin},
            provides=("nvidia-driver-pinning",),
            obsoletes=("nvidia-driver-pinning",),
            stand_in_for=f"nvidia-driver-pinning-{branch}",
        )
        if int(branch) < RENAMED_ALL:
            for version in versions:
                for meta in ("cuda-drivers", "nvidia-open"):
                    named = (f"{meta}-{branch} = {version}-1",)
                    yield Package(meta, version, requires=named, stand_in_for=meta)


def archive_packages(release: str) -> Iterator[Package]:
    """The server driver of Ubuntu's archive, of an Ubuntu release such as 24.04."""
    for branch in ("535", "580"):
        version = BRANCHES[branch][-1]
        yield from _apt_driver(branch, version, f"-{branch}-server", f"0ubuntu0.{release}.1", "server")
        yield from _prebuilt(branch, version, f"-{branch}-server", f"0ubuntu0.{release}.1")
        manager = f"nvidia-fabricmanager-{branch}"
        single = ("nvidia-fabricmanager-any",)
        files = daemon("nvidia-fabricmanager", "nv-fabricmanager")
        revision = f"0ubuntu0.{release}.1"
        yield Package(manager, version, revision, (), (), single, single, files, stand_in_for=manager)


def _prebuilt(branch: str, version: str, suffix: str, revision: str) -> Iterator[Package]:
    """Modules that Ubuntu has built and signed, for one kernel, and a driver without sources of any."""
    kernel = kernel_headers.release()
    full = f"{version}-{revision}"
    for flavour in FLAVOURS:
        opened = suffix + ("-open" if flavour == "open" else "")
        modules = f"linux-modules-nvidia{opened}-{kernel}"
        folder = f"/lib/modules/{kernel}/kernel/nvidia-{branch}srv{'-open' if flavour == 'open' else ''}"
        content = base64.b64encode(module_file(version, flavour)).decode()
        yield Package(
            modules,
            kernel.partition("-")[0],
            "45.45",
            (f"nvidia-kernel-common{suffix} >= {version}",),
            provides=("nvidia-prebuilt-kernel",),
            obsoletes=("nvidia-prebuilt-kernel",),
            after_install=f"mkdir -p {folder} && echo {content} | base64 -d >{folder}/nvidia.ko",
            before_removal=f"rm -rf {folder}",
            stand_in_for=modules,
        )
        headless = f"nvidia-headless-no-dkms{opened}"
        parts = tuple(f"{name}{suffix} = {full}" for name in ("libnvidia-compute", "nvidia-compute-utils"))
        yield Package(headless, version, revision, parts, stand_in_for=headless)


def _apt_driver(branch: str, version: str, suffix: str, revision: str, kind: str) -> Iterator[Package]:
    full = f"{version}-{revision}"

    def one_of(name: str, *requires: str, only: str = "", **fields: object) -> Package:
        only = only or name
        single = {"provides": (only,), "obsoletes": (only,)} if only != name + suffix else {}
        return Package(
            name + suffix, version, revision, tuple(requires), stand_in_for=name + suffix, **single, **fields
        )  # type: ignore[arg-type]

    library = f"{LIBRARIES['apt']}/libnvidia-ml.so"
    yield one_of("nvidia-kernel-common", files={f"/usr/lib/modprobe.d/nvidia{suffix}.conf": "blacklist nouveau\n"})
    yield one_of(
        "libnvidia-compute",
        files={f"{library}.{version}": "stand-in\n"},
        links={f"{library}.1": f"libnvidia-ml.so.{version}"},
    )
    yield one_of("libnvidia-gl")
    compute = f"libnvidia-compute{suffix} = {full}"
    yield one_of("nvidia-utils", compute, files={"/usr/bin/nvidia-smi": nvidia_smi(version)})
    yield one_of("nvidia-compute-utils", compute, files=daemon("nvidia-persistenced", "nvidia-persistenced"))
    for flavour in FLAVOURS:
        tail = "-open" if flavour == "open" else ""
        opened = suffix + tail
        source = Package(
            f"nvidia-kernel-source{opened}",
            version,
            revision,
            files=_source(version, flavour),
            provides=("nvidia-kernel-source-any",),
            obsoletes=("nvidia-kernel-source-any",),
            stand_in_for=f"nvidia-kernel-source{opened}",
        )
        yield source
        yield Package(
            f"nvidia-dkms{opened}",
            version,
            revision,
            (f"{source.name} = {full}", f"nvidia-kernel-common{suffix} >= {version}"),
            provides=("nvidia-dkms-kernel",),
            obsoletes=("nvidia-dkms-kernel",),
            after_install=_build(version),
            before_removal=_unbuild(version),
            stand_in_for=f"nvidia-dkms{opened}",
        )
        parts = (f"nvidia-dkms{opened} = {full}", compute, f"nvidia-utils{suffix} = {full}")
        parts += (f"nvidia-compute-utils{suffix} = {full}",)
        driver = f"nvidia-driver{opened}"
        single = ("nvidia-driver-binary",)
        yield Package(
            driver,
            version,
            revision,
            (*parts, f"libnvidia-gl{suffix} = {full}"),
            (),
            single,
            single,
            stand_in_for=driver,
        )
        if kind == "server":
            headless = f"nvidia-headless{opened}"
            yield Package(headless, version, revision, parts, stand_in_for=headless)


def _apt_companions(branch: str, version: str) -> Iterator[Package]:
    tail = f"-{branch}" if int(branch) < RENAMED_DAEMONS else ""
    for name, files in (
        ("nvidia-fabricmanager", daemon("nvidia-fabricmanager", "nv-fabricmanager")),
        ("nvidia-imex", daemon("nvidia-imex", "nvidia-imex")),
        ("libnvidia-nscq", {f"{LIBRARIES['apt']}/libnvidia-nscq.so.{version}": "stand-in\n"}),
    ):
        single = (f"{name}-any",)
        yield Package(name + tail, version, files=files, provides=single, obsoletes=single, stand_in_for=name + tail)
    driver = f"-{branch}" if int(branch) < RENAMED_ALL else ""
    for meta, flavour in ((f"cuda-drivers{driver}", ""), (f"nvidia-open{driver}", "-open")):
        needed = f"nvidia-driver{driver}{flavour} >= {version}"
        yield Package(meta, version, requires=(needed,), stand_in_for=meta)


def dnf_packages(system: str) -> Iterator[Package]:
    """NVIDIA's repository for dnf, of el9 or el10. All carry the epoch 3."""
    for branch in DNF_BRANCHES[system]:
        for version in BRANCHES[branch]:
            yield from _dnf_driver(system, branch, version)


def _dnf_driver(system: str, branch: str, version: str) -> Iterator[Package]:
    same = f"= 3:{version}"

    def part(name: str, *requires: str, **fields: object) -> Package:
        release = f"1.{system}"
        # Since R570 they say who made them.
        vendor = "NVIDIA" if int(branch) >= 570 else ""
        return Package(name, f"3:{version}", release, tuple(requires), stand_in_for=name, vendor=vendor, **fields)  # type: ignore[arg-type]

    kmods = {"proprietary": "kmod-nvidia-latest-dkms", "open": "kmod-nvidia-open-dkms"}
    for flavour, name in kmods.items():
        (other,) = set(kmods.values()) - {name}
        yield part(
            name,
            f"nvidia-kmod-common {same}",
            files=_source(version, flavour),
            provides=(f"nvidia-kmod {same}",),
            conflicts=(other,),
            after_install=_build(version),
            # Rpm installs before it removes; the other flavour's module stays, as dkms' --rpm_safe_upgrade sees to.
            before_removal=f"grep -q '# {flavour}' /usr/src/nvidia-{version}/dkms.conf || exit 0\n{_unbuild(version)}",
        )
    library = f"{LIBRARIES['dnf']}/libnvidia-ml.so"
    yield part(
        "nvidia-kmod-common", f"nvidia-kmod {same}", files={"/usr/lib/modprobe.d/nvidia.conf": "blacklist nouveau\n"}
    )
    # RPM Fusion's packages own the same files.
    fusion = "xorg-x11-drv-nvidia"
    needed = (f"nvidia-driver-libs {same}", f"nvidia-kmod-common {same}")
    yield part("nvidia-driver", *needed, conflicts=(fusion, "nvidia-x11-drv"))
    yield part("nvidia-driver-libs", f"nvidia-driver-cuda-libs {same}", conflicts=(f"{fusion}-libs",))
    yield part("nvidia-driver-cuda-libs", f"libnvidia-ml {same}", conflicts=(f"{fusion}-cuda-libs",))
    yield part(
        "libnvidia-ml",
        files={f"{library}.{version}": "stand-in\n"},
        links={f"{library}.1": f"libnvidia-ml.so.{version}"},
    )
    yield part(
        "nvidia-driver-cuda",
        f"nvidia-driver-cuda-libs {same}",
        f"nvidia-persistenced {same}",
        conflicts=(f"{fusion}-cuda",),
        files={"/usr/bin/nvidia-smi": nvidia_smi(version)},
    )
    yield part("nvidia-persistenced", files=daemon("nvidia-persistenced", "nvidia-persistenced"))
    manager = "nvidia-fabric-manager" if int(branch) < RENAMED_DAEMONS else "nvidia-fabricmanager"
    yield part(manager, files=daemon("nvidia-fabricmanager", "nv-fabricmanager"))
    yield part("nvidia-imex", files=daemon("nvidia-imex", "nvidia-imex"))
    yield part("libnvidia-nscq", files={f"{LIBRARIES['dnf']}/libnvidia-nscq.so.{version}": "stand-in\n"})
    both = (f"nvidia-driver {same}", f"nvidia-driver-cuda {same}")
    yield part("cuda-drivers", *both, f"kmod-nvidia-latest-dkms {same}")
    yield part("nvidia-open", *both, f"kmod-nvidia-open-dkms {same}")


def dnf_modules() -> str:
    """The document of the module `nvidia-driver`: its streams, their profiles and packages. Only el9 has it."""
    names: dict[str, list[str]] = {}
    for package in dnf_packages("el9"):
        names.setdefault(package.upstream.partition(".")[0], []).append(f"{package.name}-{package.full_version}.x86_64")
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
