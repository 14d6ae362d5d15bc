# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages may depend on that no channel has: the host's kernel, C library, processor and CUDA driver.

Source: conda's documentation of virtual packages (CEP 30), and C(CONDA_OVERRIDE_*), which every conda client reads: a
version in place of the one that is found, or empty for none.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import SUBDIRS, VirtualPackage
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_VERSION = re.compile(r"\d+(?:\.\d+)*")
_GLIBC = re.compile(rb"GNU C Library[^\n]*?version (\d+\.\d+)")
_LIBRARIES = (
    "/lib64/libc.so.6",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib/libc.so.6",
)
# The x86-64 psABI's levels: each wants what the one before wants, too. Names as in /proc/cpuinfo.
_LEVELS = (
    ("x86_64_v2", {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}),
    ("x86_64_v3", {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    ("x86_64_v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
OVERRIDABLE = ("__cuda", "__glibc", "__linux", "__archspec")


def platform_of(machine: str) -> str:
    """The subdir of a channel for a machine as uname names it. Raises InvalidArguments for one that conda does not
    know.
    """
    if machine not in SUBDIRS:
        raise InvalidArguments(
            "conda_unknown_platform",
            wanted="conda packages for this host",
            found=f"it is a {machine}, and conda has packages for {', '.join(SUBDIRS)}",
            to_fix="use such a machine",
        )
    return SUBDIRS[machine]


def detect(
    host: Host, commands: Commands | None = None, overrides: t.Mapping[str, str] | None = None
) -> tuple[VirtualPackage, ...]:
    """The virtual packages of a host.

    ``overrides`` are versions by name (C(__cuda)), empty for 'has none'; they go before the variables of the host.
    CUDA is asked of nvidia-smi, where a driver is loaded and ``commands`` are given, else of the driver's library.
    """
    overrides = _overrides(host, overrides or {})
    found = [VirtualPackage("__unix", "0")]
    detected: dict[str, t.Callable[[], str]] = {
        "__linux": lambda: _linux(host),
        "__glibc": lambda: _glibc(host),
        "__cuda": lambda: _cuda(host, commands),
    }
    for name, look in detected.items():
        version = overrides[name] if name in overrides else look()
        if version:
            found.append(VirtualPackage(name, version))
    processor = overrides["__archspec"] if "__archspec" in overrides else _processor(host)
    if processor:
        found.append(VirtualPackage("__archspec", "1", processor))
    return tuple(sorted(found, key=lambda item: item.name))


def _overrides(host: Host, given: t.Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in OVERRIDABLE:
        variable = VirtualPackage(name, "").override
        if name in given or variable in host.environ:
            found[name] = (given[name] if name in given else host.environ[variable]).strip()
    for name in given:
        if name not in OVERRIDABLE:
            raise _bad(name, given[name], f"{', '.join(OVERRIDABLE)} can be overridden")
    for name, version in found.items():
        if version and name != "__archspec" and not _VERSION.fullmatch(version):
            raise _bad(name, version, "its version is numbers with dots")
    return found


def _bad(name: str, version: str, reason: str) -> InvalidArguments:
    return InvalidArguments(
        "conda_bad_override",
        wanted=f"the virtual package {name} in version {version!r}",
        found=reason,
        to_fix="write a version such as 12.4, or nothing for a host without it",
    )


def _linux(host: Host) -> str:
    match = _VERSION.match(host.read_text("/proc/sys/kernel/osrelease") or "")
    return match.group() if match else "0"


def _glibc(host: Host) -> str:
    if host.root == "/":
        with contextlib.suppress(ValueError, OSError):
            name, _blank, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
            if name == "glibc":
                return version
    for library in _LIBRARIES:
        with contextlib.suppress(OSError), open(host.path(library), "rb") as stream:
            match = _GLIBC.search(stream.read())
            if match:
                return match.group(1).decode()
    return ""


def _processor(host: Host) -> str:
    """The level of an x86-64 processor; other machines by their name."""
    if host.machine != "x86_64":
        return host.machine
    text = host.read_text("/proc/cpuinfo") or ""
    flags = next((line.partition(":")[2].split() for line in text.splitlines() if line.startswith("flags")), [])
    reached = "x86_64"
    for level, wanted in _LEVELS:
        if not wanted <= set(flags):
            break
        reached = level
    return reached


def _cuda(host: Host, commands: Commands | None) -> str:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import loaded, smi

    if loaded.read(host) is None:
        return ""
    report = smi.ask(host, commands) if commands is not None else None
    if report is not None and _VERSION.fullmatch(report.cuda):
        return report.cuda
    return _of_library() if host.root == "/" else ""


def _of_library() -> str:
    """What the driver's own library says; it answers without touching a GPU (CUDA driver API, cuDriverGetVersion)."""
    import ctypes

    try:
        library = ctypes.CDLL("libcuda.so.1")
        version = ctypes.c_int(0)
        failed = library.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return ""
    return "" if failed or not version.value else f"{version.value // 1000}.{version.value % 1000 // 10}"
