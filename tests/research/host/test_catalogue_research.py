# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue against the tables of the research it was made from: no fact was lost or changed on the way.

What was left out on purpose is named here, with the reason.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import package_names, repositories
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import first_driver, known
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Gpu
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import branch_of, number, rows
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import facts

import catalogue_check

RESEARCH = Path(__file__).resolve().parents[4] / "shared" / "data" / "gpu"
pytestmark = pytest.mark.skipif(not RESEARCH.is_dir(), reason=f"no tables beside the checkout: {RESEARCH}")

CATALOGUE = load()
OTHERS = catalogue_check.shipped_others()
# No distribution that the collection works on has an edition for POWER.
NO_TARGET = "ppc64le"
# The solver's tables begin with 10.2; nobody has a driver branch for older toolkits any more.
OLDEST_CUDA = (10, 1)
# Our words for the research's: whether a product works with open modules.
MODULES = {"supported": "both", "required": "open"}
# Where a later reading of another source corrected the research: the first driver of a board, the first and the last
# Python of a release that has wheels on the index.
FIRST_DRIVERS = {"2901": "570.133.20"}
PYTHONS = {
    ("torch", "1.13"): ("3.7", "3.11"),
    ("torch", "2.2"): ("3.8", "3.12"),
    ("torch", "2.3"): ("3.8", "3.12"),
    ("torch", "2.5"): ("3.9", "3.13"),
    ("tensorflow", "2.11"): ("3.8", "3.10"),
}


