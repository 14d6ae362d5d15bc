# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories with their keys, on a real apt and a real dnf: configured, repaired, refused, put back, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import signing_key
from ansible_collections.gpufleet.mlstack.tests.bed import images
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED, STRANGER
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, package_host

SOURCE = {"apt": "/etc/apt/sources.list.d/tools.sources", "dnf": "/etc/yum.repos.d/tools.repo"}
KEY = {"apt": "/etc/apt/keyrings/tools.asc", "dnf": "/etc/pki/rpm-gpg/RPM-GPG-KEY-tools"}
RIVAL = {"apt": "/etc/apt/sources.list.d/by-hand.list", "dnf": "/etc/yum.repos.d/by-hand.repo"}


@pytest.fixture(params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[PackageHost]:
    """A host that knows none of the bed's test packages: their repository is not configured."""
    with package_host(request.param) as made:
        made.sh("rm -f /etc/apt/sources.list.d/bed.sources /etc/yum.repos.d/bed.repo")
        if made.manager == "dnf":
            # The stand-in trusts the bed's key from the start, a real host does not.
            made.sh("rpm -e --allmatches gpg-pubkey")
        yield made


def tools(host: PackageHost, name: str = "bed", owner: str = BED, **fields: Any) -> dict[str, Any]:
    """A task's repository: one of the bed's, with the key of one of its signers."""
    key = images.keys().public_key(owner)
    return {
        "name": "tools",
        "url": f"file:/opt/bed/repositories/{host.manager}/{name}",
        "key": key,
        "fingerprints": list(signing_key.fingerprints(key.encode())),
        "suite": "stable",
        "components": ["main"],
        **fields,
    }


def exists(host: PackageHost, path: str) -> bool:
    return host.container.run(["test", "-e", path]).rc == 0


def test_a_repository_comes_with_its_packages_and_goes_again(host: PackageHost) -> None:
    before = host.state()
    foretold = host.succeed(["bed-leaf"], repositories=[tools(host)], check=True)
    assert host.state() == before
    assert [step["action"] for step in foretold["plan"]] == ["trust", "write", "refresh", "install"]
    done = host.succeed(["bed-leaf"], repositories=[tools(host)])
    assert [step["action"] for step in done["plan"]] == ["trust", "write", "refresh", "install"]
    assert host.marker("bed-leaf") == "1.1-1"
    assert "tools" in done["diff"][1]["after"] and "bed-leaf 1.1-1" in done["diff"][1]["after"]
    again = host.succeed(["bed-leaf"], repositories=[tools(host)])
    assert not again["changed"] and again["commands_run"] == 1
    host.container.run(f"echo '# mine' >>{SOURCE[host.manager]}")
    repaired = host.succeed(["bed-leaf"], repositories=[tools(host)])
    assert [step["action"] for step in repaired["plan"]] == ["write"]
    gone = host.succeed([{"name": "bed-leaf", "state": "absent"}], repositories=[{"name": "tools", "state": "absent"}])
    assert {step["action"] for step in gone["plan"]} == {"distrust", "delete", "remove"}
    assert not exists(host, SOURCE[host.manager]) and not exists(host, KEY[host.manager])


def test_a_definition_by_hand_is_replaced_and_a_shared_one_is_refused(host: PackageHost) -> None:
    address = tools(host)["url"]
    by_hand = {
        "apt": f"deb [signed-by=/nowhere.asc] {address} stable main\n",
        "dnf": f"[by-hand]\nname=x\nbaseurl={address}\nenabled=1\ngpgcheck=0\n",
    }[host.manager]
    other = {"apt": "deb http://other.invalid/ x y\n", "dnf": "[other]\nname=o\nbaseurl=http://other.invalid/\n"}
    host.container.write(RIVAL[host.manager], by_hand + other[host.manager])
    refused = host.refuse(["bed-leaf"], "repository_defined_twice", repositories=[tools(host)])
    assert refused["files"] == [RIVAL[host.manager]]
    host.container.write(RIVAL[host.manager], by_hand)
    done = host.succeed(["bed-leaf"], repositories=[tools(host)])
    assert "replace" in [step["action"] for step in done["plan"]]
    assert not exists(host, RIVAL[host.manager]) and host.marker("bed-leaf")


def test_a_failure_puts_everything_back(host: PackageHost) -> None:
    host.refresh()
    before = host.state()
    failed = host.run(["bed-uninstallable"], repositories=[tools(host)])
    assert failed["failed"] and failed["code"] == "unsolvable"
    assert not exists(host, SOURCE[host.manager]) and not exists(host, KEY[host.manager])
    wrong = tools(host, "wrong-key")
    failed = host.run(["bed-signed-by-a-stranger"], repositories=[wrong])
    assert failed["failed"] and not host.marker("bed-signed-by-a-stranger"), failed
    assert not exists(host, SOURCE[host.manager]) and not exists(host, KEY[host.manager])
    kept = ("/etc/apt", "/etc/yum.repos.d", "/etc/dnf")
    assert [line for line in host.state().splitlines() if any(folder in line for folder in kept)] == [
        line for line in before.splitlines() if any(folder in line for folder in kept)
    ]


def test_only_the_announced_key_is_trusted(host: PackageHost) -> None:
    before = host.state()
    announced = tools(host)["fingerprints"]
    mine = tools(host, "wrong-key", STRANGER, fingerprints=announced)
    refused = host.refuse(["bed-signed-by-a-stranger"], "key_mismatch", repositories=[mine])
    assert refused["fingerprints"] != announced
    host.refuse([], "key_mismatch", repositories=[tools(host, key="no key at all")])
    host.refuse(
        [], "key_mismatch", repositories=[tools(host, key=tools(host)["key"] + tools(host, owner=STRANGER)["key"])]
    )
    host.refuse([], "invalid_repository", repositories=[tools(host, fingerprints=[announced[0][-8:]])])
    host.refuse([], "invalid_repository", repositories=[tools(host, url="https://me:secret@packages.invalid/")])
    host.refuse([], "invalid_repository", repositories=[{**tools(host), "name": "-o/x"}])
    assert host.state() == before
    # With the key that it is really signed with, the same repository is fine.
    host.succeed(["bed-signed-by-a-stranger"], repositories=[tools(host, "wrong-key", STRANGER)])


def test_another_key_in_the_file_is_drift(host: PackageHost) -> None:
    desired = {"repositories": [tools(host)]}
    host.succeed([], **desired)
    host.container.write(KEY[host.manager], images.keys().public_key(STRANGER))
    repaired = host.succeed([], **desired)
    assert [step["action"] for step in repaired["plan"]] == ["trust"]
    assert signing_key.fingerprints(host.container.read(KEY[host.manager]).encode()) == tuple(
        tools(host)["fingerprints"]
    )
