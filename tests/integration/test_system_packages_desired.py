# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages come to be as desired, on a real apt and a real dnf, and a converged host is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import names
from ansible_collections.gpufleet.mlstack.tests.bed.docker import NETWORK
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, package_host


@pytest.fixture(params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[PackageHost]:
    with package_host(request.param) as made:
        yield made


def test_a_desired_state_is_foretold_then_done_then_left_alone(host: PackageHost) -> None:
    host.refresh()
    desired = [
        "bed-tool",
        {"name": "bed-leaf", "version": "1.0*", "hold": True},
        {"name": "bed-epoch", "version": "5.0"},
    ]
    before = host.state()
    foretold = host.succeed(desired, check=True)
    assert host.state() == before
    done = host.succeed(desired)
    for key in ("changed", "changes", "plan", "diff"):
        assert foretold[key] == done[key], key
    assert {change["name"] for change in done["changes"]} >= {"bed-tool", "bed-library", "bed-leaf", "bed-epoch"}
    assert (host.marker("bed-tool"), host.marker("bed-leaf"), host.marker("bed-epoch")) == ("2.0-1", "1.0-1", "5.0-1")
    assert host.held() == {"bed-leaf"}
    after = host.state()
    for options in ({}, {"check": True}):
        again = host.succeed(desired, **options)
        assert not again["changed"] and again["plan"] == [] and again["diff"] == []
        assert again["commands_run"] <= 2
        assert not again["cache_refreshed"]
    assert host.state() == after


def test_a_host_without_package_lists_fetches_them_and_a_fresh_one_does_not(host: PackageHost) -> None:
    host.sh("rm -rf /var/lib/apt/lists/* /var/cache/dnf/*")
    foretold = host.succeed(["bed-leaf"], check=True)
    assert [step["action"] for step in foretold["plan"]] == ["refresh", "install"]
    done = host.succeed(["bed-leaf"])
    assert done["cache_refreshed"] and host.marker("bed-leaf") == "1.1-1"
    assert not host.succeed(["bed-provider"])["cache_refreshed"]
    assert host.succeed(["bed-mailer-a"], cache_valid_time=0)["cache_refreshed"]


def test_lists_older_than_a_new_repository_are_fetched_again(host: PackageHost) -> None:
    host.refresh()
    assert not host.succeed(["bed-leaf"])["cache_refreshed"]
    host.sh("sleep 1; touch /etc/apt/sources.list.d /etc/yum.repos.d 2>/dev/null || true")
    assert host.succeed(["bed-provider"])["cache_refreshed"]


def test_latest_follows_the_repository_unless_the_package_is_held(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-leaf", "version": "1.0"}, {"name": "bed-tool", "version": "1.0", "hold": True}])
    latest = [{"name": "bed-leaf", "state": "latest"}, {"name": "bed-tool", "state": "latest"}]
    done = host.succeed(latest)
    assert done["kept_back"] == ["bed-tool"]
    assert (host.version("bed-leaf"), host.version("bed-tool")) == ("1.1-1", "1.0-1")
    assert not host.succeed(latest)["changed"]
    assert host.succeed([{**package, "hold": False} for package in latest])["changed"]
    assert host.version("bed-tool") == "2.0-1"
    assert host.held() == set()


def test_a_held_package_survives_an_upgrade_of_everything(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-leaf", "version": "1.0", "hold": True}, {"name": "bed-tool", "version": "1.0"}])
    host.upgrade_everything()
    assert (host.version("bed-leaf"), host.version("bed-tool")) == ("1.0-1", "2.0-1")


def test_an_exact_version_moves_a_held_package_and_holds_it_there(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-tool", "version": "1.0", "hold": True}])
    host.succeed([{"name": "bed-tool", "version": "1.1-2"}])
    assert host.version("bed-tool") == "1.1-2"
    assert host.held() == {"bed-tool"}
    host.upgrade_everything()
    assert host.version("bed-tool") == "1.1-2"


def test_a_pattern_takes_the_newest_that_fits_and_leaves_one_that_fits_already(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-tool", "version": "1.*"}])
    assert host.version("bed-tool") == "1.1-2"
    host.succeed([{"name": "bed-tool", "version": "1.0"}], allow_downgrade=True)
    assert not host.succeed([{"name": "bed-tool", "version": "1.*"}])["changed"]
    assert host.succeed([{"name": "bed-tool", "version": "1.*", "state": "latest"}])["changed"]
    assert host.version("bed-tool") == "1.1-2"


def test_an_older_version_needs_permission(host: PackageHost) -> None:
    host.refresh()
    host.succeed(["bed-leaf"])
    before = host.state()
    for check in (True, False):
        refused = host.refuse([{"name": "bed-leaf", "version": "1.0"}], "downgrade_refused", check=check)
        assert refused["would_downgrade"] == ["bed-leaf"] and not refused["changed"]
    assert host.state() == before
    done = host.succeed([{"name": "bed-leaf", "version": "1.0"}], allow_downgrade=True)
    assert done["changes"] == [{"name": "bed-leaf", "action": "downgrade", "from": "1.1-1", "to": "1.0-1"}]


@pytest.mark.parametrize("permission", [True, ["bed-plugin"]])
def test_removing_what_nobody_named_needs_permission(host: PackageHost, permission: bool | list[str]) -> None:
    host.refresh()
    host.succeed(["bed-plugin", {"name": "bed-tool", "version": "1.0"}])
    before = host.state()
    for check in (True, False):
        refused = host.refuse([{"name": "bed-tool", "state": "latest"}], "removal_refused", check=check)
        assert refused["would_remove"] == ["bed-plugin"] and not refused["changed"]
        host.refuse([{"name": "bed-library", "state": "absent"}], "removal_refused", check=check)
        other = {"check": check, "allow_removal": ["bed-leaf"]}
        host.refuse([{"name": "bed-tool", "state": "latest"}], "removal_refused", **other)
    assert host.state() == before
    host.succeed([{"name": "bed-tool", "state": "latest"}], allow_removal=permission)
    assert (host.version("bed-tool"), host.version("bed-plugin")) == ("2.0-1", "")


def test_one_package_takes_the_place_of_another(host: PackageHost) -> None:
    host.refresh()
    host.succeed(["bed-mailer-a"])
    host.refuse(["bed-mailer-b"], "removal_refused")
    assert host.version("bed-mailer-a") == "1.0-1"
    swap = ["bed-mailer-b", {"name": "bed-mailer-a", "state": "absent"}]
    done = host.succeed(swap)
    assert {change["action"] for change in done["changes"]} == {"install", "remove"}
    assert (host.version("bed-mailer-a"), host.version("bed-mailer-b")) == ("", "1.0-1")
    assert not host.succeed(swap)["changed"]


def test_removing_leaves_dependencies_that_nobody_named(host: PackageHost) -> None:
    host.refresh()
    host.succeed(["bed-tool"])
    host.succeed([{"name": "bed-tool", "state": "absent"}])
    assert (host.version("bed-tool"), host.version("bed-library")) == ("", "2.0-1")
    assert not host.succeed([{"name": "bed-tool", "state": "absent"}])["changed"]


def test_a_held_package_is_not_removed_unless_that_is_said(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-leaf", "hold": True}])
    assert host.refuse([{"name": "bed-leaf", "state": "absent"}], "held_package")["held"] == ["bed-leaf"]
    host.succeed([{"name": "bed-leaf", "state": "absent", "hold": False}])
    assert host.version("bed-leaf") == "" and host.held() == set()


def test_a_held_dependency_is_not_removed_either(host: PackageHost) -> None:
    host.refresh()
    host.succeed(["bed-plugin", {"name": "bed-tool", "version": "1.0"}])
    host.succeed([{"name": "bed-plugin", "hold": True}])
    desired = [{"name": "bed-library", "state": "absent"}, {"name": "bed-tool", "state": "absent"}]
    # apt does not even find a way; dnf would do it without a word.
    refused = host.run(desired, allow_removal=True)
    assert refused["failed"] and refused["code"] in ("held_package", "unsolvable"), refused
    assert host.version("bed-plugin") == "1.0-1"


def test_a_name_that_another_package_provides_is_satisfied_by_it(host: PackageHost) -> None:
    host.refresh()
    host.succeed(["bed-capability"])
    again = host.succeed(["bed-capability"])
    assert not again["changed"]
    assert again["packages"][0]["provided_by"] == "bed-provider"


def test_a_configuration_file_that_somebody_has_edited_is_kept(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-configured", "version": "1.0"}])
    host.sh("echo 'level = 9' >/etc/bed-configured.conf")
    host.succeed([{"name": "bed-configured", "state": "latest"}])
    assert host.version("bed-configured") == "2.0-1"
    assert host.sh("cat /etc/bed-configured.conf") == "level = 9\n"


def test_the_info_module_answers_an_ordinary_user(host: PackageHost) -> None:
    host.refresh()
    host.succeed([{"name": "bed-leaf", "version": "1.0", "hold": True}, "bed-tool"])
    before = host.state()
    asked = {"module": "system_packages_info", "user": "nobody", "installed": True, "upgradable": True}
    told = host.succeed(["bed-leaf", "build-tools"], search=["bed-leaf"], show=["bed-tool"], **asked)
    assert told["manager"] == host.manager
    assert told["distribution"]["family"] == {"apt": "Debian", "dnf": "RedHat"}[host.manager]
    leaf = told["packages"][0]
    assert (leaf["version"], leaf["candidate"], leaf["held"], leaf["upgradable"]) == ("1.0-1", "1.1-1", True, True)
    assert leaf["versions"] == ["1.1-1", "1.0-1"]
    assert told["held"] == ["bed-leaf"]
    assert {"name": "bed-leaf", "from": "1.0-1", "to": "1.1-1"} in told["upgradable"]
    assert "bed-leaf" in [package["name"] for package in told["found"]["bed-leaf"]]
    assert told["shown"]["bed-tool"]["version"] == "2.0-1"
    assert "bed-tool" in [package["name"] for package in told["installed"]]
    assert host.state() == before


def test_the_archive_of_debian_has_every_canonical_name() -> None:
    debian = Distribution("debian", "12", "bookworm", "Debian GNU/Linux 12", "Debian")
    wanted = {real for name in names.canonical_names() for real in names.real_names(name, debian)}
    with package_host("apt", network=NETWORK) as host:
        host.refresh()
        offered = host.sh(f"apt-cache policy {' '.join(wanted)}")
    assert {name for name in wanted if f"{name}:\n" not in offered} == set()
    assert "Candidate: (none)" not in offered