def research(name: str) -> list[dict[str, str]]:
    with (RESEARCH / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def device(row: dict[str, str], column: str) -> str:
    return row[column].lower().rpartition(":")[2]


def test_cuda_and_its_drivers():
    ours = {row["version"]: row for row in CATALOGUE.tables["cuda"]}
    for row in research("cuda_min_driver"):
        mine = ours[row["cuda_version"]]
        # 13.4: '615 (branch; driver no longer bundled)'
        assert mine["driver"] == row["toolkit_driver_min_linux"].partition(" ")[0]
        assert mine["minor_driver"] == row["minor_compat_min_driver"]
        assert mine.verified == (row["verified"] == "yes"), row["cuda_version"]


def test_installers_of_toolkits():
    for row in research("cuda_runfiles"):
        if row["arch"] == NO_TARGET or number(row["cuda_version"])[:2] < OLDEST_CUDA:
            continue
        mine = facts.installer(row["cuda_version"], row["arch"])
        assert (mine.url, mine.sha256) == (row["url"], row["sha256"])


def test_installers_of_which_nobody_has_the_digest():
    for row in research("cuda_runfiles_md5"):
        mine = facts.installer(row["cuda_version"], row["arch"])
        assert mine.url == row["url"]


def test_installers_of_drivers():
    ours = {(row["version"], row["file"], row["sha256"]) for row in OTHERS["driver runfiles"]}
    for row in research("driver_runfiles_sha256"):
        if row["kind"] != "grid":  # for guests that share a GPU: they take the host's own, licensed, version
            assert (row["version"], row["filename"], row["sha256"]) in ours


def test_branches():
    types = {"LTS": "lts", "production": "production", "new feature": "new_feature", "?": "unknown"}
    for row in research("driver_branches"):
        mine = CATALOGUE.branch(row["branch"].removeprefix("R"))
        if row["branch"] == "R620":  # its page of supported drivers is younger than the research
            assert (mine["type"], mine["end"]) == ("lts", "2029-09")
            continue
        assert mine["type"] == types[row["type"]]
        month = re.match(r"\d{4}-\d{2}", row["end_of_life"])  # of two pages that disagree the newer one
        ended = "ended" if row["end_of_life"].startswith("EOL") else ""
        assert mine["end"] == (month.group() if month else ended), row["branch"]


def test_capabilities():
    for row in research("compute_capability"):
        mine = CATALOGUE.capability(row["compute_capability"])
        assert mine["architecture"].startswith(row["architecture"].partition(" ")[0])
        assert mine["last_branch"] == row["last_driver_branch"].removeprefix("R")
        first, last = row["first_cuda_toolkit"], row["last_cuda_toolkit"]
        if row["compute_capability"] == "9.0":
            first = "11.8"  # sources disagree: nvcc of 11.8 compiles for it
        assert (mine["first_cuda"], mine["last_cuda"]) == (first, last)


def test_products_of_the_open_kernel_modules():
    listings: dict[tuple[str, str], set[str]] = {}
    for row in research("gpu_pci_ids_open_modules"):
        for listed in row["first_listing_in_each_branch"].split():
            listings.setdefault((device(row, "pci_device_id"), branch_of(listed)), set()).add(listed)
    for row in research("gpu_pci_ids_open_modules"):
        mine = CATALOGUE.gpu(device(row, "pci_device_id"))
        assert mine["modules"] in ("both", "open")
        # Editions of a laptop's product, and a name that was spelled in two ways.
        name = row["product"].removesuffix(" with Max-Q Design").replace("3050Ti", "3050 Ti").removeprefix("Tesla ")
        assert name.lower() in mine["product"].lower()
    begun = {
        branch: min((v for (_id, b), vs in listings.items() if b == branch for v in vs), key=number)
        for _id, branch in listings
    }
    for (pci_id, branch), listed in listings.items():
        seen = known(Gpu(pci_id), CATALOGUE)
        first = first_driver(seen, branch)
        if pci_id in FIRST_DRIVERS and branch_of(first) == branch:
            assert first == FIRST_DRIVERS[pci_id]
        elif seen.modules == "open" and branch_of(first) == branch:
            assert first in listed, pci_id  # of two products with one id, either release will do
        elif seen.modules == "open":
            assert begun[branch] in listed, pci_id  # the branch has had it from its beginning


def test_products():
    for row in research("gpu_products"):
        if not row["pci_id"]:  # those that open modules do not know, by name alone
            fitting = [gpu for gpu in CATALOGUE.tables["gpus"] if row["product"] in gpu["product"]]
            assert fitting and all(gpu["modules"] == "proprietary" for gpu in fitting), row["product"]
            assert {gpu["capability"] for gpu in fitting} == {row["compute_capability"]}
            continue
        mine = CATALOGUE.gpu(device(row, "pci_id"))
        assert mine["capability"] == row["compute_capability"]
        assert mine["modules"] == MODULES[row["open_kernel_module"]]
        assert mine["drivers"].split()[0] == FIRST_DRIVERS.get(mine["id"], row["min_driver"])
        assert bool(mine["fabric"]) == row["nvswitch_needs_fabricmanager"].startswith("yes"), row["product"]


def test_frameworks():
    names = {"pytorch": "torch", "tensorflow": "tensorflow"}
    ours = {(row["framework"], row["version"], row["cuda"]): row for row in CATALOGUE.tables["frameworks"]}
    for row in research("frameworks_cuda"):
        name = names[row["framework"]]
        mine = ours[(name, ".".join(row["version"].split(".")[:2]), row["cuda"])]
        first, _dash, last = row["python"].partition("-")
        first = first.partition(" ")[0].removeprefix(">=")
        first, last = PYTHONS.get((name, mine["version"]), (first, last))
        assert mine["python_from"] == first
        assert not last or mine["python_to"] == last
        minimum = CATALOGUE.toolkit_minimum(row["cuda"])
        assert (minimum["driver"], minimum["minor_driver"]) == (
            row["driver_full_features"],
            row["driver_min_minor_compat"],
        )
        if name == "torch":
            assert (mine["tag"], mine["channel"]) == (row["wheel_tag"], row["channel"])


def test_wheels_of_pytorch():
    for row in research("pytorch_wheel_architectures"):
        tag = f"cu{''.join(row['cuda'].split('.')[:2])}"
        codes, plus, _ptx = row["compute_capabilities_in_wheel_2.12_to_2.14"].partition("+PTX")
        for release in ("2.12", "2.14"):
            mine = CATALOGUE.wheel("torch", tag, row["cpu_arch"], release)
            assert mine["capabilities"] == codes
            assert mine["ptx"] == (codes.split()[-1] if plus else "")


def test_host_compilers():
    for row in research("host_gcc_max"):
        mine = CATALOGUE.host_gcc(row["cuda_up_to"])
        # 11.4 takes 10 in most of its releases, 11.5 takes 11.1: we count by majors.
        assert mine["gcc"] == re.match(r"\d+", row["max_gcc"]).group()


def test_repositories_and_keys():
    ours = {f"{repositories.SITE}/{row['folder']}": row for row in rows(repositories.TABLE)}
    for row in research("repo_urls_keys"):
        if not row["base_url"].startswith(repositories.SITE):
            continue  # addresses of installers, and of others' repositories
        mine = ours[row["base_url"]]
        if mine["folder"].startswith(("rhel10/", "ubuntu2604/")):
            # Both have keys of their own, as the index of the repository shows: the research took the older ones.
            assert mine["source"] in ("container-el10", "key-lists")
            continue
        fingerprint = re.match(r"[0-9A-F]{40}", row["key_fingerprint"])
        # Debian 13's new key is known by its end only.
        assert mine["fingerprint"] == (fingerprint.group() if fingerprint else "")
    withdrawn = [row for row in research("repo_urls_keys") if row["distro"].startswith("(old, removed")]
    assert [row["key_fingerprint"] for row in withdrawn] == [repositories.WITHDRAWN_FINGERPRINT]


def test_renames_of_590():
    ours = {
        (package_names.name(archive, row["piece"], branch, opened=opened))
        for archive, branch in ((package_names.NVIDIA_APT, "580"), (package_names.NVIDIA_APT, "590"))
        for row in OTHERS["package names"]
        for opened in (False, True)
    }
    # Libraries that come as dependencies of those that we name.
    dependencies = {"cfg1", "common", "decode", "encode", "extra", "fbc1", "gl", "gpucomp"}
    for row in research("ubuntu_590_renames"):
        old, new = row["name_up_to_580"], row["name_from_590"].partition(" ")[0]
        part = new.removeprefix("libnvidia-")
        if part in dependencies or new in ("libxnvctrl0", "nvidia-driver-open"):
            continue
        assert {old, new} <= ours, row


def test_names_of_fabric_manager():
    archives = {"deb": package_names.NVIDIA_APT, "rpm": package_names.NVIDIA_DNF}
    for row in research("fabricmanager_naming"):
        if row["family"] not in archives:
            continue
        branch = "570" if row["driver_major"] == "<580" else "580"
        expected = row["package"].partition(" ")[0].replace("<branch>", branch)
        assert package_names.name(archives[row["family"]], "fabric_manager", branch) == expected


@pytest.mark.parametrize(
    ("component", "archive", "piece", "branch"),
    [
        ("driver meta (proprietary)", package_names.NVIDIA_APT, "proprietary", "570"),
        ("driver meta (proprietary)", package_names.NVIDIA_APT, "proprietary", "590"),
        ("driver meta (open)", package_names.NVIDIA_APT, "open", "570"),
        ("driver meta (open)", package_names.NVIDIA_APT, "open", "590"),
        ("DKMS module", package_names.NVIDIA_APT, "dkms", "570"),
        ("DKMS module", package_names.NVIDIA_APT, "dkms", "590"),
        ("compute only", package_names.NVIDIA_APT, "libraries", "590"),
        ("driver meta", package_names.NVIDIA_DNF, "open", "590"),
        ("driver meta", package_names.NVIDIA_DNF, "proprietary", "580"),
        ("compute only", package_names.NVIDIA_DNF, "compute", "580"),
        ("compute only", package_names.NVIDIA_DNF, "dkms_open", "580"),
        ("kmod source", package_names.NVIDIA_DNF, "dkms_proprietary", "580"),
        ("driver (desktop/UDA)", package_names.UBUNTU, "driver", "570"),
    ],
)
def test_names_of_the_repositories_packages(component, archive, piece, branch):
    name = re.sub(f"(?<=-){branch}", "<b>", package_names.name(archive, piece, branch))
    written = {
        word.replace("<branch>", "<b>")
        for row in research("repo_packages")
        if row["component"] == component
        for word in re.split(r"[,\s]+", row["package"])
    }
    assert name in written
