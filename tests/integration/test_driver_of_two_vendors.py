# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RPM Fusion's driver beside NVIDIA's, on a real dnf: a mixture is told and refused, and a change of source cleans up.

Both offer the same version, the other one's metapackages provide the names of ours, and `nvidia-persistenced` is called
the same in both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import images, rpm
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import fusion_packages, kernel_headers
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import DriverHost, driver_host

VERSION = fusion_packages.VERSIONS[0]
DESIRED = {"branch": "580", "flavour": "open"}
REPOSITORY = (
    "[rpmfusion-nonfree]\nname=stand-in\nbaseurl=file:///srv/fusion\ngpgcheck=1\n"
    "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-bed\n"
)


@pytest.fixture(scope="module", params=["rocky9", "rocky10"])
def host(request: pytest.FixtureRequest) -> Iterator[DriverHost]:
    with driver_host("dnf", image=request.param) as made:
        system = request.param.replace("rocky", "el")
        with tempfile.TemporaryDirectory() as folder:
            rpm.build_repository(fusion_packages.packages(system), Path(folder), images.keys(), BED)
            made.container.copy_in(folder, "/srv/fusion")
        made.container.write("/etc/yum.repos.d/rpmfusion-nonfree.repo", REPOSITORY)
        yield made


def told(host: DriverHost) -> dict[str, Any]:
    return nvidia_host.run_module(host.container, "gpu_info", {})


def of_fusion(host: DriverHost) -> set[str]:
    """RPM Fusion's packages of the driver, and the module that akmods built from them."""
    listing = host.sh("rpm -qa --qf '%{NAME}\\t%{VENDOR}\\n'").splitlines()
    rows = [line.split("\t") for line in listing]
    return {name for name, vendor in rows if vendor == "RPM Fusion" or name == fusion_packages.BUILT_HERE}


def test_another_vendors_driver_makes_room_for_the_one_that_is_wanted(host: DriverHost) -> None:
    wanted = ("akmod-nvidia", "xorg-x11-drv-nvidia", "xorg-x11-drv-nvidia-cuda", fusion_packages.BUILT_HERE)
    host.sh(f"dnf -qy install {' '.join(f'{name}-{VERSION}' for name in wanted)}")
    before = of_fusion(host)
    info = told(host)
    assert info["driver"]["sources"] == ["distribution"]
    assert not any(problem["code"] == "mixed_sources" for problem in info["problems"])
    done = host.change(**DESIRED, foreseen=False)
    removed = {step["subject"] for step in done["plan"] if step["action"] == "remove"}
    assert removed == before - {"nvidia-persistenced"}
    assert of_fusion(host) <= {"nvidia-persistenced"}
    assert host.drivers() == {VERSION} and host.held() == set(host.packages())
    assert {"nvidia-open", "nvidia-driver", "nvidia-driver-cuda", "kmod-nvidia-open-dkms"} <= set(host.packages())
    assert done["driver"]["sources"] == ["nvidia"] and done["driver"]["on_disk"] == VERSION
    assert done["target"]["flavour"] == "open" and done["problems"] == []


def test_the_other_vendors_newer_driver_does_not_come_back(host: DriverHost) -> None:
    before = host.packages()
    host.upgrade_everything()
    assert host.packages() == before and of_fusion(host) <= {"nvidia-persistenced"}


def test_a_mixture_is_told_refused_with_its_packages_and_cleaned_where_asked(host: DriverHost) -> None:
    before = host.packages()
    # Nothing of either keeps dnf from putting the one's module beside the other's driver.
    host.sh(f"dnf -qy install akmod-nvidia-{VERSION} {fusion_packages.BUILT_HERE}-{VERSION}")
    foreign = {"akmod-nvidia", "xorg-x11-drv-nvidia-kmodsrc", fusion_packages.BUILT_HERE}
    info = told(host)
    assert info["driver"]["sources"] == ["distribution", "nvidia"]
    (problem,) = (problem for problem in info["problems"] if problem["code"] == "mixed_sources")
    assert all(name in problem["text"] for name in foreign), problem
    assert {piece["package"] for piece in info["packages"] if piece["source"] == "distribution"} >= foreign
    refused = host.refuse("mixed_sources", **DESIRED)
    assert f"akmod-nvidia 3:{VERSION}-1.{host.container.image_key.replace('rocky', 'el')} (" in refused["msg"]
    assert all(name in refused["msg"] for name in foreign) and "replace_mixed_sources" in refused["msg"]
    assert not refused["changed"] and foreign <= of_fusion(host)
    done = host.change(**DESIRED, replace_mixed_sources=True)
    assert {step["subject"] for step in done["plan"] if step["action"] == "remove"} == foreign
    assert host.packages() == before and host.held() == set(before) and not foreign & of_fusion(host)
    assert done["driver"]["sources"] == ["nvidia"] and done["problems"] == []
    module = f"/lib/modules/{kernel_headers.release()}"
    assert host.sh(f"find {module} -name nvidia.ko").split() == [f"{module}/updates/dkms/nvidia.ko"]
