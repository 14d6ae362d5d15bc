# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it what was asked for: packages against the desired state, against each other, and against the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec, relations, verify, whereabouts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package, VirtualPackage
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._conda import prefixes

GLIBC = VirtualPackage("__glibc", "2.35")


def cuda(version: str) -> tuple[VirtualPackage, ...]:
    return (VirtualPackage("__cuda", version), GLIBC)


def of(name: str, version: str = "1", build: str = "0", **more: object) -> Package:
    return Package(name, version, build, **more)  # type: ignore[arg-type]


CUDA_13 = of("cuda-version", "13.0", constrains=("__cuda >=13",))
NEEDS_CUDA = of("pytorch", "2.9", "cuda130_0", depends=("__cuda",))
NEEDS_GLIBC = of("thing", depends=("__glibc >=2.40",))


@pytest.mark.parametrize(
    ("packages", "host", "words"),
    [
        ([CUDA_13], cuda("11.4"), ["cuda-version 13.0", "__cuda >=13", "NVIDIA driver", "11.4"]),
        ([NEEDS_CUDA], (GLIBC,), ["pytorch 2.9", "__cuda", "no NVIDIA driver is loaded"]),
        ([NEEDS_GLIBC], (GLIBC,), ["thing 1", "__glibc >=2.40", "2.35"]),
        ([of("thing", constrains=("__glibc >=2.40",))], (GLIBC,), ["thing 1", "__glibc >=2.40", "2.35"]),
        ([of("thing", depends=("__win",))], (GLIBC,), ["thing 1", "__win"]),
    ],
)
@pytest.mark.parametrize("settled", [False, True])
def test_what_the_host_cannot_run_is_refused_by_name(packages, host, words, settled):
    if settled and packages == [NEEDS_CUDA]:  # the driver may come after the next boot
        (warning,) = verify.check_host("environment ml", packages, host, settled=True)
        assert not [word for word in words if word not in warning]
        return
    with pytest.raises(MlstackError) as refused:
        verify.check_host("environment ml", packages, host, settled=settled)
    assert refused.value.code == "no_virtual_package"
    assert not [word for word in words if word not in refused.value.found], refused.value


def test_what_the_host_can_run_is_not():
    fine = [CUDA_13, NEEDS_CUDA, of("x", depends=("__unix", "__conda >=99", "__archspec 1 zen4"))]
    assert verify.check_host("x", fine, (*cuda("13.0"), VirtualPackage("__unix", "0"))) == []
    assert verify.check_host("x", [CUDA_13], (GLIBC,)) == []  # what only constrains speaks of what is there


CPU = of("pytorch", "2.9", "cpu_mkl_py311_0")


@pytest.mark.parametrize(
    ("packages", "host", "specs", "words"),
    [
        ([CPU], cuda("11.4"), ["pytorch"], ["pytorch 2.9 cpu_mkl_py311_0", "11.4", "pytorch=*=cuda*"]),
        ([CPU], (GLIBC,), ["pytorch", "cuda-version=12.6"], ["pytorch 2.9", "cuda-version"]),
        ([of("torchvision", "1", "py3.11_cpu_0")], cuda("12.4"), ["torchvision"], ["torchvision"]),
        ([CPU], (GLIBC,), ["pytorch"], None),
        ([CPU], cuda("11.4"), ["pytorch=*=cpu*"], None),
        ([of("pytorch", "2.9", "cuda126_0"), of("cpuinfo", "1", "h0_0")], cuda("12.6"), ["pytorch"], None),
    ],
)
def test_a_cpu_build_where_a_gpu_was_meant_is_warned_of(packages, host, specs, words):
    warnings = verify.cpu_builds("environment ml", packages, host, list(map(match_spec.parse, specs)))
    assert len(warnings) == (words is not None)
    assert not [word for word in words or () if word not in warnings[0]]


def installed(prefix: Path, **six: object) -> list[Package]:
    prefixes.record(prefix, "python", "3.11.7", "0_cpython")
    prefixes.record(prefix, "six", "1.15.0", "py_0", depends=["python >=3.8"], **six)
    return [of("python", "3.11.7", "0_cpython"), of("six", "1.15.0", "py_0")]


@pytest.mark.parametrize(
    ("specs", "problem"),
    [
        (["six<1.16", "six>=1.14"], ""),
        (["six<1.15", "six>=1.14"], "six<1.15 is wanted"),
        (["six[subdir=noarch]", f"{prefixes.CHANNEL}::six", "main::six", "defaults::six"], ""),
        (["six[subdir=linux-64]"], "is wanted, and six 1.15.0 py_0 is installed"),
        (["other::six"], "other::six is wanted"),
        (["six[md5=" + "0" * 32 + "]"], "is wanted"),
    ],
)
def test_every_spec_of_the_desired_state_is_held_against_what_is_there(tmp_path, specs, problem):
    packages = installed(tmp_path)
    if not problem:
        assert len(verify.check_packages("x", str(tmp_path), packages, specs)) == 2
        return
    with pytest.raises(MlstackError) as refused:
        verify.check_packages("x", str(tmp_path), packages, specs)
    assert refused.value.code == "not_as_desired" and problem in refused.value.found


def test_packages_that_exclude_each_other_are_refused(tmp_path):
    packages = installed(tmp_path, constrains=["python <3.10"])
    with pytest.raises(MlstackError) as refused:
        verify.check_packages("x", str(tmp_path), packages, [])
    assert refused.value.code == "broken_requirements"
    assert "six 1.15.0" in refused.value.found and "python <3.10" in refused.value.found


def test_what_cannot_be_read_is_no_verdict():
    assert relations.fits(of("six"), "six[") and relations.asked(of("six"), "six[")


def test_a_path_leads_to_the_prefix_and_to_the_record(tmp_path):
    generation = tmp_path / "envs" / ".generations" / "ml" / "20261122T200000-111111"
    prefixes.record(generation / "prefix", "six")
    (generation / "conda-meta").symlink_to("prefix/conda-meta")
    (tmp_path / "envs" / "ml").symlink_to(".generations/ml/20261122T200000-111111")
    shim, prefix = tmp_path / "envs" / "ml", generation / "prefix"
    assert whereabouts.of(str(shim)) == whereabouts.Whereabouts(str(prefix))  # nothing that was ever finished
    record = {"schema": 1, "id": generation.name, "digest": "1" * 6, "specs": ["six"]}
    (generation / "mlstack.json").write_text(json.dumps(record))
    for path in (shim, shim / "prefix", prefix):
        found = whereabouts.of(str(path))
        assert (found.prefix, found.root, found.name) == (str(prefix), str(tmp_path / "envs"), "ml")
        assert found.record["specs"] == ["six"]
    (tmp_path / "other").symlink_to(prefix)
    assert whereabouts.of(f"{tmp_path}/other/").prefix == str(prefix)
    assert whereabouts.of(str(tmp_path / "nothing")) == whereabouts.Whereabouts(str(tmp_path / "nothing"))
