# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual packages: of this host as rattler and mamba find them, of recorded ones by their files, and overridden."""

from __future__ import annotations

import os
import platform
import re

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import virtual_packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

V1 = "fpu vme de pse tsc msr sse sse2"
V2 = f"{V1} cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


class Machine(Host):
    """A host of another architecture than this one."""

    machine = "x86_64"


def host(root, files=None, machine="x86_64", **environ):
    for path, content in (files or {}).items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Machine(str(root), environ)
    found.machine = machine
    return found


def detect(found, commands=None, **overrides):
    packages = virtual_packages.detect(found, commands, {f"__{name}": value for name, value in overrides.items()})
    return {item.name: (item.version, item.build) for item in packages}


def test_this_host():
    found = detect(Host("/", {}))
    assert found["__unix"] == ("0", "0")
    assert found["__linux"][0] == re.match(r"[\d.]*\d", platform.release()).group()
    assert found["__glibc"][0] == os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    assert re.fullmatch(r"x86_64(_v[234])?|aarch64", found["__archspec"][1])
    assert list(found) == sorted(found)


def test_a_recorded_host_by_its_files(tmp_path):
    library = b"\x7fELF...\nGNU C Library (Ubuntu GLIBC 2.35-0ubuntu3.8) stable release version 2.35.\n"
    files = {
        "proc/sys/kernel/osrelease": "5.15.0-105-generic\n",
        "lib/x86_64-linux-gnu/libc.so.6": library,
        "proc/cpuinfo": f"processor : 0\nflags\t\t: {V3}\n",
    }
    assert detect(host(tmp_path, files)) == {
        "__archspec": ("1", "x86_64_v3"),
        "__glibc": ("2.35", "0"),
        "__linux": ("5.15.0", "0"),
        "__unix": ("0", "0"),
    }


@pytest.mark.parametrize(
    ("flags", "level"),
    [(V1, "x86_64"), (V2, "x86_64_v2"), (V3, "x86_64_v3"), (V4, "x86_64_v4"), (V3.replace("ssse3", ""), "x86_64")],
)
def test_levels_of_processors(tmp_path, flags, level):
    assert detect(host(tmp_path, {"proc/cpuinfo": f"flags : {flags}\n"}))["__archspec"] == ("1", level)


def test_other_processors_go_by_their_name(tmp_path):
    assert detect(host(tmp_path, machine="aarch64"))["__archspec"] == ("1", "aarch64")


def test_a_host_without_glibc_has_none(tmp_path):
    assert "__glibc" not in detect(host(tmp_path))


DRIVER = {"proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Tue Feb 27\n"}
SMI = """#!/bin/sh
cat <<'END'
<?xml version="1.0" ?>
<nvidia_smi_log>
<driver_version>535.161.08</driver_version>
<cuda_version>12.2</cuda_version>
<attached_gpus>0</attached_gpus>
</nvidia_smi_log>
END
"""


def test_cuda_is_what_the_driver_runs(tmp_path):
    found = host(tmp_path, {**DRIVER, "usr/bin/nvidia-smi": SMI}, PATH="")
    (tmp_path / "usr/bin/nvidia-smi").chmod(0o755)
    assert detect(found, Commands())["__cuda"] == ("12.2", "0")


def test_without_a_loaded_driver_there_is_no_cuda(tmp_path):
    found = host(tmp_path, {"usr/bin/nvidia-smi": SMI}, PATH="")
    (tmp_path / "usr/bin/nvidia-smi").chmod(0o755)
    commands = Commands()
    assert "__cuda" not in detect(found, commands)
    assert commands.count == 0


def test_overrides_go_before_variables_and_those_before_what_is_found(tmp_path):
    found = host(tmp_path, {"proc/sys/kernel/osrelease": "6.1.0"}, CONDA_OVERRIDE_CUDA="11.8", CONDA_OVERRIDE_LINUX="")
    assert detect(found)["__cuda"] == ("11.8", "0")
    assert "__linux" not in detect(found)
    told = detect(found, cuda="12.4", glibc="2.28", linux="5.4", archspec="zen3")
    assert told == {
        "__archspec": ("1", "zen3"),
        "__cuda": ("12.4", "0"),
        "__glibc": ("2.28", "0"),
        "__linux": ("5.4", "0"),
        "__unix": ("0", "0"),
    }
    assert "__cuda" not in detect(found, cuda="")


@pytest.mark.parametrize(("name", "value"), [("cuda", "12.x"), ("cuda", "--x"), ("glibc", "new"), ("win", "10")])
def test_overrides_that_cannot_be_meant(tmp_path, name, value):
    with pytest.raises(InvalidArguments, match=f"__{name}"):
        detect(host(tmp_path), **{name: value})


def test_platforms():
    assert virtual_packages.platform_of("x86_64") == "linux-64"
    assert virtual_packages.platform_of("aarch64") == "linux-aarch64"
    with pytest.raises(InvalidArguments, match="sparc"):
        virtual_packages.platform_of("sparc")
