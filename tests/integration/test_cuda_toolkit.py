# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA toolkits on a real apt and a real dnf, with stand-ins for NVIDIA's packages and installers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import cuda_packages, repositories, runfile
from ansible_collections.gpufleet.mlstack.tests.integration.cuda_host import CudaHost, cuda_host

# As one of an exact version: the installer that the bed serves is not NVIDIA's, and its digest is not in the tables.
STAND_IN_SHA256 = {
    release.version: hashlib.sha256(runfile.installer(release).encode()).hexdigest()
    for release in cuda_packages.RELEASES
}
RUNFILE = {"version": "11.8.0_520.61.05", "sha256": STAND_IN_SHA256["11.8.0"]}
# A copy of the stand-in repository on the host itself.
MIRROR, SYSTEMS = "/srv/cuda", {"apt": "ubuntu2404", "dnf": "rhel9"}
BUILD_ESSENTIAL = (
    "Package: build-essential\nVersion: 12.9\nArchitecture: all\nMaintainer: the bed <bed@gpufleet-bed.invalid>\n"
    "Description: stand-in without compilers\n"
)
ABSENT = [{"version": version, "state": "absent"} for version in ("11.8", "12.4", "13.0")]


@pytest.fixture(scope="module", params=["apt", "dnf"])
def shared(request: pytest.FixtureRequest) -> Iterator[CudaHost]:
    repository = repositories.folder() / "www" / repositories.REPOSITORIES / SYSTEMS[request.param] / "x86_64"
    with cuda_host(request.param, more_volumes=[f"{repository}:{MIRROR}:ro"]) as made:
        if made.manager == "apt":
            # nvcc needs compilers, which take longest to fetch. What they are called is enough for a stand-in of it.
            made.container.write("/tmp/c/DEBIAN/control", BUILD_ESSENTIAL)
            made.sh("dpkg-deb --build /tmp/c /tmp/c.deb && dpkg --install /tmp/c.deb && rm -r /tmp/c /tmp/c.deb")
            made.sh("find /etc/apt/sources.list.d -name '*debian*' -delete; rm -f /etc/apt/sources.list")
        yield made


@pytest.fixture
def host(shared: CudaHost) -> Iterator[CudaHost]:
    """A host without CUDA, before and after."""
    yield shared
    shared.sh("rm -f /usr/lib64/libnvidia-ml.so.* /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.*")
    shared.run([*ABSENT[1:], {**RUNFILE, "state": "absent", "sha256": None}], driver="ignore")
    shared.succeed(ABSENT, driver="ignore")
    assert shared.leftovers() == ""


def steps(result: dict) -> list[str]:
    return [step["action"] for step in result["plan"]]


def with_driver(host: CudaHost, version: str) -> None:
    """What a driver's package leaves where programs look for it."""
    folder = {"apt": "/usr/lib/x86_64-linux-gnu", "dnf": "/usr/lib64"}[host.manager]
    library = f"{folder}/libnvidia-ml.so"
    host.sh(f"mkdir -p {folder} && touch {library}.{version} && ln -sfn libnvidia-ml.so.{version} {library}.1")


def test_two_releases_side_by_side_and_the_default_between_them(host: CudaHost) -> None:
    desired = ["11.8", "12.4"]
    foretold = host.succeed(desired, check=True)
    assert foretold["changed"] and steps(foretold)[:3] == ["trust", "write", "refresh"]
    assert host.leftovers() == ""
    done = host.succeed(desired)
    assert [row["version"] for row in done["toolkits"]] == ["11.8.0", "12.4.1"]
    assert (host.release(), host.release("sh -c")) == ("12.4", "12.4")
    again = host.succeed(desired)
    assert not again["changed"] and again["commands_run"] == 1
    switched = host.succeed(desired, default="11.8")
    assert steps(switched) == ["default"] and switched["default"] == "/usr/local/cuda-11.8"
    assert (host.release(), host.release("sh -c")) == ("11.8", "11.8")
    assert "/usr/local/cuda/lib64" in host.sh("cat /etc/ld.so.conf.d/gpufleet-cuda.conf")
    host.sh("rm /etc/profile.d/gpufleet-cuda.sh && update-alternatives --set cuda /usr/local/cuda-12.4")
    assert steps(host.succeed(desired, default="11.8")) == ["default", "write"]
    one = host.succeed([ABSENT[0], "12.4"])
    assert one["default"] == "/usr/local/cuda-12.4" and host.release() == "12.4"
    assert not any("cuda-11" in line for line in host.leftovers().splitlines())
    foretold = host.succeed(ABSENT, check=True)
    gone = host.succeed(ABSENT)
    assert sorted(steps(foretold)) == sorted(steps(gone))
    assert host.leftovers() == "" and not host.succeed(ABSENT)["changed"]


