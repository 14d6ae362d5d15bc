# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of packages, on a real dnf, and tasks, on a real apt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_packages import LocalPackage, publish
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, package_host

NAMES = ("g-one", "g-two", "g-other")
COMPS = """<?xml version="1.0" encoding="UTF-8"?>
<comps><group><id>g-tools</id><name>Group Tools</name><description/><default>false</default>
<uservisible>true</uservisible><packagelist>
<packagereq type="mandatory">g-one</packagereq><packagereq type="default">g-two</packagereq>
<packagereq type="default">g-of-another-release</packagereq><packagereq type="optional">g-other</packagereq>
</packagelist></group></comps>
"""


@pytest.fixture(params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[PackageHost]:
    with package_host(request.param) as made:
        publish(made, [LocalPackage(name) for name in NAMES], groups=COMPS)
        if made.manager == "apt":
            made.sh("sed -i '/^Package: g-\\(one\\|two\\)$/a Task: some-task, g-tools' /opt/local/Packages")
            made.refresh()
        else:  # it unpacks the lists that it has when it first looks at groups, as it does for packages (*.solv)
            made.sh("dnf -q group list >/dev/null")
        yield made


def test_the_packages_of_a_group_are_foretold_then_there_then_left_alone(host: PackageHost) -> None:
    name = {"apt": "g-tools^", "dnf": "@Group Tools"}[host.manager]
    host.succeed(["g-one"])
    before = host.state()
    foretold = host.succeed([name], check=True)
    assert host.state() == before
    done = host.succeed([name])
    for key in ("changed", "changes", "plan", "diff", "packages"):
        assert key == "packages" or foretold[key] == done[key], key
    assert [change["name"] for change in done["changes"]] == ["g-two"]
    assert [package["name"] for package in done["packages"]] == ["g-one", "g-two"]
    for spelling in (name, "@g-tools"):
        again = host.succeed([spelling])
        assert not again["changed"] and again["plan"] == []
    assert host.version("g-other") == ""


def test_a_group_that_nobody_knows_and_one_with_a_version_are_refused(host: PackageHost) -> None:
    for check in (True, False):
        assert host.refuse(["@no such"], "unknown_package", check=check)["unknown"] == ["@no such"]
    for more in ({"version": "1"}, {"state": "absent"}, {"hold": True}):
        host.refuse([{"name": "@g-tools", **more}], "invalid_packages")