def test_a_held_release_survives_an_upgrade_of_everything(host: CudaHost) -> None:
    desired = [{"version": "12.4.0", "hold": True}]
    done = host.succeed(desired, cudnn="9.3.*", nccl="2")
    assert done["toolkits"][0]["held"] and "hold" in steps(done)
    assert not host.succeed(desired, cudnn="9.3.*", nccl="2")["changed"]
    host.sh({"apt": "apt-get -qqy dist-upgrade", "dnf": "dnf -qy upgrade"}[host.manager])
    query = {"apt": "dpkg-query -W -f '${Version}' ", "dnf": "rpm -q --qf '%{VERSION}-%{RELEASE}' "}[host.manager]
    assert host.sh(f"{query} cuda-toolkit-12-4") == "12.4.0-1"
    changed = host.succeed([{"version": "12.4.1", "hold": True}])
    assert host.sh(f"{query} cuda-toolkit-12-4") == "12.4.1-1" and changed["toolkits"][0]["held"]


def test_cudnn_follows_the_default(host: CudaHost) -> None:
    desired = ["11.8", "12.4"]
    host.succeed(desired, cudnn="9")
    done = host.succeed(desired, cudnn="9", default="11.8")
    named = {change["name"]: change["action"] for change in done["changes"]}
    assert (named["libcudnn9-cuda-11"], named["libcudnn9-cuda-12"]) == ("install", "remove")
    assert not host.succeed(desired, cudnn="9", default="11.8")["changed"]


def test_a_toolkit_that_the_driver_cannot_run_is_refused(host: CudaHost) -> None:
    with_driver(host, "535.183.01")
    refused = host.refuse(["13.0"], "driver_too_old")
    assert (refused["minimum_driver"], refused["driver"]) == ("580.65.06", "535.183.01")
    assert "580.65.06" in refused["msg"] and host.leftovers() == ""
    partly = host.succeed(["12.4"])
    assert partly["driver"] == "535.183.01" and "minor-version compatibility" in partly["notes"][0]
    assert host.succeed(["13.0"], driver="compat")["default"] == "/usr/local/cuda-13.0"
    assert "/usr/local/cuda/compat" in host.sh("cat /etc/ld.so.conf.d/gpufleet-cuda.conf")
    with_driver(host, "580.65.06")
    plain = host.succeed(["13.0"])
    assert plain["notes"] == [] and "compat" not in host.sh("cat /etc/ld.so.conf.d/gpufleet-cuda.conf")


def test_components_are_parts_and_none_of_them_is_a_driver(host: CudaHost) -> None:
    host.succeed([{"version": "12.4", "components": "runtime"}])
    assert host.release() == "" and not host.sh("ls /usr/local/bin").split().count("nvcc")
    host.succeed([{"version": "12.4", "components": "compiler"}])
    assert host.release() == "12.4"
    assert "nvidia" not in host.sh("dpkg-query -W -f '${Package}\\n' 2>/dev/null || rpm -qa")


def test_a_runfile_is_verified_installed_and_removed(host: CudaHost) -> None:
    refused = host.refuse([RUNFILE["version"]], "digest_mismatch")
    assert not refused["changed"] and host.leftovers() == ""
    failed = host.refuse([RUNFILE], "runfile_failed", env={"BED_INSTALLER_FAILS": "1"})
    assert "Install of toolkit failed" in failed["msg"] and "is not there, as before" in failed["msg"]
    assert host.leftovers() == ""
    done = host.succeed([RUNFILE])
    assert steps(done)[:2] == ["install_runfile", "default"] and host.release() == "11.8"
    assert "alternatives" in host.sh("readlink /usr/local/cuda")
    again = host.succeed([RUNFILE])
    assert not again["changed"] and again["commands_run"] == 0
    beside = host.succeed([RUNFILE, "12.4"])
    assert beside["default"] == "/usr/local/cuda-12.4"
    host.succeed([{"version": "11.8", "method": "runfile", "state": "absent"}, "12.4"])
    assert not any("11.8" in line for line in host.leftovers().splitlines())
    assert host.sh("ls -A /var/tmp") == ""


def test_a_runfile_on_the_host_needs_no_network(host: CudaHost) -> None:
    host.container.write("/srv/installer.run", runfile.installer(cuda_packages.RELEASES[0]))
    desired = {**RUNFILE, "source": "/srv/installer.run"}
    host.succeed([desired])
    assert host.release("sh -c") == "11.8"
    # The same file is not the installer of another release, and its digest tells.
    other = {**desired, "version": "12.4.1", "method": "runfile", "sha256": STAND_IN_SHA256["12.4.1"]}
    host.refuse([other], "digest_mismatch")


def test_an_installer_that_fails_half_way_leaves_the_toolkit_that_was_there(host: CudaHost) -> None:
    host.succeed([RUNFILE])
    # What people do: a library of another origin among the toolkit's.
    host.sh("echo by hand >/usr/local/cuda-11.8/lib64/libcudnn.so.8")
    everything = "cd /usr/local && find cuda cuda-* -printf '%p %l %s %m\n' | sort; cat cuda-*/version.json"
    before = host.sh(everything)
    text = runfile.installer(replace(cuda_packages.RELEASES[0], version="11.8.1"))
    host.container.write("/srv/newer.run", text)
    newer = {"version": "11.8.1", "method": "runfile", "source": "/srv/newer.run"}
    newer["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    failed = host.refuse([newer], "runfile_failed", env={"BED_INSTALLER_FAILS": "1"})
    assert failed["restored"] is True and "/usr/local/cuda-11.8 is as it was" in failed["msg"]
    assert host.sh(everything) == before and not host.succeed([RUNFILE])["changed"]
    host.succeed([newer])
    assert '"11.8.1"' in host.sh("cat /usr/local/cuda/version.json") and host.release() == "11.8"
    assert host.sh("cat /usr/local/cuda/lib64/libcudnn.so.8; ls -d /usr/local/cuda-*").split("\n")[:-1] == [
        "by hand",
        "/usr/local/cuda-11.8",
    ]
    # A run that was killed left half of a toolkit, and the copy of the whole one beside it.
    host.sh("cd /usr/local && cp -a cuda-11.8 cuda-11.8.gpufleet-before && rm cuda-11.8/version.json")
    host.refuse([newer], "runfile_failed", env={"BED_INSTALLER_FAILS": "1"})
    assert '"11.8.1"' in host.sh("cat /usr/local/cuda-11.8/version.json; ls /usr/local | grep before || true")
    host.succeed([{**newer, "state": "absent"}])


def test_a_local_mirror_needs_no_network(host: CudaHost) -> None:
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    desired = [{"version": "12.4", "components": "compiler"}]
    host.succeed(desired, repository_url=f"file://{MIRROR}", env=nowhere)
    assert host.release() == "12.4"
    again = host.succeed(desired, repository_url=f"file://{MIRROR}", env=nowhere)
    assert not again["changed"] and again["commands_run"] == 1


def test_what_the_repository_does_not_have_is_named(host: CudaHost) -> None:
    refused = host.refuse(["12.9"], "unknown_package")
    assert "cuda-toolkit-12-9" in refused["msg"] and host.leftovers() == ""


def test_a_full_disk_is_seen_before_anything_is_fetched() -> None:
    with cuda_host("apt", image="debian12", tmpfs={"/var/tmp": "size=4k"}) as host:
        host.sh("head -c 4096 /dev/zero >/var/tmp/full")
        refused = host.refuse([RUNFILE], "disk_full")
        assert refused["needed_bytes"] > refused["free_bytes"] and host.leftovers() == ""
